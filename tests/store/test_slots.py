"""Claims: one row per slot, a lease in the database's time, a fencing number that rises."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from subprocess import PIPE, Popen

import pytest

from openbell.errors import StoreError
from openbell.ports import Claim, ClaimKind
from openbell.values.record import Outcome
from tests.store.samples import HOUR, slot_at

NO_TIME = timedelta(0)
CLAIMS = """
import sys
from datetime import UTC, datetime, timedelta
from openbell.store import open_journal
from openbell.values.slot import Slot
url, run_id, days = sys.argv[1:]
journal, start = open_journal(url), datetime(2026, 3, 2, 14, 35, tzinfo=UTC)
slots = [Slot("demo", "trade", start + timedelta(days=n), start.date()) for n in range(int(days))]
print(sum(journal.claim(slot, run_id, timedelta(hours=1)).kind == "won" for slot in slots))
"""


def test_first_claim_wins_and_a_second_start_is_told_who_runs(journal):
    assert journal.claim(slot_at(), "run-1", HOUR) == Claim(ClaimKind.WON, "run-1", 1)
    assert journal.claim(slot_at(), "run-2", HOUR) == Claim(ClaimKind.RUNNING, "run-1", 1)


def test_released_slot_is_done_for_ever(journal):
    journal.claim(slot_at(), "run-1", NO_TIME)
    journal.release(slot_at(), 1, Outcome.SKIPPED, "HOLIDAY")
    assert journal.claim(slot_at(), "run-2", HOUR) == Claim(ClaimKind.DONE, "run-1", 1)


def test_expired_lease_is_taken_over_with_a_higher_fencing_number(journal):
    journal.claim(slot_at(), "run-1", NO_TIME)
    assert journal.claim(slot_at(), "run-2", HOUR) == Claim(ClaimKind.RESUMED, "run-2", 2)
    assert journal.claim(slot_at(), "run-3", HOUR) == Claim(ClaimKind.RUNNING, "run-2", 2)


def test_slots_of_other_plans_jobs_and_times_are_free(journal):
    slots = [slot_at(), slot_at(1), slot_at(plan="other"), slot_at(job="exits")]
    assert [journal.claim(slot, "run", HOUR).kind for slot in slots] == [ClaimKind.WON] * 4


def test_I9_stale_claim_cannot_release(journal):
    journal.claim(slot_at(), "run-1", NO_TIME)
    journal.claim(slot_at(), "run-2", HOUR)
    with pytest.raises(StoreError, match=r"claim 1 of slot .* is stale: run run-2 holds claim 2"):
        journal.release(slot_at(), 1, Outcome.COMPLETED, "")


def test_release_again_changes_nothing_and_never_another_outcome(journal):
    journal.claim(slot_at(), "run-1", HOUR)
    journal.release(slot_at(), 1, Outcome.COMPLETED, "")
    journal.release(slot_at(), 1, Outcome.COMPLETED, "")
    with pytest.raises(StoreError, match="closed already as completed"):
        journal.release(slot_at(), 1, Outcome.FAILED, "ERROR")


def test_release_of_a_slot_that_nobody_claimed_is_refused(journal):
    with pytest.raises(StoreError, match="was never claimed"):
        journal.release(slot_at(), 1, Outcome.COMPLETED, "")


def test_I10_twenty_threads_claim_one_slot_and_one_wins(journal):
    with ThreadPoolExecutor(20) as pool:
        claims = list(pool.map(lambda n: journal.claim(slot_at(), f"run-{n}", HOUR), range(20)))
    won = [claim for claim in claims if claim.kind is ClaimKind.WON]
    assert len(won) == 1
    assert {claim.run_id for claim in claims} == {won[0].run_id}
    assert sum(claim.kind is ClaimKind.RUNNING for claim in claims) == 19


def test_I10_twenty_threads_take_over_one_dead_slot_and_one_resumes(journal):
    journal.claim(slot_at(), "dead", NO_TIME)
    with ThreadPoolExecutor(20) as pool:
        claims = list(pool.map(lambda n: journal.claim(slot_at(), f"run-{n}", HOUR), range(20)))
    assert [claim.fencing for claim in claims if claim.kind is ClaimKind.RESUMED] == [2]


def test_I10_processes_share_out_slots_without_overlap(url):
    processes = [Popen([sys.executable, "-c", CLAIMS, url, f"run-{n}", "30"], stdout=PIPE) for n in range(3)]
    won = [int(process.communicate()[0]) for process in processes]
    assert sum(won) == 30
