"""From a plan's words to the objects that decide: strategies, sizer, rules, grids."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from openbell import sizing, strategies
from openbell.calendar.exchange import Exchange, exchange
from openbell.calendar.schedule import Grid
from openbell.calendar.slots import grid_of
from openbell.calendar.window import check_window
from openbell.errors import PlanError
from openbell.exits.base import ExitRule
from openbell.exits.catalog import build_exits
from openbell.plugins import build, find
from openbell.risk.base import Rule
from openbell.risk.catalog import build_rules
from openbell.sizing.base import Sizer
from openbell.stages.evaluate import Seat, history_needed
from openbell.strategies.base import Strategy
from openbell.values.bars import Timeframe
from openbell.values.plan import Plan, StrategyUse
from openbell.values.schedule import CADENCE
from openbell.values.time import duration_text

#: Bars to fetch when no strategy says how many it needs.
DEFAULT_HISTORY = 200


@dataclass(frozen=True, slots=True)
class Resolved:
    """A plan that can be run: every name in it is known and every parameter is in bounds."""

    plan: Plan
    seats: tuple[Seat, ...]
    sizer: Sizer
    rules: tuple[Rule, ...]
    grids: Mapping[str, Grid]
    timeframe: Timeframe
    exchange: Exchange
    exits: tuple[ExitRule, ...] = ()

    @property
    def history(self) -> int:
        """Bars to fetch: what the plan says, but never less than strategies, sizer and ``adaptive`` look back."""
        strategies = history_needed(self.seats) or DEFAULT_HISTORY
        calm = self.plan.adaptive.window + 1 if self.plan.adaptive else 0
        return max(self.plan.lookback or 0, strategies, self.sizer.lookback, calm)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols that an enabled strategy looks at, in the plan's order."""
        wanted = {symbol for seat in self.seats for symbol in seat.universe}
        return tuple(symbol for symbol in self.plan.universe if symbol in wanted)


def resolve(plan: Plan) -> Resolved:
    """Build everything that the plan names; a PlanError lists all that is wrong, one line each."""
    problems = [error for error in _problems(plan) if error]
    if problems:
        raise PlanError("\n".join(problems))
    seats = tuple(_seat(plan, index, use) for index, use in enumerate(plan.strategies) if use.enabled)
    grids = {job: grid_of(plan, job) for job in CADENCE}
    venue = exchange(plan.window.exchange)
    rules, exits = build_rules(plan.risk), build_exits(plan.exits)
    return Resolved(plan, seats, _sizer(plan), rules, grids, Timeframe(plan.timeframe), venue, exits)


def _problems(plan: Plan) -> Iterator[str]:
    window = _problem(partial(check_window, plan.window))
    yield window
    for index, use in enumerate(plan.strategies):
        yield _problem(partial(_seat, plan, index, use))
    if not any(use.enabled for use in plan.strategies):
        yield "strategies: none is enabled"
    yield _problem(partial(_sizer, plan))
    yield _problem(partial(build_rules, plan.risk))
    yield _problem(partial(_exits, plan))
    for job in () if window else CADENCE:
        yield _problem(partial(grid_of, plan, job))


def _problem(make: Callable[[], object]) -> str:
    try:
        make()
    except PlanError as error:
        return str(error)
    return ""


def _seat(plan: Plan, index: int, use: StrategyUse) -> Seat:
    where = f"strategies.{index}"
    try:
        found = find(strategies, Strategy, use.use, "strategy")  # type: ignore[type-abstract]  # a base to look for
    except PlanError as error:
        raise PlanError(f"{where}.use: {error}") from None
    built = build(found, use.params, f"{where}.params")
    return Seat(use.label, built, use.universe or plan.universe, use.weight)


def _sizer(plan: Plan) -> Sizer:
    try:
        found = find(sizing, Sizer, plan.sizing.use, "sizer")  # type: ignore[type-abstract]  # a base to look for
    except PlanError as error:
        raise PlanError(f"sizing.use: {error}") from None
    return build(found, plan.sizing.params, "sizing.params")


def _exits(plan: Plan) -> tuple[ExitRule, ...]:
    """The exit rules; a window that still lets entries in after all was closed is a PlanError."""
    built, window = build_exits(plan.exits), plan.window
    nightly = next((rule for rule in built if rule.name == "end_of_session"), None)
    if nightly and window.end is None and -window.close_offset.total_seconds() < nightly.limit:
        raise PlanError(
            f"{nightly.told} before the close everything is closed, and window.close_offset "
            f"{duration_text(window.close_offset)} lets entries in after that: make it -{nightly.say(nightly.limit)}"
        )
    return built
