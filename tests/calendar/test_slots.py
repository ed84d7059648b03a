"""One slot per planned instant, whoever asks and when; what the coming ones will do."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.calendar.exchange import exchange
from openbell.calendar.preview import upcoming
from openbell.calendar.slots import grace, grid_of, lateness, slot_of
from openbell.errors import CalendarError, InputError, PlanError
from openbell.values.plan import Plan
from openbell.values.schedule import CADENCE

PlanOf = Callable[..., Plan]
Wall = Callable[..., datetime]


def test_a_slot_names_plan_job_instant_and_session(plan_of: PlanOf, wall: Wall) -> None:
    slot = slot_of(plan_of(), "trade", wall("2026-11-20T10:12"))
    assert slot.key == "book/trade/2026-11-20T14:35:00Z"
    assert slot.session == date(2026, 11, 20)


def test_a_slot_on_a_closed_day_has_the_local_date(plan_of: PlanOf, wall: Wall) -> None:
    assert slot_of(plan_of(), "trade", wall("2026-11-26T10:00")).session == date(2026, 11, 26)


def test_an_evening_slot_belongs_to_the_session_of_the_next_day(plan_of: PlanOf) -> None:
    plan = plan_of({"exchange": "CMES"}, trade={"at": ["open+5m"]})
    slot = slot_of(plan, "trade", datetime(2026, 11, 23, 1, tzinfo=UTC))
    assert (slot.planned, slot.session) == (datetime(2026, 11, 22, 23, 5, tzinfo=UTC), date(2026, 11, 23))


@settings(deadline=None, max_examples=100)
@given(
    schedule=st.sampled_from([{"cron": "35 9 * * 1-5"}, {"every": "15m"}, {"at": ["open+5m", "close+5m"]}]),
    code=st.sampled_from(["XNYS", "XTKS", "24/7"]),
    minute=st.integers(0, 3 * 365 * 24 * 60),
    share=st.floats(0, 1, exclude_max=True),
)
def test_every_instant_until_the_next_slot_gives_the_same_slot(
    plan_of: PlanOf, schedule: dict[str, Any], code: str, minute: int, share: float
) -> None:
    plan = plan_of({"exchange": code}, trade=schedule)
    slot = slot_of(plan, "trade", datetime(2024, 1, 3, tzinfo=UTC) + timedelta(minutes=minute))
    following = grid_of(plan, "trade").next(slot.planned)
    within = min(slot.planned + (following - slot.planned) * share, following - timedelta(microseconds=1))
    assert slot_of(plan, "trade", slot.planned) == slot_of(plan, "trade", within) == slot
    assert slot_of(plan, "trade", following) != slot


def test_an_unknown_job_is_refused_and_the_nearest_named(plan_of: PlanOf, wall: Wall) -> None:
    plan = plan_of(trade={"every": "15m"}, snapshot={"at": ["close+5m"]})
    with pytest.raises(PlanError, match=r"'snapshto' is not a job.* did you mean 'snapshot'"):
        slot_of(plan, "snapshto", wall("2026-11-20T10:00"))


def test_a_bad_schedule_is_named_with_its_job(plan_of: PlanOf, wall: Wall) -> None:
    with pytest.raises(PlanError, match=r"^schedule\.trade: at 'opne'"):
        slot_of(plan_of(trade={"at": ["opne"]}), "trade", wall("2026-11-20T10:00"))


def test_slots_of_naive_or_unknown_instants_are_refused(plan_of: PlanOf) -> None:
    with pytest.raises(InputError, match="has no zone"):
        slot_of(plan_of(), "trade", datetime(2026, 11, 20))
    with pytest.raises(CalendarError, match="2039-01-03"):
        slot_of(plan_of(), "trade", datetime(2039, 1, 3, 12, tzinfo=UTC))
    before = datetime(1990, 1, 2, 14, tzinfo=UTC)
    with pytest.raises(CalendarError, match="no slot at or before 1990-01-02T14:00:00Z"):
        slot_of(plan_of(trade={"at": ["open"]}), "trade", before)


@pytest.mark.parametrize(
    ("window", "schedule", "expected"),
    [
        ({}, {"every": "15m"}, 60),
        ({}, {"every": "1m"}, 30),
        ({}, {"cron": "35 9 * * 1-5"}, 60),
        ({"grace": "5m"}, {"every": "1m"}, 300),
        ({"grace": "0s"}, {"every": "1m"}, 0),
    ],
)
def test_grace_is_the_plans_or_half_the_interval_up_to_a_minute(
    plan_of: PlanOf, wall: Wall, window: dict[str, str], schedule: dict[str, str], expected: int
) -> None:
    plan = plan_of(window, trade=schedule)
    planned = slot_of(plan, "trade", wall("2026-11-20T10:00")).planned
    assert grace(plan, "trade", planned) == timedelta(seconds=expected)


def test_lateness_has_a_sign_and_needs_zones(wall: Wall) -> None:
    planned = wall("2026-11-20T09:35")
    assert lateness(planned, planned + timedelta(seconds=90)) == timedelta(seconds=90)
    assert lateness(planned, planned - timedelta(milliseconds=300)) == timedelta(milliseconds=-300)
    with pytest.raises(InputError, match=r"clock .* has no zone"):
        lateness(planned, datetime(2026, 11, 20, 9, 35))


def test_a_preview_tells_what_each_slot_will_do(plan_of: PlanOf, wall: Wall) -> None:
    plan = plan_of({"open_offset": "5m", "close_offset": "-10m"}, trade={"cron": "35 9,15 * * *"})
    coming = upcoming(plan, "trade", wall("2026-11-25T15:00"), 4)
    assert [(f"{slot.local:%a %H:%M %Z}", slot.runs, slot.code) for slot in coming] == [
        ("Wed 15:35 EST", True, "OPEN"),
        ("Thu 09:35 EST", False, "HOLIDAY"),
        ("Thu 15:35 EST", False, "HOLIDAY"),
        ("Fri 09:35 EST", True, "OPEN"),
        ("Fri 15:35 EST", False, "AFTER_CLOSE"),
        ("Sat 09:35 EST", False, "WEEKEND"),
        ("Sat 15:35 EST", False, "WEEKEND"),
        ("Sun 09:35 EST", False, "WEEKEND"),
    ]
    assert coming[4].detail == "15:35 EST, XNYS closed at 13:00 (half day)"
    assert coming[1].slot == slot_of(plan, "trade", coming[1].local)


def test_a_preview_shows_a_utc_cron_drifting_out_of_the_session_in_winter(plan_of: PlanOf, wall: Wall) -> None:
    plan = plan_of({}, trade={"cron": "45 13 * * 1-5", "zone": "UTC"})
    coming = upcoming(plan, "trade", wall("2026-10-30T00:00"), 4)
    assert [(f"{slot.local:%m-%d %H:%M}", slot.code) for slot in coming] == [
        ("10-30 09:45", "OPEN"),
        ("11-02 08:45", "BEFORE_OPEN"),
    ]


def test_K10_a_preview_beyond_the_calendar_names_its_last_date(plan_of: PlanOf) -> None:
    last = exchange("XNYS").last
    start = datetime(last.year, last.month, last.day, 12, tzinfo=UTC)
    for schedule in ({"cron": "35 9 * * *"}, {"every": "15m"}):
        with pytest.raises(CalendarError, match=f"is after {last}, the last session of the XNYS calendar"):
            upcoming(plan_of(trade=schedule), "trade", start, 30)


@pytest.mark.parametrize("job", sorted(CADENCE))
@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ({"every": "90s"}, r"every 90s is not .*whole minutes: bells ring on the minute"),
        ({"every": "45s"}, r"every 45s is not .*whole minutes"),
        ({"at": ["close", "open+90s"]}, r"at 'open\+90s' is not whole minutes from the open: bells ring on the minute"),
        ({"at": ["close-1s"]}, r"at 'close-1s' is not whole minutes from the close"),
    ],
)
def test_a_schedule_that_no_bell_can_ring_is_refused_by_name(
    plan_of: PlanOf, job: str, schedule: dict[str, Any], said: str
) -> None:
    with pytest.raises(PlanError, match=rf"^schedule\.{job}: {said}"):
        grid_of(plan_of(**{job: schedule}), job)


@pytest.mark.parametrize("job", sorted(CADENCE))
def test_half_a_minute_is_for_exits_alone(plan_of: PlanOf, job: str) -> None:
    plan = plan_of(**{job: {"every": "30s"}})
    if job == "exits":
        assert grid_of(plan, job)
    else:
        with pytest.raises(PlanError, match=rf"^schedule\.{job}: every 30s is not whole minutes"):
            grid_of(plan, job)


def test_whole_minutes_may_be_written_in_seconds(plan_of: PlanOf) -> None:
    assert grid_of(plan_of(trade={"every": "120s"}), "trade")
    assert grid_of(plan_of(trade={"at": ["open+120s"]}), "trade")
