"""Scripted faults: which message of a client is hurt, when, and how."""

from dataclasses import dataclass, field

#: Every key that a fault may have; a misspelt one is refused when it is scripted.
KEYS = {
    "on": "name of the message, such as placeOrder, cancelOrder, positions, currentTime, handshake, startApi",
    "nth": "the first one that is hurt; 1 unless told",
    "times": "how many are hurt; 1 unless told, 0 for ever",
    "match": "only messages with this text in a field",
    "swallow": "it never arrives",
    "delay": "seconds until it is answered; of an order: until anybody is told of it",
    "late": "seconds until it arrives",
    "mute": "an order arrives and works, and nobody is ever told",
    "unseen": "an order arrives, and for so many seconds no list shows it, nobody is told and nothing fills it",
    "frozen": "an order arrives and is acknowledged, and nothing fills it but the lever",
    "error": "[code, text] instead of what was asked for; an order is not taken",
    "status": "with error: the status that is told of the order that was not taken",
    "keep": "with error: the order stands among the completed ones",
    "notice": "[code, text] about an order that is taken and works",
    "then": "[seconds, code, text]: an order is taken and rejected later",
    "drop": "the connection is cut: before it arrives, or after",
    "pending": "a cancel is only pending",
    "empty": "an empty answer instead of the true one",
    "terse": "orders without the message about their status",
    "twice": "every row is told twice",
    "zone": "executions carry this zone",
    "dashed": "executions carry times in UTC, with a dash and no zone",
    "nothing": "what completed orders say where nothing was filled",
    "partly": "only that many rows, and no end",
}


@dataclass
class Fault:
    """One rule."""

    rule: dict
    seen: int = field(default=0)

    def __post_init__(self) -> None:
        if unknown := set(self.rule) - set(KEYS):
            raise ValueError(f"unknown keys {sorted(unknown)} in a fault; there are {sorted(KEYS)}")
        if "on" not in self.rule:
            raise ValueError("a fault needs the key 'on'")

    def hurts(self, name: str, fields: list[str]) -> bool:
        if self.rule["on"] not in ("*", name) or not any(self.rule.get("match", "") in each for each in fields):
            return False
        self.seen += 1
        first, times = self.rule.get("nth", 1), self.rule.get("times", 1)
        return self.seen >= first and (times == 0 or self.seen < first + times)


class Script:
    """The faults in force; the first that matches a message decides, and each counts on its own."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, rules: list[dict]) -> None:
        self.faults += [Fault(rule) for rule in rules]

    def take(self, name: str, fields: list[str]) -> dict:
        """The fault of this message, empty for none."""
        hurting = [fault.rule for fault in self.faults if fault.hurts(name, fields or [""])]
        return hurting[0] if hurting else {}
