"""One point of a sweep: a replay of the plan with its values, in figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from openbell.errors import OpenbellError
from openbell.planfiles.overrides import with_overrides
from openbell.ports import MarketFeed
from openbell.replay.request import Request
from openbell.replay.result import Replayed
from openbell.replay.run import replay
from openbell.replay.statistics import statistics
from openbell.replay.sweep.grid import Point
from openbell.values.money import text
from openbell.values.plan import Plan

#: What a sweep can be ordered by; of those in LOWER less is better.
FIGURES = (
    "sharpe",
    "total_return",
    "annual_return",
    "volatility",
    "sortino",
    "calmar",
    "max_drawdown",
    "turnover",
    "exposure",
    "trades",
    "fills",
    "hit_rate",
    "profit_factor",
    "costs",
    "closing",
)
LOWER = ("volatility", "turnover", "costs")

Figures = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a point; ``refused`` says why there are no figures. ``cash`` is the closing cash, exact."""

    point: Point
    figures: Figures
    cash: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What all points have in common."""

    plan: Plan
    start: date
    end: date
    cash: Decimal | None


def work(setup: Setup, feed: MarketFeed, point: Point) -> Row:
    """Replay one point; values that no plan may have are no error of the sweep."""
    try:
        plan = with_overrides(setup.plan, point)
        replayed = replay(Request(plan, feed, setup.start, setup.end, cash=setup.cash))
    except OpenbellError as error:
        return Row(point, {}, refused="; ".join(str(error).splitlines()))
    return Row(point, figures(replayed), text(replayed.closing_cash))


def figures(replayed: Replayed) -> Figures:
    """A replay in numbers that can be compared; None for what is not defined."""
    found = statistics(replayed)
    numbers = {name: getattr(found, name) for name in FIGURES if name != "max_drawdown"}
    return {**numbers, "max_drawdown": found.drawdown.depth if found.drawdown else 0.0}
