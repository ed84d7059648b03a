"""Grids of schedules: every planned instant once, right across clock changes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.calendar.exchange import exchange
from openbell.calendar.schedule import Grid
from openbell.errors import CalendarError, InputError, PlanError
from openbell.values.plan import Window
from openbell.values.schedule import Schedule

Wall = Callable[..., datetime]
TICK = timedelta(microseconds=1)


def grid(window: dict[str, Any] | None = None, **schedule: Any) -> Grid:
    return Grid.of(Schedule.model_validate(schedule), Window.model_validate(window or {}))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def times(points: list[datetime]) -> list[str]:
    return [f"{point:%d %H:%M}" for point in points]


def test_a_cron_rings_at_wall_time_of_the_exchange(wall: Wall) -> None:
    bell = grid(cron="35 9 * * 1-5")
    assert bell.floor(wall("2026-11-21T12:00")) == wall("2026-11-20T09:35")
    assert bell.next(wall("2026-11-20T09:35")) == wall("2026-11-23T09:35")
    assert bell.floor(wall("2026-11-20T09:35")) == wall("2026-11-20T09:35")
    assert bell.floor(wall("2026-11-20T09:35") - TICK) == wall("2026-11-19T09:35")
    assert all(point.tzinfo is UTC for point in bell.between(utc("2026-11-01T00:00"), utc("2026-11-30T00:00")))


def test_the_zone_of_a_cron_is_its_own_then_the_windows_then_the_exchanges() -> None:
    noon, start, end = "0 12 * * *", utc("2026-11-20T00:00"), utc("2026-11-21T00:00")
    assert times(grid(cron=noon).between(start, end)) == ["20 17:00"]
    assert times(grid({"zone": "Europe/London"}, cron=noon).between(start, end)) == ["20 12:00"]
    assert times(grid({"zone": "Europe/London"}, cron=noon, zone="Asia/Tokyo").between(start, end)) == ["20 03:00"]


@pytest.mark.parametrize(
    ("schedule", "per_day"),
    [
        ({"cron": "35 9,15 * * *"}, 2),
        ({"every": "30m"}, 13),
        ({"at": ["open+5m", "close-10m", "close+5m"]}, 3),
    ],
)
@pytest.mark.parametrize(("friday", "monday"), [("2026-03-06", "2026-03-09"), ("2026-10-30", "2026-11-02")])
def test_K03_around_clock_changes_each_local_slot_comes_once(
    schedule: dict[str, Any], per_day: int, friday: str, monday: str, wall: Wall
) -> None:
    bell = grid(**schedule)
    found = []
    for day in (friday, monday):
        points = bell.between(wall(f"{day}T00:00"), wall(f"{day}T23:59"))
        found.append([f"{point.astimezone(exchange('XNYS').zone):%H:%M}" for point in points])
    assert found[0] == found[1]
    assert len(set(found[0])) == len(found[0]) == per_day


@pytest.mark.parametrize(
    ("cron", "spring", "autumn"),
    [
        # The expected values are what Prefect 3.8's own CronSchedule gives for the same days and zone.
        ("30 1 * * *", ["08 06:30"], ["01 05:30"]),
        ("30 2 * * *", ["08 06:30"], ["01 07:30"]),
        ("30 1,2,3 * * *", ["08 06:30", "08 07:30"], ["01 05:30", "01 07:30", "01 08:30"]),
        ("0 */2 * * *", ["08 05:00", "08 06:00", "08 08:00"], ["01 04:00", "01 07:00", "01 09:00"]),
        (
            "*/30 * * * *",
            ["08 05:00", "08 05:30", "08 06:00", "08 06:30", "08 07:00", "08 07:30", "08 08:00", "08 08:30"],
            [
                "01 04:00",
                "01 04:30",
                "01 05:00",
                "01 05:30",
                "01 07:00",
                "01 07:30",
                "01 08:00",
                "01 08:30",
                "01 09:00",
            ],
        ),
    ],
)
def test_K05_on_the_night_of_a_change_slots_agree_with_prefect(cron: str, spring: list[str], autumn: list[str]) -> None:
    bell = grid(cron=cron)
    last = {"*/30 * * * *": "09:00"}.get(cron, "09:01")
    assert times(bell.between(utc("2026-03-08T05:00"), utc("2026-03-08T09:00"))) == spring
    assert times(bell.between(utc("2026-11-01T04:00"), utc(f"2026-11-01T{last}") + TICK)) == autumn


@pytest.mark.parametrize("cron", ["30 1 * * *", "30 2 * * *", "15 3 * * *"])
@pytest.mark.parametrize(("first", "last"), [("2026-03-06", "2026-03-11"), ("2026-10-30", "2026-11-04")])
def test_K05_a_daily_cron_has_one_slot_for_each_day_of_a_change(cron: str, first: str, last: str, wall: Wall) -> None:
    bell = grid(cron=cron)
    points = bell.between(wall(f"{first}T00:00"), wall(f"{last}T00:00"))
    days = [point.astimezone(exchange("XNYS").zone).date() for point in points]
    assert days == [date.fromisoformat(first) + timedelta(days=n) for n in range(5)]


def test_K04_session_anchors_follow_each_exchange_while_clocks_differ() -> None:
    start, end = utc("2026-03-16T00:00"), utc("2026-03-17T00:00")
    assert times(grid(at=["open+5m"]).between(start, end)) == ["16 13:35"]
    assert times(grid({"exchange": "XLON"}, at=["open+5m"]).between(start, end)) == ["16 08:05"]


def test_every_counts_from_the_open_and_stops_before_the_close() -> None:
    whole = grid(every="15m").between(utc("2026-11-20T00:00"), utc("2026-11-21T00:00"))
    assert (times(whole)[0], times(whole)[-1], len(whole)) == ("20 14:30", "20 20:45", 26)
    half = grid(every="15m").between(utc("2026-11-27T00:00"), utc("2026-11-28T00:00"))
    assert (times(half)[-1], len(half)) == ("27 17:45", 14)
    assert times(grid(every="4h").between(utc("2026-11-20T00:00"), utc("2026-11-21T00:00"))) == ["20 14:30", "20 18:30"]


def test_every_around_the_clock_counts_from_midnight_utc() -> None:
    bell = grid({"exchange": "24/7"}, every="7h")
    found = times(bell.between(utc("2026-11-21T00:00"), utc("2026-11-23T00:00")))
    assert found == ["21 00:00", "21 07:00", "21 14:00", "21 21:00", "22 00:00", "22 07:00", "22 14:00", "22 21:00"]


def test_K02_a_post_close_point_follows_the_real_close() -> None:
    bell = grid(at=["close+5m"])
    assert bell.floor(utc("2026-11-28T00:00")) == utc("2026-11-27T18:05")
    assert bell.floor(utc("2026-12-25T00:00")) == utc("2026-12-24T18:05")
    assert bell.floor(utc("2026-11-26T00:00")) == utc("2026-11-25T21:05")


def test_points_far_from_their_session_are_found() -> None:
    bell = grid(at=["close+24h", "open-24h", "open"])
    assert times(bell.between(utc("2026-11-20T14:00"), utc("2026-11-22T00:00"))) == ["20 14:30", "20 21:00", "21 21:00"]
    assert bell.floor(utc("2026-11-22T00:00")) == utc("2026-11-21T21:00")


def test_points_that_fall_together_are_one() -> None:
    assert len(grid(at=["open+390m", "close"]).between(utc("2026-11-20T00:00"), utc("2026-11-21T00:00"))) == 1


@pytest.mark.parametrize(
    ("schedule", "at", "interval"),
    [
        ({"every": "15m"}, "2026-11-20T15:07", timedelta(minutes=15)),
        ({"every": "15m"}, "2026-11-20T20:50", timedelta(minutes=15)),
        ({"every": "30s"}, "2026-11-21T12:00", timedelta(seconds=30)),
        ({"cron": "35 9 * * 1-5"}, "2026-11-20T15:07", timedelta(days=1)),
        ({"cron": "0 0 29 2 *"}, "2026-11-20T15:07", timedelta(days=1461)),
    ],
)
def test_the_interval_is_the_one_to_the_nearer_neighbour(
    schedule: dict[str, Any], at: str, interval: timedelta
) -> None:
    assert grid(**schedule).interval_at(utc(at)) == interval


@pytest.mark.parametrize(
    ("cron", "word"),
    [
        ("0 35 9 * * 1-5", "has 6"),
        ("35 9", "has 2"),
        ("@daily", "has 1"),
        ("61 9 * * *", "bad minute"),
        ("35 25 * * *", "bad hour"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("0 9 L * *", "'L'"),
        ("0 9 * * 5#3", "'5#3'"),
        ("0 9 */2 * 1-5", "both or either"),
        ("opens at nine every day", "is not made of"),
        ("35 9 * * 1-5'; --", "has 6"),
    ],
)
def test_a_bad_cron_is_named(cron: str, word: str) -> None:
    with pytest.raises(PlanError) as refused:
        grid(cron=cron)
    assert word in str(refused.value)
    assert cron in str(refused.value)


def test_steps_of_days_are_accepted_when_weekdays_are_free() -> None:
    days = grid(cron="0 12 */10 * *").between(utc("2026-11-01T00:00"), utc("2026-12-01T00:00"))
    assert times(days) == ["01 17:00", "11 17:00", "21 17:00"]


@pytest.mark.parametrize("text", ["opne+5m", "open+", "open+5", "5m", "open+5m-3m", "close + 5 minutes", "", "Open"])
def test_a_bad_at_is_named(text: str) -> None:
    with pytest.raises(PlanError, match=r"is not an instant such as open, open\+5m"):
        grid(at=["open", text])


@pytest.mark.parametrize("text", ["close+25h", "open-1441m", "close+2d"])
def test_an_at_more_than_a_day_from_its_session_is_refused(text: str) -> None:
    with pytest.raises(PlanError, match="more than 24h away"):
        grid(at=[text])


def test_an_unknown_exchange_of_a_grid_is_a_plan_error() -> None:
    with pytest.raises(PlanError, match=r"window\.exchange: exchange 'XNYX' is not known; did you mean 'XNYS'"):
        grid({"exchange": "XNYX"}, every="15m")


@pytest.mark.parametrize("schedule", [{"cron": "35 9 * * *"}, {"every": "15m"}, {"at": ["open"]}])
def test_naive_instants_and_those_beyond_the_calendar_are_refused(schedule: dict[str, Any]) -> None:
    bell, inside = grid(**schedule), utc("2026-11-20T00:00")
    for ask in (bell.floor, bell.next, bell.interval_at):
        with pytest.raises(InputError, match="has no zone"):
            ask(datetime(2026, 11, 20))
        for beyond in (utc("2039-01-03T12:00"), utc("1985-01-03T12:00")):
            with pytest.raises(CalendarError, match=str(beyond.date())):
                ask(beyond)
    with pytest.raises(CalendarError, match="2039-01-0"):
        bell.between(inside, utc("2039-01-03T12:00"))
    assert bell.between(inside, inside) == []


def test_K10_a_grid_of_sessions_ends_with_the_calendar() -> None:
    bell, last = grid(at=["open"]), exchange("XNYS").hours(exchange("XNYS").last)
    assert last is not None
    assert bell.floor(last.closes) == last.opens
    with pytest.raises(CalendarError, match=f"the XNYS calendar ends on {last.session}"):
        bell.next(last.opens)
    assert bell.interval_at(last.opens) > timedelta(hours=12)
    first = exchange("XNYS").hours(exchange("XNYS").first)
    assert first is not None
    assert bell.floor(first.opens - TICK) is None


@settings(deadline=None, max_examples=150)
@given(
    schedule=st.sampled_from(
        [
            {"cron": "35 9 * * 1-5"},
            {"cron": "*/7 * * * *"},
            {"cron": "30 1,2 1,15 * *"},
            {"every": "15m"},
            {"every": "37m"},
            {"at": ["open-30m", "open+5m", "close-10m", "close+5m"]},
        ]
    ),
    code=st.sampled_from(["XNYS", "XHKG", "CMES", "24/7"]),
    minute=st.integers(0, 3 * 365 * 24 * 60),
    second=st.sampled_from([0, 0.001, 59.999]),
)
def test_floor_next_and_between_tell_the_same_story(
    schedule: dict[str, Any], code: str, minute: int, second: float
) -> None:
    bell = grid({"exchange": code}, **schedule)
    instant = utc("2024-01-03T00:00") + timedelta(minutes=minute, seconds=second)
    floor, following = bell.floor(instant), bell.next(instant)
    assert floor is not None
    assert floor <= instant < following
    assert bell.between(floor, following) == [floor]
    assert bell.between(floor, following + TICK) == [floor, following]
    assert bell.floor(floor) == bell.floor(following - TICK) == floor
    assert bell.next(floor) == following
    assert bell.floor(following) == following
    around = bell.between(instant - timedelta(days=5), instant + timedelta(days=5))
    assert around == sorted(set(around))
