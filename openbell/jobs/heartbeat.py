"""heartbeat: every slot of every enabled job gets an outcome, also when nobody was there to work on it.

With Prefect it is a job of its own; without, ``openbell run heartbeat PLAN`` does the same from any scheduler.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from openbell.desk import Desk
from openbell.jobs.run import Run, whole
from openbell.ports import ClaimKind
from openbell.stages.guards import STALE
from openbell.stages.lease import LEASE
from openbell.stages.missed import LOOK_BACK, Missed, missed
from openbell.stages.protection import stale
from openbell.stages.seal import Story, build_record
from openbell.values.job import HEARTBEAT
from openbell.values.record import Guard, Outcome, RunRecord
from openbell.values.ring import Ring
from openbell.values.time import iso
from openbell.values.work import Worked

#: Kind of the alert about slots that nobody worked on.
ALERT = "MISSED"


def heartbeat(desk: Desk, run_id: str) -> RunRecord:
    """One heartbeat from claim to seal, in this process and without Prefect."""
    return whole(desk, HEARTBEAT, run_id, beat)


def beat(run: Run) -> Worked:
    """Write down what was missed since the first heartbeat, and tell of it, once for each job until it runs again."""
    desk, now = run.desk, run.ring.clock
    known = desk.journal.slots(desk.plan.name, now - LOOK_BACK)
    first = desk.journal.first_slot(desk.plan.name, HEARTBEAT.name)
    found = missed(desk.resolved, known, first or now, now)
    written = [one for one in found if not one.open and _write(run, one)]
    last = {one.slot.job: one.slot.planned for one in found}
    back = {job for job, slots in known.items() if _back(slots, last.get(job))}
    _tell(run, [one for one in found if one.works and one.slot.job not in back])
    _close_alerts(run, back)
    _page_unwatched(run)
    if not written:
        return Worked("every slot has an outcome", {"missed": 0})
    keys = [one.slot.key for one in written]
    details = {"missed": keys, "absent": sorted({one.slot.job for one in written if one.works})}
    return Worked(f"{len(written)} slots were missed, first {keys[0]}", {"missed": len(written)}, details)


def _write(run: Run, found: Missed) -> bool:
    """Whether the slot was still free, and is now closed as missed."""
    desk, ring = run.desk, run.ring
    run_id = f"missed-{found.slot.key}"
    claim = desk.journal.claim(found.slot, run_id, LEASE)
    if claim.kind is not ClaimKind.WON:
        return False
    missing = Ring(found.slot, run_id, claim.fencing, ring.clock, ring.as_of, simulated=False, dry_run=False)
    code = "MISSED" if found.works else found.why
    words = "nobody started it" if found.works else f"nobody started it, and there was nothing to do ({found.why})"
    story = Story(missing, desk.plan, (Guard(name="heartbeat", passed=True, detail=words),), work=Worked(words))
    desk.journal.seal(build_record(story, Outcome.MISSED, code, words, ring.clock), None, claim.fencing)
    return True


def _back(slots: Mapping[datetime, str], missed_last: datetime | None) -> bool:
    """Whether a job has worked on a slot after the last that it missed: what was before needs nobody any more."""
    newest = max(slots)
    return slots[newest] != Outcome.MISSED.value and (missed_last is None or newest > missed_last)


def _tell(run: Run, missing: Sequence[Missed]) -> None:
    for job, of_job in groupby(sorted(missing, key=lambda one: one.slot.job), key=lambda one: one.slot.job):
        slots = [one.slot for one in of_job]
        span = f"from {iso(slots[0].planned)} to {iso(slots[-1].planned)}"
        words = f"{len(slots)} slots of {job} {span}: nobody started them; are server and worker up?"
        run.desk.journal.alert(ALERT, f"{run.desk.plan.name}/{job}", words)


def _page_unwatched(run: Run) -> None:
    """Tell people when nobody looks after what the plan holds, also while no trading run is there to notice."""
    desk, plan = run.desk, run.desk.plan.name
    for account in desk.exit_marks.accounts(plan):
        if why := stale(desk.resolved, desk.exit_marks.read(plan, account), run.ring.clock):
            desk.journal.alert(STALE, plan, why)


def _close_alerts(run: Run, back: Collection[str]) -> None:
    plan = run.desk.plan.name
    for alert in run.desk.history.alerts():
        owner, _, job = alert.subject.partition("/")
        if (alert.kind, owner) == (ALERT, plan) and job in back:
            run.desk.journal.close_alert(alert.number, "openbell", f"{job} runs again")
