"""What came of the trials of a strategy, for people and for machines."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from openbell import planfiles
from openbell.cli.checking import require
from openbell.cli.output import emit, say, table
from openbell.cli.strategy_names import strategy_named
from openbell.errors import InputError
from openbell.feeds.sample import SampleFeed
from openbell.plugins import nearest
from openbell.ports import MarketFeed
from openbell.settings import load_settings
from openbell.sources import feed_spec
from openbell.specs import Surroundings
from openbell.stages.promises import AFTER_FUTURE, Broken, Promise, Trials, check, lookback_of
from openbell.stages.synthetic import trial_panels
from openbell.stages.wording import clean, count
from openbell.strategies.base import Strategy
from openbell.values.bars import Bars, Timeframe
from openbell.values.plan import Plan, StrategyUse

#: Stocks of the sample feed, and how many bars of real prices are tried at least.
SAMPLE, HISTORY = ("AAPL", "FB", "GOOG", "IBM", "MSFT"), 3_000


@dataclass(frozen=True, slots=True)
class Subject:
    """A strategy to check, and the symbols it looks at."""

    label: str
    strategy: Strategy
    universe: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of it: the panels that were tried, by name, and what is broken."""

    subject: Subject
    lookback: int | None
    panels: Mapping[str, Bars]
    broken: tuple[Broken, ...]


def run(named: str | None, given: Mapping[str, Any], plan: str | None, tried: tuple[int, int], as_json: bool) -> None:
    """Try every promise of one strategy, or of all of a plan; exit code 1 when one is broken.

    ``tried`` are the points of each panel and the seed.
    """
    loaded, trials = _plan(plan), Trials(*tried)
    found = [_check(subject, loaded, trials) for subject in _subjects(named, given, loaded)]
    if as_json:
        emit({"ok": not any(one.broken for one in found), "strategies": [_machine(one, trials) for one in found]})
    else:
        for one in found:
            _tell(one, trials)
    if any(one.broken for one in found):
        raise SystemExit(1)


def _plan(name: str | None) -> Plan | None:
    return None if name is None else require(planfiles.find(name, planfiles.plans_folder(load_settings())))


def _subjects(named: str | None, given: Mapping[str, Any], plan: Plan | None) -> list[Subject]:
    if plan is None:
        return [Subject(named or "", strategy_named(named or "", given), SAMPLE)]
    uses = {use.label: use for use in plan.strategies}
    if named is None:
        return [_used(plan, use, {}) for use in plan.strategies if use.enabled]
    if named in uses:
        return [_used(plan, uses[named], given)]
    try:
        return [Subject(named, strategy_named(named, given), plan.universe)]
    except InputError as error:
        raise InputError(f"{error}; plan {plan.name} has {', '.join(uses)}{nearest(named, uses)}") from None


def _used(plan: Plan, use: StrategyUse, given: Mapping[str, Any]) -> Subject:
    return Subject(use.label, strategy_named(use.use, {**use.params, **given}), use.universe or plan.universe)


def _check(subject: Subject, plan: Plan | None, trials: Trials) -> Checked:
    need = lookback_of(subject.strategy)
    if isinstance(need, Broken):
        return Checked(subject, None, {}, (need,))
    panels = dict(trial_panels(need, trials.seed))
    real = _real(subject, plan, need)
    if real.symbols and len(real):
        panels[real.provider] = real
    return Checked(subject, need, panels, check(subject.strategy, panels, trials))


def _real(subject: Subject, plan: Plan | None, need: int) -> Bars:
    """Bars up to now from the plan's feed, else from the sample."""
    now = datetime.now(UTC)
    timeframe = Timeframe(plan.timeframe if plan else "1d")
    return _feed(plan, now).bars(subject.universe, timeframe, max(HISTORY, 3 * need), now).bars


def _feed(plan: Plan | None, now: datetime) -> MarketFeed:
    if plan is None:
        return SampleFeed()
    settings = load_settings()
    around = Surroundings(
        data=settings.data,
        exchange=plan.window.exchange,
        now=lambda: now,
        max_age=plan.freshness.bars,
        cache=settings.home.expanduser() / "cache",
    )
    return feed_spec(plan).open(around)


def _tell(checked: Checked, trials: Trials) -> None:
    head = f"{clean(repr(checked.subject.strategy))}, lookback {checked.lookback}"
    rows = [_row(promise, [one for one in checked.broken if one.promise is promise], checked) for promise in Promise]
    table(head, ("promise", "result", "panel", "finding"), rows)
    panels = ", ".join(f"{name} ({len(bars)} x {len(bars.symbols)})" for name, bars in checked.panels.items())
    say(f"Tried at {count(trials.points, 'point')} of each panel, seed {trials.seed}: {panels or 'no panel'}.")
    kept = sum(row[1] == "ok" for row in rows)
    say(f"{checked.subject.label} keeps {kept} of {len(Promise)} promises.")


def _row(promise: Promise, found: list[Broken], checked: Checked) -> tuple[str, ...]:
    """One line for each promise: the first panel that shows it broken, and how many more do."""
    if not found:
        peeks = any(one.promise is Promise.FUTURE for one in checked.broken)
        untried = not checked.panels or (peeks and promise in AFTER_FUTURE)
        return promise, "not tried" if untried else "ok", "", ""
    first, more = found[0], len(found) - 1
    return promise, "broken", first.panel + (f", and {more} more" if more else ""), clean(first.detail)


def _machine(checked: Checked, trials: Trials) -> dict[str, object]:
    strategy = checked.subject.strategy
    return {
        "strategy": checked.subject.label,
        "params": strategy.model_dump(mode="json"),
        "lookback": checked.lookback,
        "points": trials.points,
        "seed": trials.seed,
        "panels": {name: {"bars": len(b), "symbols": list(b.symbols)} for name, b in checked.panels.items()},
        "broken": [_as_json(one) for one in checked.broken],
    }


def _as_json(broken: Broken) -> dict[str, object]:
    return {
        "promise": broken.promise.name.lower(),
        "panel": broken.panel,
        "detail": broken.detail,
        "first": broken.cell,
    }
