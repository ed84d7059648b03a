"""The kill switch, as the store and the halt file have it."""

from pathlib import Path

from sqlalchemy import Connection

from openbell.errors import StoreError
from openbell.ports import Forbidden, Level, Switch
from openbell.store import logs
from openbell.store.connect import now
from openbell.store.prepared import newest
from openbell.store.watch_tables import SWITCHES

#: Who moves the switch when the books themselves forbid to go on.
OURSELVES = "openbell"
_STRICTNESS = (Level.ACTIVE, Level.REDUCE_ONLY, Level.HALTED)


def read_switch(connection: Connection, halt_file: Path | None) -> Switch:
    """The newest setting; the halt file and anything that cannot be read mean HALTED."""
    stored = stored_switch(connection)
    if stored.level is Level.HALTED:
        return stored  # who halted and why: `openbell halt` writes the file besides
    return halted_by_file(halt_file, stored.epoch) or stored


def stored_switch(connection: Connection) -> Switch:
    """The newest setting in the store."""
    row = connection.execute(newest(SWITCHES, "epoch", "level", "actor", "reason")).first()
    return Switch(Level.ACTIVE, 0) if row is None else Switch(_level(row.level), row.epoch, row.actor, row.reason)


def _level(written: str) -> Level:
    return Level(written) if written in set(Level) else Level.HALTED


def halted_by_file(halt_file: Path | None, epoch: int) -> Switch | None:
    """HALTED while the file exists, or while nobody can tell whether it does."""
    try:
        halted = halt_file is not None and halt_file.exists()
    except OSError as error:
        return Switch(Level.HALTED, epoch, "file", f"{halt_file} cannot be looked at: {error.strerror}")
    return Switch(Level.HALTED, epoch, "file", f"the file {halt_file} exists") if halted else None


def move_switch(connection: Connection, level: Level, actor: str, reason: str, epoch: int | None) -> Switch:
    """A new epoch. A halt is never too late; anything else only from the epoch that its actor saw."""
    before = stored_switch(connection)
    if epoch is not None and epoch != before.epoch and level is not Level.HALTED:
        raise StoreError(
            f"the switch is at epoch {before.epoch} ({before.level} by {before.actor}: {before.reason}), not at {epoch}"
        )
    loosens = _STRICTNESS.index(level) < _STRICTNESS.index(before.level)
    if loosens and not (actor.strip() and reason.strip()):
        raise StoreError(f"to go from {before.level} to {level} needs an actor and a reason")
    row = {"level": level.value, "actor": actor, "reason": reason, "time": now(connection)}
    return Switch(level, logs.add(connection, SWITCHES, row), actor, reason)


def forbidden_by(switch: Switch, reduces: bool) -> Forbidden | None:
    """Why the switch forbids an order, None when it does not."""
    if switch.level is Level.ACTIVE or (switch.level is Level.REDUCE_ONLY and reduces):
        return None
    by = f"{switch.actor or 'nobody named'}: {switch.reason or 'no reason given'}"
    return Forbidden(switch.level.name, f"{by} (epoch {switch.epoch})")
