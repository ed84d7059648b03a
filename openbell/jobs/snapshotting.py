"""The snapshot job: what an account is worth after each session, taken once and kept for good."""

from openbell.desk import Desk
from openbell.jobs.run import Run, whole
from openbell.stages.exits import ask_quotes, priced
from openbell.stages.prices import held_symbols
from openbell.stages.snapshot import oldest_quote, snapshot_of, too_late, words_of
from openbell.stages.wording import count
from openbell.values import canonical
from openbell.values.job import SNAPSHOT
from openbell.values.record import Outcome, RunRecord
from openbell.values.work import Worked

MARKS_UNKNOWN, TOO_LATE, ENVIRONMENT = "MARKS_UNKNOWN", "SNAPSHOT_LATE", "ENVIRONMENT"


def snapshot(desk: Desk, run_id: str) -> RunRecord:
    """The run as the flow ``snapshot`` tells it, in this process and without Prefect."""
    return whole(desk, SNAPSHOT, run_id, take_snapshot)


def take_snapshot(run: Run) -> Worked:
    """One row for the account and the session; a price that is not known leaves it to a later run."""
    desk, now, session = run.desk, run.ring.as_of, run.ring.slot.session
    broker = desk.broker()
    if broker.environment != desk.plan.mode:
        return _failed(ENVIRONMENT, f"the plan says {desk.plan.mode}, the account says {broker.environment}")
    account = broker.account()
    if known := desk.snapshots.of(account.id, session):
        return Worked(f"taken before: {words_of(known, account.currency)}", {"taken": 0, "unknown": 0})
    if too_late(desk.resolved.exchange, session, now):
        return _failed(TOO_LATE, f"another session has begun: what {session} ended with is not known any more")
    symbols = held_symbols(account)
    oldest = oldest_quote(desk.resolved.exchange, session, now, desk.plan.freshness.quotes)
    seen = priced(ask_quotes(desk.feed.quotes, symbols, now), symbols, now, oldest)
    run.story.account, run.story.prices = account, seen.marks
    if seen.unknown:
        first, why = next(iter(sorted(seen.unknown.items())))
        words = f"{count(len(seen.unknown), 'position')} without a price, {first}: {why}"
        return _failed(MARKS_UNKNOWN, words, len(seen.unknown))
    figures = desk.snapshots.figures(account.id, session)
    taken = desk.snapshots.keep(snapshot_of(account, seen.marks, figures, session, run.ring.run_id, now), figures)
    counters = {"taken": 1, "positions": len(taken.holdings), "unknown": 0}
    return Worked(words_of(taken, account.currency), counters, {"snapshot": canonical.plain(taken)})


def _failed(code: str, words: str, unknown: int = 0) -> Worked:
    return Worked(f"no snapshot: {words}", {"taken": 0, "unknown": unknown}, {}, Outcome.FAILED, code)
