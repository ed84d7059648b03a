"""The equity that losses of an account are measured from."""

from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, bindparam, func, select

from openbell.store.run_tables import EQUITY_POINTS

_POINTS = EQUITY_POINTS.c
_OF_ACCOUNT = select(_POINTS.equity).where(_POINTS.account == bindparam("account")).limit(1)
_NEWEST = _OF_ACCOUNT.order_by(_POINTS.session.desc(), _POINTS.time.desc(), _POINTS.run.desc())
_FIRST = _OF_ACCOUNT.order_by(_POINTS.session, _POINTS.time, _POINTS.run)
_REFERENCE = select(
    func.coalesce(
        _NEWEST.where(_POINTS.session < bindparam("session")).scalar_subquery(),
        _FIRST.where(_POINTS.session == bindparam("session")).scalar_subquery(),
    ).label("equity"),
    _NEWEST.with_only_columns(_POINTS.peak)
    .where(_POINTS.session <= bindparam("session"))
    .scalar_subquery()
    .label("peak"),
)


def reference_equity(connection: Connection, account: str, session: date) -> tuple[Decimal | None, Decimal | None]:
    """(last equity before the session, without one the first of the session; highest up to and in it)."""
    found = connection.execute(_REFERENCE, {"account": account, "session": session}).one()
    return found.equity, found.peak
