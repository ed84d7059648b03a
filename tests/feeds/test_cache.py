"""Closed bars kept on disk: what is fetched again, when it is believed, and that the answer is always the feed's."""

from datetime import timedelta

import numpy as np
import pytest

from openbell.errors import FeedUnavailable, InputError
from tests.feeds.frames import AS_OF, DAY, FIVE, SYMBOLS, codes, minutes
from tests.feeds.tapes import FIRST, Clock, Tape, cached, days

# --- what is fetched -----------------------------------------------------------------------------------------


def test_C03_the_first_time_all_is_fetched_and_then_only_the_end(tape, tmp_path):
    clock = Clock(FIRST)
    feed = cached(tape, tmp_path, clock)
    feed.bars(SYMBOLS, DAY, 20, FIRST)
    clock.now = days(-6)
    checked = feed.bars(SYMBOLS, DAY, 20, days(-6))
    assert tape.asked == [(SYMBOLS, 20), (SYMBOLS, 2 + 3)]
    assert checked.bars.digest() == tape.bars(SYMBOLS, DAY, 20, days(-6)).bars.digest()


def test_C03_within_five_minutes_nothing_is_asked_again_and_after_that_the_end_is(tape, tmp_path):
    clock = Clock(FIRST)
    feed = cached(tape, tmp_path, clock)
    feed.bars(SYMBOLS, DAY, 20, FIRST)
    for seconds in (1, 299):
        clock.now = FIRST + timedelta(seconds=seconds)
        assert feed.bars(SYMBOLS, DAY, 20, clock.now).dropped == ()
    assert len(tape.asked) == 1
    clock.now = FIRST + timedelta(seconds=300)
    feed.bars(SYMBOLS, DAY, 20, clock.now)
    assert tape.asked[1:] == [(SYMBOLS, 3)]


def test_C03_a_clock_that_was_set_back_is_no_reason_to_believe(tape, tmp_path):
    clock = Clock(FIRST)
    feed = cached(tape, tmp_path, clock)
    feed.bars(SYMBOLS, DAY, 20, FIRST)
    clock.now = FIRST - timedelta(hours=1)
    feed.bars(SYMBOLS, DAY, 20, FIRST)
    assert len(tape.asked) == 2


def test_C03_a_bar_that_is_due_is_asked_for_at_once(tmp_path):
    tape = Tape(minutes(200))
    clock = Clock(AS_OF - timedelta(minutes=10))
    feed = cached(tape, tmp_path, clock)
    feed.bars(SYMBOLS, FIVE, 20, clock.now)
    clock.now += timedelta(minutes=5)
    checked = feed.bars(SYMBOLS, FIVE, 20, clock.now)
    assert tape.asked[1:] == [(SYMBOLS, 1 + 3)]
    assert checked.bars.times[-1] == np.datetime64(clock.now.replace(tzinfo=None), "ns")


def test_C03_a_new_symbol_is_fetched_as_a_whole_and_the_others_not(tape, tmp_path):
    feed = cached(tape, tmp_path, Clock(FIRST))
    feed.bars(("AAA", "CCC"), DAY, 20, FIRST)
    assert feed.bars(SYMBOLS, DAY, 20, FIRST).bars.symbols == SYMBOLS
    assert tape.asked == [(("AAA", "CCC"), 20), (("BBB",), 20)]


def test_C03_a_longer_look_back_is_fetched_once(tape, tmp_path):
    feed = cached(tape, tmp_path, Clock(FIRST))
    for count in (10, 30, 30, 10):
        assert len(feed.bars(SYMBOLS, DAY, count, FIRST).bars) == count
    assert [count for _, count in tape.asked] == [10, 30]


def test_C03_a_symbol_without_more_history_is_not_asked_for_it_again(tape, tmp_path):
    feed = cached(tape, tmp_path, Clock(FIRST))
    for _ in range(3):
        feed.bars(SYMBOLS, DAY, 500, FIRST)
    assert len(tape.asked) == 1


def test_C03_the_past_is_answered_from_what_is_kept(tape, tmp_path):
    feed = cached(tape, tmp_path, Clock(FIRST))
    feed.bars(SYMBOLS, DAY, 30, FIRST)
    checked = feed.bars(SYMBOLS, DAY, 10, days(-12))
    assert checked.bars.digest() == tape.bars(SYMBOLS, DAY, 10, days(-12)).bars.digest()
    assert [count for _, count in tape.asked] == [30, 10]


def test_C03_quotes_are_never_kept(tape, tmp_path):
    feed = cached(tape, tmp_path)
    for _ in range(3):
        feed.quotes(SYMBOLS, AS_OF)
    assert tape.asked == [("quotes", 3)] * 3
    assert not list(tmp_path.rglob("*"))


def test_C03_another_process_finds_what_was_kept(tape, tmp_path):
    cached(tape, tmp_path, Clock(FIRST)).bars(SYMBOLS, DAY, 20, FIRST)
    again = cached(tape, tmp_path, Clock(FIRST)).bars(SYMBOLS, DAY, 20, FIRST)
    assert len(tape.asked) == 1
    assert again.bars.digest() == tape.bars(SYMBOLS, DAY, 20, FIRST).bars.digest()


def test_C03_bars_are_kept_in_parquet_by_adjustment_and_timeframe(tape, tmp_path):
    cached(tape, tmp_path, Clock(FIRST)).bars(SYMBOLS, DAY, 20, FIRST)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.parquet")] == ["raw/1d.parquet"]


def test_D13_a_feed_that_is_down_is_not_covered_up(tape, tmp_path):
    clock = Clock(FIRST)
    feed = cached(tape, tmp_path, clock)
    feed.bars(SYMBOLS, DAY, 20, FIRST)
    tape.down = True
    clock.now = days(-7)
    with pytest.raises(FeedUnavailable):
        feed.bars(SYMBOLS, DAY, 20, clock.now)


# --- what is believed ----------------------------------------------------------------------------------------


def test_C03_a_split_is_seen_on_the_overlap_and_the_symbol_fetched_anew(tape, tmp_path):
    clock = Clock(FIRST)
    feed = cached(tape, tmp_path, clock)
    feed.bars(SYMBOLS, DAY, 20, FIRST)
    tape.scale("BBB", 0.5)
    clock.now = days(-7)
    checked = feed.bars(SYMBOLS, DAY, 20, clock.now)
    assert tape.asked[1:] == [(SYMBOLS, 1 + 3), (("BBB",), 20)]
    assert checked.bars.digest() == tape.bars(SYMBOLS, DAY, 20, clock.now).bars.digest()


def test_C03_a_closed_bar_that_was_corrected_or_withdrawn_is_seen(tape, tmp_path):
    for change in (lambda: tape.scale("BBB", 1.001, -9, -8), lambda: tape.rows.without("BBB", -10)):
        clock = Clock(FIRST)
        feed = cached(tape, tmp_path / str(len(tape.asked)), clock)
        feed.bars(SYMBOLS, DAY, 20, FIRST)
        change()
        clock.now = FIRST + timedelta(minutes=6)
        checked = feed.bars(SYMBOLS, DAY, 20, clock.now)
        assert tape.asked[-1] == (("BBB",), 20)
        assert checked.bars.digest() == tape.bars(SYMBOLS, DAY, 20, clock.now).bars.digest()


def test_C03_a_volume_that_is_revised_is_taken_over_without_a_new_start(tape, tmp_path):
    clock = Clock(FIRST)
    feed = cached(tape, tmp_path, clock)
    feed.bars(SYMBOLS, DAY, 20, FIRST)
    tape.rows.columns["volume"] += 7
    clock.now = FIRST + timedelta(minutes=6)
    checked = feed.bars(SYMBOLS, DAY, 20, clock.now)
    assert len(tape.asked) == 2
    assert checked.bars.volume[-1, 0] == tape.bars(SYMBOLS, DAY, 20, clock.now).bars.volume[-1, 0]


def test_D10_another_adjustment_starts_anew_and_is_never_mixed(tape, tmp_path):
    clock = Clock(FIRST)
    cached(tape, tmp_path, clock).bars(SYMBOLS, DAY, 20, FIRST)
    tape.adjustment = "split"
    checked = cached(tape, tmp_path, clock).bars(SYMBOLS, DAY, 25, FIRST)
    assert checked.bars.adjustment == "split"
    assert checked.bars.digest() == tape.bars(SYMBOLS, DAY, 25, FIRST).bars.digest()
    mixed = cached(tape, tmp_path, clock).bars((*SYMBOLS,), DAY, 25, FIRST)
    assert mixed.bars.digest() == checked.bars.digest()


def test_D10_a_new_symbol_of_another_adjustment_throws_the_rest_away(tape, tmp_path):
    cached(tape, tmp_path, Clock(FIRST)).bars(("AAA",), DAY, 20, FIRST)
    tape.adjustment = "split"
    checked = cached(tape, tmp_path, Clock(FIRST)).bars(SYMBOLS, DAY, 20, FIRST)
    assert checked.bars.digest() == tape.bars(SYMBOLS, DAY, 20, FIRST).bars.digest()


def test_D24_kept_bars_age_by_their_own_time(tmp_path):
    rows = minutes(200)
    tape = Tape(rows, max_age=timedelta(minutes=12))
    clock = Clock(AS_OF - timedelta(minutes=30))
    feed = cached(tape, tmp_path, clock)
    rows.without("BBB", *range(-8, 0))
    assert feed.bars(SYMBOLS, FIVE, 20, clock.now).dropped == ()
    clock.now += timedelta(minutes=5)
    checked = feed.bars(SYMBOLS, FIVE, 20, clock.now)
    assert codes(checked) == {"BBB": "DATA_STALE"}
    assert codes(tape.bars(SYMBOLS, FIVE, 20, clock.now)) == {"BBB": "DATA_STALE"}
    assert "0:15:00 of open time old" in checked.dropped[0].detail


def test_D24_a_newest_bar_sent_anew_with_a_new_fetch_is_stale(tape, tmp_path):
    clock = Clock(AS_OF)
    feed = cached(tape, tmp_path, clock)
    feed.bars(SYMBOLS, DAY, 20, AS_OF)
    clock.now = days(2)
    checked = feed.bars(SYMBOLS, DAY, 20, clock.now)
    assert codes(checked) == dict.fromkeys(SYMBOLS, "DATA_STALE")


def test_D01_what_the_feed_leaves_out_is_left_out_though_it_is_kept(tape, tmp_path):
    clock = Clock(FIRST)
    feed = cached(tape, tmp_path, clock)
    feed.bars(SYMBOLS, DAY, 20, FIRST)
    tape.rows.take(tape.rows.symbols != "BBB")
    clock.now = days(-7)
    checked = feed.bars(SYMBOLS, DAY, 20, clock.now)
    assert codes(checked) == {"BBB": "DATA_MISSING"}
    assert checked.bars.symbols == ("AAA", "CCC")


def test_D02_what_is_invalid_is_not_kept(tape, tmp_path):
    tape.rows.set("BBB", -12, close=np.nan)
    feed = cached(tape, tmp_path, Clock(FIRST))
    for _ in range(2):
        assert codes(feed.bars(SYMBOLS, DAY, 20, FIRST)) == {"BBB": "DATA_INVALID"}


def test_D09_a_doubted_jump_stays_doubted(tape, tmp_path):
    clock = Clock(FIRST)
    feed = cached(tape, tmp_path, clock)
    feed.bars(SYMBOLS, DAY, 20, FIRST)
    clock.now = days(-7)
    tape.scale("BBB", 0.5, -8)
    checked = feed.bars(SYMBOLS, DAY, 20, clock.now)
    assert codes(checked) == {"BBB": "DATA_SUSPECT"}
    assert checked.aside.symbols == ("BBB",)


def test_as_of_without_a_zone_is_refused_before_anything_is_asked(tape, tmp_path):
    with pytest.raises(InputError, match="has no zone"):
        cached(tape, tmp_path).bars(SYMBOLS, DAY, 20, AS_OF.replace(tzinfo=None))
    assert not tape.asked


# --- the file ------------------------------------------------------------------------------------------------


# --- whatever happens ----------------------------------------------------------------------------------------
