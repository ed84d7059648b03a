"""Which strategies look at this slot: each as often as the plan says, and all of them less often in a calm market.

A strategy that does not look has no signal, so that what its book holds stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from openbell.stages.evaluate import Ask, Evaluation, Seat, evaluate, in_turn
from openbell.stages.resolve import Resolved
from openbell.values.bars import Bars
from openbell.values.market import Market
from openbell.values.plan import Adaptive, Plan
from openbell.values.time import duration_text, iso


@dataclass(frozen=True, slots=True)
class Due:
    """Whether a strategy looks, and why it does not."""

    label: str
    due: bool
    why: str = ""


def goes_by_looks(plan: Plan) -> bool:
    """Whether it matters to the plan when a strategy last looked."""
    return plan.adaptive is not None or any(use.every for use in plan.strategies)


def evaluate_due(desk: Resolved, market: Market, planned: datetime, ask: Ask = in_turn) -> Evaluation:
    """The signals of the strategies that are due at the slot; the others are named with their reason."""
    judged = due(desk, market, planned)
    seats = [seat for seat, found in zip(desk.seats, judged, strict=True) if found.due]
    dropped = {symbol.symbol for symbol in market.checked.dropped}
    evaluation = evaluate(seats, market.bars, dropped, ask) if seats else Evaluation(())
    waiting = tuple(f"strategy {found.label} does not look: {found.why}" for found in judged if not found.due)
    return replace(evaluation, looked=tuple(seat.label for seat in seats), waiting=waiting)


def due(desk: Resolved, market: Market, planned: datetime) -> tuple[Due, ...]:
    """Each strategy of the desk; ``planned`` is the slot's instant, which looks are counted by."""
    if not goes_by_looks(desk.plan):
        return tuple(Due(seat.label, due=True) for seat in desk.seats)
    calm = _calm(desk.plan.adaptive, market.bars, desk.seats)
    return tuple(
        _one(desk.plan, seat.label, market.activity.looks.get(seat.label), calm, planned) for seat in desk.seats
    )


def _one(plan: Plan, label: str, last: datetime | None, calm: str, planned: datetime) -> Due:
    """The longer of the two intervals counts; who never looked is due."""
    if last is None:
        return Due(label, due=True)
    every = next(use.every for use in plan.strategies if use.label == label)
    if every is not None and planned - last < every:
        return Due(label, due=False, why=f"it looked at {iso(last)}, and looks every {duration_text(every)}")
    if calm and plan.adaptive and planned - last < plan.adaptive.calm:
        return Due(label, due=False, why=f"it looked at {iso(last)}, and {calm}")
    return Due(label, due=True)


def _calm(adaptive: Adaptive | None, bars: Bars, seats: Sequence[Seat]) -> str:
    """Why the market counts as calm, empty when it does not or nobody can tell."""
    if adaptive is None:
        return ""
    measured = realised(bars, sorted({symbol for seat in seats for symbol in seat.universe}), adaptive.window)
    if measured is None or measured >= adaptive.volatility:
        return ""
    often = duration_text(adaptive.calm)
    return f"volatility {measured:.4g} is below {adaptive.volatility:g}, so that every {often} is enough"


def realised(bars: Bars, symbols: Sequence[str], window: int) -> float | None:
    """The largest standard deviation of log returns over the last ``window`` of them, None without a single one."""
    held = set(bars.symbols)
    close = bars.select([symbol for symbol in symbols if symbol in held]).tail(window + 1).close
    if close.shape[0] < window + 1 or not close.shape[1]:
        return None
    spread = np.std(np.diff(np.log(close), axis=0), axis=0, ddof=1)
    known = spread[np.isfinite(spread)]
    return float(known.max()) if known.size else None
