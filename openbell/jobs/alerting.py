"""The alerts job from its files to what people are told, without Prefect: flows and tests call its pieces."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby, islice
from time import monotonic

from openbell import alertfiles, store
from openbell.alerts.definitions import LOOKBACK, Alert, Change, Rule, Watch
from openbell.alerts.judge import Judged, judge
from openbell.alerts.look import Look
from openbell.alerts.rules import OUT_OF_TIME, TIME_LIMIT
from openbell.alerts.wording import messages
from openbell.desk import Desk
from openbell.jobs.run import Run, whole
from openbell.stages.exits import ask_quotes, priced
from openbell.values.alert import AlertEvent, AlertStep
from openbell.values.bars import empty_bars
from openbell.values.job import ALERTS
from openbell.values.market import Dropped
from openbell.values.record import Outcome, RunRecord
from openbell.values.work import Worked

#: Names that a record lists of each kind; the rest are counted.
LISTED = 100
#: Steps that are kept in one transaction.
BATCH = 200
#: Kind of the alert about a file of alerts that cannot be used.
BAD_FILE = "ALERT_FILE"


@dataclass(frozen=True, slots=True)
class Watchlist:
    """The alerts of a plan, and what is wrong with files that may hold some of them; ``others`` are those of others."""

    alerts: tuple[Alert, ...]
    problems: tuple[str, ...]
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A look at the market, and the symbols that the feed could not give."""

    look: Look
    dropped: tuple[Dropped, ...]


def alerts(desk: Desk, run_id: str) -> RunRecord:
    """The job as the flow ``alerts`` tells it, in this process and without Prefect."""
    return whole(desk, ALERTS, run_id, judge_all)


def judge_all(run: Run) -> Worked:
    """The alert files, the prices that they need, and what fires."""
    listed = watchlist(run.desk)
    return judge_and_tell(run, listed, fetch_prices(run, listed))


def watchlist(desk: Desk) -> Watchlist:
    """The alert files as they are now; a file with a problem is left out as a whole, the others go on."""
    plan = desk.plan
    folder = alertfiles.alerts_folder(desk.settings)
    files = alertfiles.examine_all(folder, lambda name: plan if name == plan.name else None)
    ours = [file for file in files if file.content is None or file.content.plan == plan.name]
    alerts = tuple(alert for file in ours for alert in file.alerts if alert.enabled)
    others = frozenset(str(file.path) for file in files if file not in ours)
    return Watchlist(alerts, tuple(problem for file in ours for problem in file.problems), others)


def look_at(desk: Desk, alerts: Sequence[Alert], as_of: datetime) -> Seen:
    """Bars for rules and changes, fresh quotes for prices: in few questions, and no more than is needed."""
    rules = [alert for alert in alerts if isinstance(alert, Rule)]
    watches = [alert for alert in alerts if isinstance(alert, Watch)]
    symbols = _symbols(desk, rules, watches)
    need = max((LOOKBACK, *(rule.history for rule in rules)))
    timeframe = desk.resolved.timeframe
    checked = desk.feed.bars(symbols, timeframe, need, as_of) if symbols else None
    watched = sorted({watch.symbol for watch in watches})
    seen = priced(ask_quotes(desk.feed.quotes, watched, as_of), watched, as_of, desk.plan.freshness.quotes)
    look = Look(
        plan=desk.plan.name,
        as_of=as_of,
        universe=desk.plan.universe,
        bars=checked.bars if checked else empty_bars((), timeframe, desk.feed.provider),
        prices=seen.marks,
        unpriced=seen.unknown,
        standings=store.open_alert_book(desk.settings.url).standings(desk.plan.name),
    )
    return Seen(look, checked.dropped if checked else ())


def _symbols(desk: Desk, rules: Sequence[Rule], watches: Sequence[Watch]) -> tuple[str, ...]:
    """The symbols whose bars are needed, in the order of the universe."""
    if any(not rule.symbols for rule in rules):
        return desk.plan.universe
    named = {symbol for rule in rules for symbol in rule.symbols}
    named |= {watch.symbol for watch in watches if isinstance(watch, Change)}
    return tuple(symbol for symbol in desk.plan.universe if symbol in named)


def fetch_prices(run: Run, listed: Watchlist) -> Seen:
    """fetch-prices, under a longer lease: a feed may take its time."""
    run.lease.stretch()
    seen = look_at(run.desk, listed.alerts, run.ring.as_of)
    run.lease.shorten()
    run.lap("fetch-prices")
    return seen


def judge_and_tell(run: Run, listed: Watchlist, seen: Seen) -> Worked:
    """judge-alerts: judge, keep each step once, and tell people of those that are new."""
    desk = run.desk
    judged = judge(listed.alerts, seen.look, _deadline(run))
    run.lap("judge-alerts")
    book = store.open_alert_book(desk.settings.url)
    by_name = {alert.name: alert for alert in listed.alerts}
    for some in _batches(judged.events):
        run.lease.keep()
        book.apply(run.ring.slot, run.ring.fencing, some, partial(messages, by_name))
    kept = book.kept(run.ring.slot)
    _tell_problems(desk, listed)
    run.lap("keep-alerts")
    return _work(listed, seen, judged, kept)


def _tell_problems(desk: Desk, listed: Watchlist) -> None:
    """An alert for each line that cannot be used; it is closed when the line is in order again, or gone."""
    told = dict(problem.partition(": ")[::2] for problem in listed.problems)
    for where, words in told.items():
        desk.journal.alert(BAD_FILE, where, words)
    for alert in desk.history.alerts(limit=1000):
        file = re.sub(r":\d+$", "", alert.subject)
        if alert.kind == BAD_FILE and alert.subject not in told and file not in listed.others:
            desk.journal.close_alert(alert.number, "openbell", "the file is in order again")


def _batches(events: Sequence[AlertEvent]) -> Iterator[list[AlertEvent]]:
    """The events of whole alerts, few enough at a time that no send waits long for the store."""
    batch: list[AlertEvent] = []
    for _, of_alert in groupby(events, key=lambda event: event.alert):
        batch += of_alert
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _deadline(run: Run) -> Callable[[], bool]:
    """Whether the time for judging is over; asking keeps the lease alive."""
    until = monotonic() + TIME_LIMIT.total_seconds()

    def expired() -> bool:
        run.lease.keep()
        return monotonic() > until

    return expired


def _work(listed: Watchlist, seen: Seen, judged: Judged, kept: Sequence[AlertEvent]) -> Worked:
    fired = [event for event in kept if event.step is AlertStep.FIRED]
    late = [each for each in judged.unjudged if each.reason == OUT_OF_TIME]
    counters = {
        "checked": judged.checked,
        "fired": len(fired),
        "rearmed": len(kept) - len(fired),
        "unknown": judged.unknown,
        "problems": len(listed.problems),
    }
    details = {
        "fired": [f"{event.alert} {event.symbol}: {event.detail}" for event in fired[:LISTED]],
        "unknown": [f"{each.alert}: {_few(each.symbols)}: {each.reason}" for each in judged.unjudged[:LISTED]],
        "dropped": [f"{dropped.symbol}: {dropped.code}: {dropped.detail}" for dropped in seen.dropped[:LISTED]],
        "problems": list(listed.problems[:LISTED]),
    }
    if late:
        words = f"{len(late)} of {len(listed.alerts)} alerts were {OUT_OF_TIME}"
        return Worked(words, counters, details, Outcome.FAILED, "TIME_LIMIT")
    return Worked(_headline(listed, judged, fired), counters, details)


def _headline(listed: Watchlist, judged: Judged, fired: Sequence[AlertEvent]) -> str:
    named = ", ".join(dict.fromkeys(event.alert for event in islice(fired, 20)))
    said = [f"{len(fired)} fired ({named})" if fired else "none fired", f"{judged.checked:,} checked"]
    said += [f"{judged.unknown:,} unknown"] if judged.unknown else []
    said += [f"{len(listed.problems)} problems in alert files"] if listed.problems else []
    return f"alerts: {', '.join(said)}"


def _few(symbols: Sequence[str]) -> str:
    return ", ".join(symbols[:5]) + (f" and {len(symbols) - 5} more" if len(symbols) > 5 else "")
