"""The kill switch and the breakers, as the store and the halt file have them."""

from pathlib import Path

from sqlalchemy import Connection, select

from openbell.ports import Breaker, Level, Switch
from openbell.store.order_tables import BREAKERS, SWITCHES


def read_switch(connection: Connection, halt_file: Path | None) -> Switch:
    """The newest setting; the halt file and anything that cannot be read mean HALTED."""
    row = connection.execute(select(SWITCHES).order_by(SWITCHES.c.epoch.desc()).limit(1)).first()
    stored = Switch(Level.ACTIVE, 0) if row is None else Switch(_level(row.level), row.epoch, row.actor, row.reason)
    return halted_by_file(halt_file, stored.epoch) or stored


def _level(written: str) -> Level:
    return Level(written) if written in set(Level) else Level.HALTED


def halted_by_file(halt_file: Path | None, epoch: int) -> Switch | None:
    """HALTED while the file exists, or while nobody can tell whether it does."""
    try:
        halted = halt_file is not None and halt_file.exists()
    except OSError as error:
        return Switch(Level.HALTED, epoch, "file", f"{halt_file} cannot be looked at: {error.strerror}")
    return Switch(Level.HALTED, epoch, "file", f"the file {halt_file} exists") if halted else None


def forbids(switch: Switch, reduces: bool) -> bool:
    """Whether the switch forbids an order."""
    return switch.level is Level.HALTED or (switch.level is Level.REDUCE_ONLY and not reduces)


def read_breaker(connection: Connection, plan: str, job: str) -> Breaker:
    """The breaker; closed before its first failure."""
    row = connection.execute(select(BREAKERS).where(BREAKERS.c.plan == plan, BREAKERS.c.job == job)).first()
    return Breaker(False, 0) if row is None else Breaker(row.open, row.failures, row.reason)
