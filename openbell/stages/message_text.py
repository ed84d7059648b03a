"""The words of a message, from the stored record and nothing else."""

from collections.abc import Iterator
from datetime import UTC, tzinfo

from openbell.stages.fates import FATES
from openbell.stages.report import headline
from openbell.stages.wording import clean, count, price, quantity, when
from openbell.values.message import Noted, Posted
from openbell.values.orders import Order
from openbell.values.record import Outcome, RunRecord

#: Orders that a message lists; the rest are counted.
LISTED = 10


def words(plan: str, noted: Noted, record: RunRecord | None, zone: tzinfo) -> tuple[str, str, str]:
    """Subject and body of a row, and the key of what says the same."""
    if noted.log == "runs":
        return _run(plan, noted, record, zone)
    detail, stamp = clean(noted.detail) or "No reason is given.", when(noted.time.replace(microsecond=0), zone)
    kind, subject = clean(noted.kind), clean(noted.subject)
    by = f" by {clean(noted.actor)}" if noted.actor else ""
    if noted.log == "switches":
        level = noted.kind.upper().replace("_", " ")
        return f"openbell kill switch: {level}", f"{detail}\nSet{by}, {stamp}.", f"switches/{noted.number}"
    if noted.log == "breaker_events":
        key = f"breakers/{plan}/{noted.subject}/{noted.kind}"
        return f"{plan}: {subject} {kind}", f"{detail}\n{kind.capitalize()}{by}, {stamp}.", key
    title = f"openbell {noted.log.removesuffix('s')}: {kind} {subject}"
    return title, f"{detail}\nRaised {stamp}.", f"{noted.log}/{noted.kind}/{noted.subject}"


def _run(plan: str, noted: Noted, record: RunRecord | None, zone: tzinfo) -> tuple[str, str, str]:
    """Runs that went well each have their own news; the others are the same trouble once more."""
    code = record.code if record else ""
    same = noted.subject if noted.code == Outcome.COMPLETED.value else f"{noted.code}/{code}"
    lines = _lines(record, zone) if record else (clean(noted.detail), f"openbell show {noted.subject}")
    return f"{plan} {noted.kind}: {noted.code}", "\n".join(lines), f"runs/{plan}/{noted.kind}/{same}"


def _lines(record: RunRecord, zone: tzinfo) -> Iterator[str]:
    yield headline(record)
    yield from (_order(order) for order in record.orders[:LISTED])
    if len(record.orders) > LISTED:
        yield f"and {count(len(record.orders) - LISTED, 'more order', 'more orders')}"
    account = f" on {clean(record.environment)} account {clean(record.account)}" if record.account else ""
    yield f"Slot {when(record.planned, zone)}{account}."
    yield f"openbell show {record.id}"


def _order(order: Order) -> str:
    at = f" at {price(order.average_price)}" if order.average_price is not None else ""
    part = f"{quantity(order.filled)} of " if order.filled and order.filled != order.quantity else ""
    said = f"{order.side.value} {part}{quantity(order.quantity)} {clean(order.symbol)}: {FATES[order.state]}{at}"
    return f"{said} ({clean(order.reason)})" if order.reason else said


def subject_of(posted: Posted) -> str:
    """The subject with how many messages it stands for."""
    return posted.message.subject + (f" ({posted.times} times)" if posted.times > 1 else "")


def body_of(posted: Posted) -> str:
    """The body with the time of the newest message that it stands for."""
    if posted.times == 1:
        return posted.message.body
    last = when(posted.last_seen.replace(microsecond=0), UTC)
    return f"{posted.message.body}\nThis came {posted.times:,} times, last {last}."
