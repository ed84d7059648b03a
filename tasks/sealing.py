"""Writing the record of a run, however it ended."""

from datetime import timedelta
from time import perf_counter

from openbell.stages.report import headline
from openbell.stages.seal import build_record
from openbell.values.record import Outcome, RunRecord
from tasks.run import Run


def seal(run: Run, outcome: Outcome, code: str, message: str) -> RunRecord:
    """Seal the record and close the slot; the record's own words stand in when there is no message."""
    ring, story, journal = run.ring, run.story, run.desk.journal
    elapsed = timedelta(seconds=perf_counter() - run.started)
    record = build_record(story, outcome, code, message, ring.clock + elapsed)
    if not message:
        record = record.model_copy(update={"message": headline(record)})
    journal.seal(record, story.market.bars if story.market else None)
    if ring.fencing:
        journal.release(ring.slot, ring.fencing, outcome, code)
    return record
