"""The cache of bars: its file, whatever happens to it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.feeds.frames import AS_OF, DAY, FIVE, SYMBOLS, codes, daily, minutes
from tests.feeds.tapes import FIRST, Clock, Tape, cached, days


def kept_file(folder) -> Path:
    (path,) = folder.rglob("*.parquet")
    return path


@pytest.mark.parametrize("damage", ["empty", "cut", "garbage", "text", "other"])
def test_C03_a_damaged_file_is_dropped_and_fetched_anew(tape, tmp_path, damage):
    feed = cached(tape, tmp_path, Clock(FIRST))
    expected = feed.bars(SYMBOLS, DAY, 20, FIRST).bars.digest()
    path = kept_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "cut": whole[: len(whole) // 2],
            "garbage": bytes(255 - byte for byte in whole),
            "text": json.dumps({"bars": []}).encode(),
            "other": whole.replace(b"openbell", b"openball"),
        }[damage]
    )
    checked = feed.bars(SYMBOLS, DAY, 20, FIRST)
    assert checked.bars.digest() == expected
    assert checked.notes == ("the kept bars of tape were damaged, all were fetched anew",)
    assert [count for _, count in tape.asked] == [20, 20]
    assert feed.bars(SYMBOLS, DAY, 20, FIRST).notes == ()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_C03_one_bit_that_flips_never_changes_an_answer(tmp_path, place, bit):
    tape = Tape(daily(30))
    folder = tmp_path / "flips"
    feed = cached(tape, folder, Clock(AS_OF))
    if not folder.exists():
        feed.bars(SYMBOLS, DAY, 20, AS_OF)
        (tmp_path / "sound").write_bytes(kept_file(folder).read_bytes())
    raw = bytearray((tmp_path / "sound").read_bytes())
    raw[int(place * len(raw))] ^= 1 << bit
    kept_file(folder).write_bytes(raw)
    assert feed.bars(SYMBOLS, DAY, 20, AS_OF).bars.digest() == tape.bars(SYMBOLS, DAY, 20, AS_OF).bars.digest()


def test_C03_a_folder_that_cannot_be_written_is_told_and_harms_nothing(tape, tmp_path):
    (tmp_path / "cache").write_text("not a folder")
    feed = cached(tape, tmp_path / "cache", Clock(FIRST))
    checked = feed.bars(SYMBOLS, DAY, 20, FIRST)
    assert checked.bars.digest() == tape.bars(SYMBOLS, DAY, 20, FIRST).bars.digest()
    assert "bars cannot be kept in" in checked.notes[0]


def test_C03_what_nobody_asks_for_is_not_kept_for_ever(tmp_path):
    tape = Tape(daily(600))
    feed = cached(tape, tmp_path, Clock(days(-500)))
    for step in range(-500, 0, 20):
        feed.now.now = days(step)
        checked = feed.bars(SYMBOLS, DAY, 20, days(step))
        assert checked.bars.digest() == tape.bars(SYMBOLS, DAY, 20, days(step)).bars.digest()
    assert kept_file(tmp_path).stat().st_size < 60_000


STEPS = st.tuples(
    st.integers(-3, 12),
    st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=3, unique=True),
    st.sampled_from([1, 3, 10, 25]),
    st.sampled_from([0, 60, 400]),
    st.sampled_from([None, None, None, "split", "withdrawn"]),
)


@pytest.mark.parametrize("timeframe", [DAY, FIVE])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=6), holes=st.lists(st.integers(2, 75), max_size=25, unique=True))
def test_C03_the_answer_is_the_feeds_own_whatever_happened_before(tmp_path_factory, timeframe, steps, holes):
    rows = daily(80) if timeframe.daily else minutes(80)
    rows.without("BBB", *(-hole for hole in holes))
    tape, clock = Tape(rows, max_age=timedelta(days=30)), Clock()
    feed = cached(tape, tmp_path_factory.mktemp("kept"), clock)
    at, seconds, newest = -40, 0, None
    for forward, symbols, count, later, event in steps:
        at, seconds = min(-1, at + forward), seconds + later
        as_of = days(at) if timeframe.daily else AS_OF + timedelta(minutes=5) * at
        newest = max(newest or as_of, as_of)
        if event and seconds:
            tape.scale("AAA", 0.5) if event == "split" else tape.withdraw("CCC", timeframe, newest)
            seconds += 400
        clock.now = AS_OF + timedelta(days=1, seconds=seconds)
        seen, plain = feed.bars(tuple(symbols), timeframe, count, as_of), tape.bars(symbols, timeframe, count, as_of)
        assert codes(seen) == codes(plain)
        assert seen.bars.digest() == plain.bars.digest()
