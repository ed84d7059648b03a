"""The sentence at the end of a trace: why a symbol was traded, or why it was not."""

from collections.abc import Sequence
from decimal import Decimal

from openbell.stages.fates import NO_TRADE
from openbell.stages.report import blocking, why_ended
from openbell.stages.trace import DataStep, Leg, Said, Seen, SignalStep
from openbell.stages.wording import clean, listed, price, quantity
from openbell.values.job import EXITS
from openbell.values.orders import Order, OrderState
from openbell.values.record import Outcome, RunRecord
from openbell.values.verdict import Decision, Unplaced, Verdict


def because(
    record: RunRecord,
    symbol: str,
    data: DataStep,
    signals: Sequence[SignalStep],
    unplaced: Sequence[Unplaced],
    legs: Sequence[Leg],
) -> str:
    """The answer for one symbol; the last stage that it reached decides."""
    symbol = clean(symbol)
    if legs:
        return " ".join(_leg(record, symbol, leg) for leg in legs)
    guard = blocking(record)
    if guard:
        return f"{symbol} was not traded: the guard {clean(guard.name)} stopped the run ({why_ended(record)})."
    if data.seen is Seen.DROPPED:
        return f"{symbol} was not traded: its data were left out ({_coded(data.code, data.detail)})."
    if unplaced:
        return f"{symbol} was not traded: {listed([_unplaced(item) for item in unplaced])}."
    if record.job == EXITS.name and record.outcome is Outcome.COMPLETED:
        return f"{symbol} was not closed: {_kept(record, symbol)}."
    if record.outcome is not Outcome.COMPLETED:
        return f"{symbol} was not traded: the run ended as {record.outcome.value} ({why_ended(record)})."
    return f"{symbol} was not traded: {_no_signal(signals)}."


def _kept(record: RunRecord, symbol: str) -> str:
    why = record.details.get("unpriced", {}).get(symbol, "")
    return f"its price is unknown ({clean(why)})" if why else "no exit rule fired on it"


def _coded(code: str, detail: str) -> str:
    return ": ".join(filter(None, (clean(code), clean(detail))))


def _unplaced(item: Unplaced) -> str:
    return NO_TRADE[item.code] + (f" ({clean(item.detail)})" if item.detail else "")


def _no_signal(signals: Sequence[SignalStep]) -> str:
    if not signals:
        return "no enabled strategy of the plan looks at it"
    if any(step.said is Said.SIGNAL for step in signals):
        return "its signals led to no order"
    said = [f"{clean(step.strategy)} {_silence(step)}" for step in signals]
    return f"no strategy gave a signal ({listed(said)})"


_SILENCE = {Said.WARMUP: "has too little history", Said.FAILED: "failed", Said.NOT_ASKED: "was not asked"}


def _silence(step: SignalStep) -> str:
    words = _SILENCE.get(step.said, "has no opinion")
    return f"{words}: {clean(step.reason)}" if step.reason else words


def _leg(record: RunRecord, symbol: str, leg: Leg) -> str:
    asked = _exit(record, leg) + _asked(leg)
    if leg.verdict and leg.verdict.decision is Decision.DENIED:
        return f"{symbol}: {asked} was denied by {clean(leg.verdict.rule)} ({_measured(leg.verdict)})."
    return f"{symbol}: {asked}{_cut(leg.verdict)} {_end(record, leg)}.{_attribution(record, leg)}"


def _exit(record: RunRecord, leg: Leg) -> str:
    """The rule that an exits run closes a position by: it stands in front of what the gate said."""
    if record.job != EXITS.name or leg.verdict is None or not leg.verdict.rulings:
        return ""
    rule = leg.verdict.rulings[0]
    return f"{clean(rule.rule)} closes it (measured {clean(rule.measured)}, limit {clean(rule.limit)}); "


def _asked(leg: Leg) -> str:
    wanted = leg.intent or leg.order
    amount = wanted.quantity if wanted else leg.verdict.asked if leg.verdict else Decimal(0)
    return f"the {wanted.side.value if wanted else 'order'} of {quantity(amount)}"


def _cut(verdict: Verdict | None) -> str:
    if verdict is None or verdict.decision is not Decision.CLIPPED:
        return ""
    return f" was cut to {quantity(verdict.quantity)} by {clean(verdict.rule)} ({_measured(verdict)}) and"


def _measured(verdict: Verdict) -> str:
    return f"measured {clean(verdict.measured) or 'nothing'}, limit {clean(verdict.limit) or 'none'}"


def _end(record: RunRecord, leg: Leg) -> str:
    order = leg.order
    if order is None:
        allowed = "" if _cut(leg.verdict) else "allowed and "
        return f"was {allowed}not sent, because {_unsent(record)}"
    return _state(order) + (f": {clean(order.reason)}" if order.reason else "")


def _unsent(record: RunRecord) -> str:
    if record.dry_run:
        return "this was a dry run"
    if record.outcome is Outcome.COMPLETED:
        return "the record holds no order for it"
    return f"the run ended as {record.outcome.value} before that ({why_ended(record)})"


def _state(order: Order) -> str:
    part = f"{quantity(order.filled)} of {quantity(order.quantity)} filled at {price(order.average_price)}"
    done = part if order.filled else "nothing filled"
    return {
        OrderState.FILLED: f"was filled at {price(order.average_price)}",
        OrderState.PARTIAL: f"is working with {done}",
        OrderState.ACKED: "is with the broker and not filled yet",
        OrderState.PENDING_CANCEL: f"is being cancelled with {done}",
        OrderState.CANCELED: f"was cancelled with {done}",
        OrderState.EXPIRED: f"expired with {done}",
        OrderState.REJECTED: "was rejected by the broker",
        OrderState.UNKNOWN: "has an unknown outcome and is looked up, never blindly sent again",
        OrderState.SENDING: "was being sent when the run ended, so its outcome is unknown",
        OrderState.PLANNED: "was planned and not sent",
        OrderState.APPROVED: "was allowed and not sent",
        OrderState.ABANDONED: "was allowed and not sent",
        OrderState.DENIED: "was denied",
    }[order.state]


def _attribution(record: RunRecord, leg: Leg) -> str:
    word = "Taken off" if record.job == EXITS.name else "Asked for by"
    shares = leg.intent.shares if leg.intent else ()
    said = [
        f"{clean(share.strategy)} ({'+' if share.quantity > 0 else ''}{quantity(share.quantity)})" for share in shares
    ]
    return f" {word} {listed(said)}." if said else ""
