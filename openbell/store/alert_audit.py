"""Whether alerts stand where the log of their steps left them."""

from typing import Any

from sqlalchemy import Connection, Row

from openbell.store.alert_tables import ALERT_EVENTS, ALERT_STANDINGS
from openbell.store.audit import DAMAGE, Check, reader, stream
from openbell.values.alert import AlertStep

_KEY = ("plan", "alert", "symbol")
_READ_EVENT, _READ_STANDING = reader(ALERT_EVENTS), reader(ALERT_STANDINGS)


def standings(connection: Connection) -> Check:
    """The standing of each alert and symbol must be its last step."""
    check = Check("I5", "standings of alerts")
    last = {_key(row): row for row in stream(connection, ALERT_EVENTS, "number")}
    for found in stream(connection, ALERT_STANDINGS, *_KEY):
        check.rows += 1
        where = f"alert_standings {'/'.join(_key(found))}"
        event = last.pop(_key(found), None)
        if event is None:
            check.add(where, "stands without any step in the log")
            continue
        try:
            check.need(_stands(found) == _left(event), where, f"is not what step {event.number} left")
        except DAMAGE as error:
            check.add(where, f"cannot be read: {error}")
    for key, event in last.items():
        check.add(f"alert_events {event.number}", f"{'/'.join(key)} took this step and stands nowhere")
    return check


def _key(row: Row[Any]) -> tuple[str, ...]:
    return tuple(str(getattr(row, name)) for name in _KEY)


def _stands(found: Row[Any]) -> tuple[Any, ...]:
    row = _READ_STANDING(found)
    return row["event"], row["definition"], row["since"], row["armed"]


def _left(event: Row[Any]) -> tuple[Any, ...]:
    row = _READ_EVENT(event)
    return row["number"], row["definition"], row["at"], row["step"] == AlertStep.REARMED.value
