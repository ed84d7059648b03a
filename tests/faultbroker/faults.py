"""Scripted faults: which request is hurt, when, and how."""

import fnmatch
import threading
from dataclasses import dataclass, field

#: Every key that a fault may have; a misspelt one is refused when it is scripted.
KEYS = {
    "verb", "path", "match", "nth", "times",
    "delay", "drop", "status", "when", "code", "message", "body", "headers",
    "delay_answer", "mangle", "repeat", "patch", "remove", "hide",
}  # fmt: skip


@dataclass
class Fault:
    """One rule: it hurts the ``nth`` matching request and those after it, ``times`` in all (0: for ever)."""

    rule: dict
    seen: int = field(default=0)

    def __post_init__(self) -> None:
        if unknown := set(self.rule) - KEYS:
            raise ValueError(f"unknown keys {sorted(unknown)} in a fault; there are {sorted(KEYS)}")

    def hurts(self, verb: str, path: str, text: str) -> bool:
        rule = self.rule
        if rule.get("verb", "*") not in ("*", verb) or not fnmatch.fnmatch(path, rule.get("path", "*")):
            return False
        if rule.get("match", "") not in text:
            return False
        self.seen += 1
        first, times = rule.get("nth", 1), rule.get("times", 1)
        return self.seen >= first and (times == 0 or self.seen < first + times)


class Script:
    """The faults in force; the first that matches a request decides, and each counts on its own."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, rules: list[dict]) -> None:
        new = [Fault(rule) for rule in rules]
        with self._lock:
            self._faults += new

    def clear(self) -> None:
        with self._lock:
            self._faults = []

    def take(self, verb: str, path: str, text: str) -> dict:
        """The fault of this request, empty for none."""
        with self._lock:
            hurting = [fault.rule for fault in self._faults if fault.hurts(verb, path, text)]
        return hurting[0] if hurting else {}
