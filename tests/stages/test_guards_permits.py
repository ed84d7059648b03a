"""Guards: what was armed, until when, and with which code."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from openbell.calendar.exchange import exchange
from openbell.stages.guards import check
from openbell.stages.permits import end_of_day
from openbell.values.job import EXITS, ORDERS, POSITIONS, TRADE, Job
from tests.stages.situations import LIVE, NOW, Counted, Stub, armed, situation


def test_A10_I17_a_live_plan_that_nobody_armed_asks_the_broker_nothing() -> None:
    door = Counted(Stub("live"))
    last = check(situation(plan=LIVE, broker=door))[-1]
    assert (last.name, last.code, door.opened) == ("enabled", "NOT_ARMED", 0)
    assert "`openbell enable p --live`" in last.detail


def test_I17_a_live_plan_that_is_armed_passes_for_its_account_alone() -> None:
    door = Counted(Stub("live"))
    assert check(situation(plan=LIVE, broker=door, standing=armed()))[-1].passed
    last = check(situation(plan=LIVE, broker=door, standing=armed(account="U9999999")))[-1]
    assert (last.code, last.detail) == (
        "ENVIRONMENT", "plan p was armed for account ...9999, the broker says ...4321"
    )  # fmt: skip


def test_I17_an_arming_ends_at_midnight_of_the_exchange_and_not_a_moment_later() -> None:
    midnight = end_of_day(NOW, exchange("XNYS").zone)
    assert midnight == datetime(2026, 11, 20, 5, tzinfo=UTC)
    live = {"plan": LIVE, "broker": Counted(Stub("live")), "standing": armed()}
    assert check(situation(**live, clock=midnight - timedelta(microseconds=1)))[-1].passed
    last = check(situation(**live, clock=midnight))[-1]
    assert (last.code, "its arming by kim ended" in last.detail) == ("NOT_ARMED", True)


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 7, 12), 17), ((2026, 3, 8, 4, 59), 1 / 60), ((2026, 3, 8, 5), 23)]
)
def test_an_arming_on_the_day_of_a_clock_change_ends_at_midnight_too(day: tuple[int, ...], hours: float) -> None:
    now = datetime(*day, tzinfo=UTC)
    assert (end_of_day(now, exchange("XNYS").zone) - now).total_seconds() == pytest.approx(hours * 3600)


def test_S20_a_plan_that_changed_after_it_was_armed_waits_for_a_person() -> None:
    changed = LIVE.model_copy(update={"universe": ("MSFT",)})
    last = check(situation(plan=changed, standing=armed()))[-1]
    assert (last.code, "has changed since kim armed it" in last.detail) == ("NOT_ARMED", True)


@pytest.mark.parametrize(("job", "code"), [(TRADE, "VERSION"), (EXITS, ""), (ORDERS, "")])
def test_S20_a_worker_with_other_code_than_the_armed_one_opens_nothing_and_still_protects(job: Job, code: str) -> None:
    standing = armed()
    word = replace(standing.armed, arming=replace(standing.armed.arming, build="0.1.0+aaa"))
    door = Counted(Stub("live"))
    terms = {"plan": LIVE, "job": job, "standing": replace(standing, armed=word), "broker": door}
    assert check(situation(**terms, build=lambda: "0.1.0+aaa"))[-1].passed
    last = check(situation(**terms, build=lambda: "0.1.0+bbb"))[-1]
    assert last.code == code
    assert not code or "armed by kim for openbell 0.1.0+aaa, this is 0.1.0+bbb" in last.detail


@pytest.mark.parametrize(("job", "passes"), [(TRADE, False), (EXITS, False), (ORDERS, True), (POSITIONS, True)])
def test_A10_jobs_that_only_look_need_no_arming(job: Job, passes: bool) -> None:
    door = Counted(Stub("live"))
    assert check(situation(plan=LIVE, job=job, broker=door, late_by=None))[-1].passed is passes
