"""A trace as plain text for a terminal: one block per symbol, one line per thing that was said."""

from collections.abc import Iterable, Iterator
from datetime import UTC, timedelta, tzinfo

from openbell.stages.fates import NO_TRADE
from openbell.stages.trace import DataStep, Leg, Said, Seen, SignalStep, SymbolTrace, Trace
from openbell.stages.wording import clean, fraction, price, quantity, span, when
from openbell.values.orders import Order, OrderIntent, Share
from openbell.values.record import Guard
from openbell.values.verdict import Verdict

_LABEL = 9


def render(trace: Trace, zone: tzinfo = UTC) -> str:
    """The whole trace, indented and aligned; every foreign text is one clean line."""
    lines = [f"plan {clean(trace.plan)}, job {clean(trace.job)}, session {trace.session}", *_run(trace, zone)]
    for symbol in trace.symbols:
        lines += ["", clean(symbol.symbol), *_symbol(symbol, zone)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _run(trace: Trace, zone: tzinfo) -> Iterator[str]:
    yield _labelled("slot", clean(trace.slot))
    yield _labelled("decided", f"for {when(trace.as_of, zone)}")
    yield _labelled("run", clean(trace.run))
    yield from _block("guards", _aligned(_guard(guard) for guard in trace.guards))
    if trace.prices:
        yield _labelled("prices", trace.prices)
    yield _labelled("outcome", trace.because)


def _guard(guard: Guard) -> list[str]:
    return [clean(guard.name), "passed" if guard.passed else "BLOCKED", _coded(guard.code, guard.detail)]


def _coded(code: str, detail: str) -> str:
    return ": ".join(filter(None, (clean(code), clean(detail))))


def _symbol(trace: SymbolTrace, zone: tzinfo) -> Iterator[str]:
    yield from _block("data", _data(trace.data, zone))
    yield from _block("signals", _aligned(_signal(step) for step in trace.signals))
    for item in trace.unplaced:
        yield _labelled("sizing", f"no order: {_coded(item.code.value, item.detail or NO_TRADE[item.code])}")
    for leg in trace.legs:
        yield from _leg(leg, zone)
    yield _labelled("because", trace.because)


def _data(step: DataStep, zone: tzinfo) -> Iterator[str]:
    reason = _coded(step.code, step.detail)
    yield step.seen.value + (f": {reason}" if reason else "")
    if step.seen is Seen.IN_PANEL:
        yield f"last {clean(step.timeframe)} bar {_last_bar(step, zone)}"
    if step.quote and step.quote_age is not None:
        sides = f"bid {price(step.quote.bid)}, ask {price(step.quote.ask)}"
        yield f"quote {sides}, {_age(step.quote_age)}"


def _last_bar(step: DataStep, zone: tzinfo) -> str:
    if step.last_bar is None or step.bar_age is None:
        return "unknown"
    return f"{when(step.last_bar, zone)}, {_age(step.bar_age)}"


def _age(seconds: float) -> str:
    return f"{span(timedelta(seconds=seconds))} {'old' if seconds >= 0 else 'after the decision'}"


def _signal(step: SignalStep) -> list[str]:
    if step.said is not Said.SIGNAL:
        return [clean(step.strategy), step.said.value, "", "", clean(step.reason)]
    stance = step.stance.value if step.stance else ""
    target, confidence = fraction(step.target, signed=True), fraction(step.confidence)
    return [clean(step.strategy), stance, f"target {target}", f"confidence {confidence}", clean(step.reason)]


def _leg(leg: Leg, zone: tzinfo) -> Iterator[str]:
    if leg.intent:
        yield from _block("sizing", _intent(leg.intent))
    if leg.verdict:
        yield from _block("gate", _gate(leg.verdict))
    yield _labelled("order", _order(leg.order) if leg.order else "not sent")
    fills = (
        [f"{quantity(f.quantity)} at {price(f.price)}", f"fee {price(f.fee)}", when(f.time, zone)] for f in leg.fills
    )
    yield from _block("fills", _aligned(fills))


def _intent(intent: OrderIntent) -> Iterator[str]:
    about = f"{intent.side.value} {quantity(intent.quantity)} at about {price(intent.reference)}"
    yield f"{about} ({intent.purpose.value}, {intent.type.value.replace('_', ' ')})"
    yield from _aligned(_share(share) for share in intent.shares)


def _share(share: Share) -> list[str]:
    return [clean(share.strategy), f"{'+' if share.quantity > 0 else ''}{quantity(share.quantity)}"]


def _gate(verdict: Verdict) -> Iterator[str]:
    yield f"{verdict.decision.value} {quantity(verdict.quantity)} of {quantity(verdict.asked)}"
    yield from _aligned(
        [
            clean(ruling.rule),
            ruling.decision.value,
            f"measured {clean(ruling.measured) or 'nothing'}",
            f"limit {clean(ruling.limit) or 'none'}",
            "<- decided" if ruling.rule == verdict.rule else "",
        ]
        for ruling in verdict.rulings
    )


def _order(order: Order) -> str:
    filled = f", {quantity(order.filled)} of {quantity(order.quantity)} filled"
    average = f" at {price(order.average_price)}" if order.filled else ""
    reason = f": {clean(order.reason)}" if order.reason else ""
    return f"{order.state.value.replace('_', ' ')}{filled}{average}{reason}"


def _labelled(label: str, text: str) -> str:
    return f"  {label:<{_LABEL}} {text}"


def _block(label: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield _labelled("" if number else label, line)


def _aligned(rows: Iterable[list[str]]) -> Iterator[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
