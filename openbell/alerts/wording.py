"""What people are told when alerts fire: one message for each alert and look."""

from collections.abc import Mapping, Sequence

from openbell.alerts.definitions import Alert, Rule
from openbell.values.alert import AlertEvent, AlertMessage

#: Symbols that a message names; the rest are counted.
NAMED = 5


def messages(alerts: Mapping[str, Alert], events: Sequence[AlertEvent]) -> tuple[AlertMessage, ...]:
    """The messages of the alerts that fired; ``alerts`` are by name."""
    fired: dict[str, list[AlertEvent]] = {}
    for event in events:
        fired.setdefault(event.alert, []).append(event)
    return tuple(_message(alerts[name], found) for name, found in fired.items())


def _message(alert: Alert, fired: Sequence[AlertEvent]) -> AlertMessage:
    more = f" and {len(fired) - NAMED} more" if len(fired) > NAMED else ""
    symbols = ", ".join(event.symbol for event in fired[:NAMED]) + more
    lines = [f"{event.symbol}: {event.detail}" for event in fired[:NAMED]]
    rule = [" ".join(alert.when.split())] if isinstance(alert, Rule) else []
    note = [alert.note] if alert.note else []
    kind = "RULE_ALERT" if isinstance(alert, Rule) else "PRICE_ALERT"
    return AlertMessage(kind, f"{alert.name}: {symbols}", "; ".join([*note, *rule, *lines]) + more)
