"""Several feeds as one: who is asked when, what is taken from whom, and what is never mixed."""

from datetime import UTC, datetime, timedelta
from time import monotonic

import numpy as np
import pytest

from openbell.errors import FeedKeysRefused, FeedUnavailable
from openbell.values.bars import FIELDS
from tests.feeds.asked import bars, lose, reason
from tests.feeds.frames import AS_OF, FIVE, SYMBOLS, codes, minutes

# --- who is asked --------------------------------------------------------------------------------------------


def test_one_that_answers_is_the_only_one_asked_and_its_panel_is_its_own(providers):
    checked = bars(providers.both())
    assert checked.bars.digest() == bars(providers.feed(0)).bars.digest()
    assert (checked.providers, checked.failures, checked.notes) == ({}, (), ())
    assert not providers.second.requests


@pytest.mark.parametrize("status", [500, 503, 429])
def test_D12_a_feed_that_fails_is_asked_three_times_and_then_the_next(providers, status):
    providers.first.always = status
    checked = bars(providers.both())
    assert checked.bars.digest() == bars(providers.feed(1)).bars.digest()
    assert len(providers.first.requests) == 3
    assert providers.waits == [timedelta(seconds=1), timedelta(seconds=2)]
    (failure,) = checked.failures
    assert (failure.provider, failure.code, failure.attempts) == ("first", "FeedUnavailable", 3)
    assert checked.notes == (f"first gave no bars, asked 3 times: HTTP {status}",)


def test_D12_a_feed_that_recovers_in_time_is_used(providers):
    providers.first.faults = [500, 500]
    checked = bars(providers.both())
    assert (checked.bars.provider, checked.failures) == ("first", ())
    assert not providers.second.requests


def test_D12_a_feed_that_hangs_has_its_time_and_no_more(providers):
    providers.first.always = 30.0
    started = monotonic()
    feed = providers.both(patience=timedelta(seconds=2), ticks=monotonic)
    checked = bars(feed)
    assert monotonic() - started < 5
    assert checked.bars.provider == "second"
    assert "no answer within 1 s" in checked.failures[0].detail


def test_D13_feeds_that_all_hang_share_one_patience(providers):
    providers.first.always = providers.second.always = 30.0
    started = monotonic()
    with pytest.raises(FeedUnavailable, match=r"first: no answer within 0.75 s.*second: no answer within 0.7"):
        bars(providers.both(patience=timedelta(seconds=1.5), ticks=monotonic))
    assert monotonic() - started < 4


def test_D13_once_orders_are_being_sent_there_is_less_time(providers):
    providers.first.always = providers.second.always = 30.0
    started = monotonic()
    with pytest.raises(FeedUnavailable):
        providers.both(turn=lambda: timedelta(seconds=0.5), ticks=monotonic).quotes(SYMBOLS, AS_OF)
    assert monotonic() - started < 4


def test_D12_a_feed_that_asks_again_by_itself_is_asked_once(providers):
    providers.first.always = 503
    checked = bars(providers.both(asks_again=(True, False)))
    assert (len(providers.first.requests), providers.waits) == (1, [])
    assert (checked.bars.provider, checked.failures[0].attempts) == ("second", 1)


def test_D12_attempts_share_one_patience(providers):
    providers.first.always = 503
    checked = bars(providers.both(patience=timedelta(seconds=5)))
    assert len(providers.first.requests) == 2
    assert sum(providers.waits, timedelta()) == timedelta(seconds=2.5)
    assert checked.bars.provider == "second"


def test_D12_keys_that_are_refused_are_told_and_not_tried_again(providers):
    providers.first.always = 401
    checked = bars(providers.both())
    assert checked.bars.provider == "second"
    assert len(providers.first.requests) == 1
    assert [(failure.code, failure.attempts) for failure in checked.failures] == [("FeedKeysRefused", 1)]
    assert "the keys are not valid" in checked.notes[0]


@pytest.mark.parametrize("body", ["<html>", '{"bars": [', ""])
def test_D12_an_answer_that_is_none_is_passed_over_at_once(providers, body):
    providers.first.always = body
    checked = bars(providers.both())
    assert (checked.bars.provider, checked.failures[0].code) == ("second", "DataError")
    assert not providers.waits


def test_D12_the_same_validation_holds_for_the_second(providers):
    providers.first.always = 500
    providers.second.rows.set("BBB", -2, low=-1.0)
    assert codes(bars(providers.both())) == {"BBB": "DATA_INVALID"}


def test_D13_when_all_are_down_each_is_named_with_its_reason(providers):
    providers.first.always, providers.second.always = 503, 401
    with pytest.raises(FeedUnavailable) as error:
        bars(providers.both())
    assert str(error.value) == (
        "no feed answers: first: HTTP 503 (asked 3 times); second: HTTP 401: the keys are not valid (asked once)"
    )


def test_D13_when_all_refuse_our_keys_it_is_said_so(providers):
    providers.first.always = providers.second.always = 401
    with pytest.raises(FeedKeysRefused, match=r"first: HTTP 401.*second: HTTP 401"):
        bars(providers.both())


# --- gaps ----------------------------------------------------------------------------------------------------


def test_D12_a_symbol_that_one_lacks_comes_from_the_next_and_the_record_can_say_so(providers):
    lose(providers.first, "BBB")
    checked = bars(providers.both())
    assert (checked.bars.symbols, checked.dropped) == (SYMBOLS, ())
    assert (checked.bars.provider, checked.providers) == ("first", {"BBB": "second"})
    assert providers.second.requests[0]["symbols"] == "BBB"
    assert checked.notes == ("bars from second, for want of them at first: BBB",)
    alone = bars(providers.feed(1)).bars
    for name in FIELDS:
        assert np.array_equal(checked.bars.panel(name)[:, 1], alone.panel(name)[:, 1])


@pytest.mark.parametrize("empty", ['{"bars": [], "next_page": null}'])
def test_D11_an_empty_answer_is_filled_as_a_whole(providers, empty):
    providers.first.always = empty
    checked = bars(providers.both())
    assert checked.bars.digest() == bars(providers.feed(1)).bars.digest()
    assert checked.dropped == ()


def test_D11_a_symbol_that_nobody_has_keeps_its_reason(providers):
    checked = bars(providers.both(), (*SYMBOLS, "NOSUCH"))
    assert codes(checked) == {"NOSUCH": "DATA_MISSING"}
    assert checked.bars.symbols == SYMBOLS


def test_a_gap_stays_one_when_the_next_is_down_and_that_is_told(providers):
    lose(providers.first, "BBB")
    providers.second.always = 500
    checked = bars(providers.both())
    assert codes(checked) == {"BBB": "DATA_MISSING"}
    assert [failure.provider for failure in checked.failures] == ["second"]


def test_defects_are_shown_and_not_papered_over(providers):
    providers.first.rows.set("BBB", -1, close=np.nan)
    assert codes(bars(providers.both())) == {"BBB": "DATA_INVALID"}
    assert not providers.second.requests


def test_D08_a_symbol_that_stands_still_is_taken_from_a_feed_that_moves(providers):
    providers.first.rows.without("BBB", -1, -2)
    checked = bars(providers.both())
    assert checked.dropped == ()
    assert checked.providers == {"BBB": "second"}


def test_minutes_of_two_feeds_stand_on_one_grid(providers):
    for source in (providers.first, providers.second):
        source.rows = minutes(200)
    providers.first.rows.without("AAA", -4)
    lose(providers.first, "CCC")
    providers.second.rows.without("CCC", -3)
    checked = bars(providers.both(), timeframe=FIVE, count=50)
    assert (len(checked.bars), checked.dropped) == (50, ())
    filled = checked.carried
    assert (filled[-4].tolist(), filled[-3].tolist()) == ([True, False, False], [False, False, True])


# --- what is never mixed -------------------------------------------------------------------------------------


# --- jumps ---------------------------------------------------------------------------------------------------


# --- quotes --------------------------------------------------------------------------------------------------


def test_D12_quotes_come_from_the_next_feed_where_one_has_none(providers):
    del providers.first.quotes["CCC"]
    providers.second.quotes = dict.fromkeys(SYMBOLS, ("200.00", "200.02"))
    found = providers.both().quotes(SYMBOLS, AS_OF)
    assert [int(found[symbol].bid) for symbol in SYMBOLS] == [100, 100, 200]
    assert providers.second.requests[0]["symbols"] == "CCC"


def test_D12_quotes_survive_a_feed_that_is_down(providers):
    providers.first.always = 500
    assert set(providers.both().quotes(SYMBOLS, AS_OF)) == set(SYMBOLS)


def test_D13_no_quotes_at_all_is_no_empty_answer(providers):
    providers.first.always = providers.second.always = 500
    with pytest.raises(FeedUnavailable, match=r"first: HTTP 500 .* second: HTTP 500"):
        providers.both().quotes(SYMBOLS, AS_OF)


# --- age -----------------------------------------------------------------------------------------------------


def test_D24_an_old_bar_sent_anew_is_as_old_as_it_says(providers):
    later = datetime(2024, 7, 9, 16, tzinfo=UTC)
    checked = bars(providers.feed(0), as_of=later)
    assert codes(checked) == dict.fromkeys(SYMBOLS, "DATA_STALE")
    assert reason(checked) == (
        "the newest bar is of 2024-07-05T20:00:00Z, 3 days, 20:00:00 old at 2024-07-09T16:00:00Z; the limit is 20:00:00"
    )


def test_D08_the_limit_of_the_plan_is_told_with_the_age(providers):
    for source in (providers.first, providers.second):
        source.rows = minutes(100).without("BBB", -1, -2)
    feed = providers.both(providers.feed(0, max_age=timedelta(minutes=6)), providers.feed(1))
    checked = bars(feed, timeframe=FIVE)
    assert codes(checked) == {"BBB": "DATA_STALE"}
    assert "0:10:00 of open time old" in reason(checked)
    assert "the limit is 0:06:00" in reason(checked)
