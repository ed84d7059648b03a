"""Sealed records, found and read back from their body and their rows."""

from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from openbell.errors import InputError, StoreError
from openbell.store.run_tables import RUNS, SIGNALS, VERDICTS
from openbell.store.texts import rulings_of
from openbell.values.record import RunRecord
from openbell.values.signal import Signal
from openbell.values.verdict import Decision, Verdict

#: A shorter beginning of a run id is not looked up.
SHORTEST_PREFIX = 8
_LAST_CHARACTER = "\U0010ffff"
_RECORDS = select(RUNS.c.id, RUNS.c.sequence, RUNS.c.body)
_EXACT = _RECORDS.where(RUNS.c.id == bindparam("of_id"))


def newest_of_slot(connection: Connection, slot: str) -> Row[Any] | None:
    """The newest record about a slot, whoever wrote it."""
    newest = _RECORDS.where(RUNS.c.slot == slot).order_by(RUNS.c.sequence.desc()).limit(1)
    return connection.execute(newest).first()


def of_run(connection: Connection, run_id: str) -> Row[Any] | None:
    """The record of one run by its whole id."""
    return connection.execute(_EXACT, {"of_id": run_id}).first()


def beginning_with(connection: Connection, run_id: str) -> Row[Any] | None:
    """The record of a run by its id, or by a beginning that no other id has; an InputError when others have it."""
    exact = of_run(connection, run_id)
    if exact is not None or len(run_id) < SHORTEST_PREFIX:
        return exact
    within = _RECORDS.where(RUNS.c.id >= run_id, RUNS.c.id < run_id + _LAST_CHARACTER)
    found = connection.execute(within.order_by(RUNS.c.id).limit(2)).all()
    if len(found) > 1:
        raise InputError(f"{run_id!r} begins the ids of more than one run, such as {found[0].id} and {found[1].id}")
    return found[0] if found else None


def read(connection: Connection, row: Row[Any]) -> RunRecord:
    """The record from its body and its rows."""
    signals = connection.execute(select(SIGNALS).where(SIGNALS.c.run == row.sequence).order_by(SIGNALS.c.position))
    verdicts = connection.execute(select(VERDICTS).where(VERDICTS.c.run == row.sequence).order_by(VERDICTS.c.position))
    rows = {
        "signals": tuple(_signal(signal) for signal in signals),
        "verdicts": tuple(_verdict(verdict) for verdict in verdicts),
    }
    try:
        return RunRecord.model_validate_json(row.body).model_copy(update=rows)
    except ValueError as error:
        raise StoreError(f"stored record {row.sequence} cannot be read: {error}") from error


def _signal(row: Row[Any]) -> Signal:
    target = float("nan") if row.target is None else row.target
    return Signal(row.strategy, row.symbol, target, row.confidence, row.reason)


def _verdict(row: Row[Any]) -> Verdict:
    return Verdict(
        intent_id=row.intent_id,
        symbol=row.symbol,
        decision=Decision(row.decision),
        rule=row.rule,
        measured=row.measured,
        limit=row.limit,
        asked=row.asked,
        quantity=row.quantity,
        rulings=rulings_of(row.asked, row.rulings),
    )
