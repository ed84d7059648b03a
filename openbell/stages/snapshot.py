"""snapshot: what an account is worth after a session, exact to the cent, and what made it so."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from openbell.calendar.exchange import Exchange
from openbell.ports.snapshots import Figures
from openbell.stages.wording import count, money
from openbell.values.account import Account
from openbell.values.money import ZERO, cents
from openbell.values.snapshot import Marked, Snapshot

#: A quote counts for the close when it is no older than this before it.
BEFORE_CLOSE = timedelta(minutes=15)


def oldest_quote(market: Exchange, session: date, now: datetime, freshness: timedelta) -> timedelta:
    """How old a quote may be: fresh, or of the end of the session that is over."""
    hours = market.hours(session)
    return freshness if hours is None or now < hours.closes else max(freshness, now - hours.closes + BEFORE_CLOSE)


def too_late(market: Exchange, session: date, now: datetime) -> bool:
    """Whether another session has begun since, so that what is quoted now is not what it ended with."""
    today = market.session_of(now)
    hours = market.hours(today)
    return today > session and hours is not None and now >= hours.opens


def snapshot_of(
    account: Account, marks: Mapping[str, Decimal], figures: Figures, session: date, run_id: str, now: datetime
) -> Snapshot:
    """The snapshot; every held symbol must have a mark."""
    held = [p for _, p in sorted(account.positions.items()) if p.quantity]
    total, flows = account.equity(marks), cents(figures.flows)
    before, equity = figures.previous, account.reported_equity
    daily = None if before is None else total - before.total - flows
    return Snapshot(
        account=account.id,
        session=session,
        run_id=run_id,
        time=now,
        total=total,
        cash=account.cash,
        value=sum((p.quantity * marks[p.symbol] for p in held), ZERO),
        daily=daily,
        gain=(before.gain if before else ZERO) + (daily or ZERO),
        realized=cents(figures.realized),
        unrealized=cents(sum((p.unrealized(marks[p.symbol]) for p in held), ZERO)),
        fees=cents(figures.fees),
        activity=cents(figures.activity),
        flows=flows,
        unexplained=figures.unexplained,
        broker_equity=equity,
        difference=None if equity is None else total - cents(equity),
        holdings=tuple(Marked(p.symbol, p.quantity, p.average_price, marks[p.symbol]) for p in held),
    )


def words_of(snapshot: Snapshot, currency: str) -> str:
    """One line."""
    day = "the first one" if snapshot.daily is None else f"{money(snapshot.daily, currency)} today"
    held = count(len(snapshot.holdings), "position")
    return f"{snapshot.session}: {money(snapshot.total, currency)} with {held}, {day}"
