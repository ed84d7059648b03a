"""The sample feed: real history in order under new dates."""

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from openbell.calendar.exchange import exchange
from openbell.errors import CalendarError, DataError, InputError, PlanError
from openbell.feeds.sample import CLOSE, Sample, SampleFeed, _prices, _row
from openbell.plugins import build
from openbell.specs import Surroundings
from openbell.values.bars import Timeframe

DAY = Timeframe("1d")
ALL = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
#: Friday, in the session; the last complete one is Thursday the 19th.
AS_OF = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def closes(as_of, count=1, symbols=ALL, **options):
    return SampleFeed(**options).bars(symbols, DAY, count, as_of).bars.close


def test_provider_says_plainly_what_the_prices_are():
    assert SampleFeed().provider == "sample (real 2000-2013 prices, re-dated)"
    assert SampleFeed().bars(ALL, DAY, 5, AS_OF).bars.provider == SampleFeed().provider


def test_the_last_bar_is_the_last_complete_session():
    bars = SampleFeed().bars(ALL, DAY, 5, AS_OF).bars
    assert str(bars.times[-1]) == "2026-11-19T21:00:00.000000000"
    assert str(SampleFeed().bars(ALL, DAY, 5, AS_OF + timedelta(hours=6)).bars.times[-1])[:10] == "2026-11-20"


def test_bars_fall_on_the_sessions_of_the_exchange_with_their_half_days():
    times = SampleFeed().bars(ALL, DAY, 5, datetime(2026, 11, 30, 22, tzinfo=UTC)).bars.times
    assert [str(at)[:16] for at in times[-3:]] == ["2026-11-25T21:00", "2026-11-27T18:00", "2026-11-30T21:00"]


def test_prices_are_the_published_ones():
    first = SampleFeed().bars(("AAPL",), DAY, 5000, AS_OF).bars
    assert (first.open[0, 0], first.high[0, 0], first.low[0, 0]) == (118.56, 132.06, 118.5)
    assert (first.close[0, 0], first.volume[0, 0]) == (130.31, 9616100)


def test_the_whole_history_can_be_read():
    bars = SampleFeed().bars(ALL, DAY, 5000, AS_OF).bars
    assert len(bars) == 3183
    assert bars.counts().tolist() == [3183, 109, 2061, 3183, 3183]


def test_each_session_moves_on_by_one_real_session():
    for day in range(9, 20):
        today = datetime(2026, 11, day, 15, tzinfo=UTC)
        tomorrow = exchange("XNYS").last_complete(today + timedelta(days=1)) != exchange("XNYS").last_complete(today)
        before, after = closes(today, 5), closes(today + timedelta(days=1), 5)
        assert np.array_equal(before[1:], after[:-1]) if tomorrow else np.array_equal(before, after)


def test_the_loop_turns_in_july_2026_and_march_2027_and_never_inside_one_answer():
    market, prices = exchange("XNYS"), _prices(adjusted=False)
    sessions = [day.item() for day in market.session_dates(date(2025, 6, 2), date(2027, 6, 30))]
    rows = [_row(market, prices, day) for day in sessions]
    turns = [day for day, row, before in zip(sessions[1:], rows[1:], rows[:-1], strict=True) if row != before + 1]
    assert turns == [date(2025, 10, 30), date(2026, 7, 16), date(2027, 3, 30)]
    assert (min(rows), max(rows)) == (3093, 3268)


@pytest.mark.parametrize("day", [date(2026, 7, 15), date(2026, 7, 16), date(2025, 12, 31), date(2026, 1, 2)])
def test_all_five_symbols_have_a_history_at_any_point_of_the_loop(day):
    bars = SampleFeed().bars(ALL, DAY, 250, datetime(day.year, day.month, day.day, 23, tzinfo=UTC)).bars
    assert bars.symbols == ALL
    assert bars.counts().min() >= 20


def test_raw_prices_show_the_splits_and_adjusted_ones_do_not():
    raw, adjusted = (closes(AS_OF, 5000, ("AAPL", "MSFT"), adjusted=flag) for flag in (False, True))
    assert ((raw[1:] / raw[:-1]) < 0.55).sum(axis=0).tolist() == [3, 1]  # AAPL fell by half in 2000 as well
    assert ((adjusted[1:] / adjusted[:-1]) < 0.55).sum(axis=0).tolist() == [1, 0]
    assert SampleFeed(adjusted=True).bars(ALL, DAY, 9, AS_OF).bars.adjustment == "adjusted"
    assert SampleFeed().bars(ALL, DAY, 9, AS_OF).bars.adjustment == "raw"


def test_quotes_in_the_session_stand_around_its_real_open():
    prices, market = _prices(adjusted=False), exchange("XNYS")
    opened = prices.values[0, _row(market, prices, date(2026, 11, 19)) + 1, 0]
    quote = SampleFeed().quotes(["AAPL"], AS_OF)["AAPL"]
    assert quote.last == Decimal(str(opened))
    assert quote.time == AS_OF
    assert quote.bid == Decimal("630.93")
    assert quote.ask == Decimal("631.07")


def test_at_the_very_open_the_session_is_quoted():
    as_of = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    assert SampleFeed().quotes(["AAPL"], as_of)["AAPL"].last == SampleFeed().quotes(["AAPL"], AS_OF)["AAPL"].last


def test_the_open_that_was_quoted_is_that_of_the_bar_that_follows():
    quoted = {symbol: quote.last for symbol, quote in SampleFeed().quotes(ALL, AS_OF).items()}
    bars = SampleFeed().bars(ALL, DAY, 1, AS_OF + timedelta(hours=7)).bars
    assert list(quoted.values()) == [Decimal(str(price)) for price in bars.open[-1]]


@pytest.mark.parametrize(
    ("as_of", "session"),
    [
        (datetime(2026, 11, 20, 14, 29, 59, tzinfo=UTC), "2026-11-19"),  # before the open
        (datetime(2026, 11, 20, 21, 0, tzinfo=UTC), "2026-11-20"),  # at the close
        (datetime(2026, 11, 22, 12, 0, tzinfo=UTC), "2026-11-20"),  # Sunday
    ],
)
def test_quotes_out_of_hours_are_the_last_close_with_its_own_time(as_of, session):
    quote = SampleFeed().quotes(["IBM"], as_of)["IBM"]
    assert quote.time == datetime.fromisoformat(f"{session}T21:00:00+00:00")
    assert float(quote.last) == pytest.approx(closes(as_of, 1, ("IBM",))[-1, 0], abs=1e-4)


def test_spread_is_set_and_never_crossed():
    for bps in (0, 2, 500):
        for quote in SampleFeed(spread_bps=Decimal(bps)).quotes(ALL, AS_OF).values():
            assert quote.bid <= quote.last <= quote.ask
            assert quote.ask - quote.bid >= quote.last * bps / 10_000
            assert quote.ask - quote.bid <= quote.last * bps / 10_000 + Decimal("0.02")


def test_another_timeframe_is_refused_with_what_there_is():
    with pytest.raises(DataError, match="timeframe 5m is not in the sample feed, which has 1d only"):
        SampleFeed().bars(ALL, Timeframe("5m"), 5, AS_OF)


@pytest.mark.parametrize("as_of", [datetime(1980, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)])
def test_as_of_beyond_the_calendar_is_refused(as_of):
    with pytest.raises(CalendarError):
        SampleFeed().bars(ALL, DAY, 5, as_of)
    with pytest.raises(CalendarError):
        SampleFeed().quotes(ALL, as_of)


def test_a_count_below_one_is_refused():
    with pytest.raises(InputError, match="count 0"):
        SampleFeed().bars(ALL, DAY, 0, AS_OF)


def test_settings_open_the_feed_on_the_exchange_of_the_plan(tmp_path):
    feed = build(Sample, {"spread_bps": 10, "adjusted": True}, "feed.params").open(
        Surroundings(tmp_path, "XLON", lambda: AS_OF)
    )
    assert feed == SampleFeed("XLON", Decimal(10), adjusted=True)
    with pytest.raises(PlanError, match="unknown key 'spread'; did you mean 'spread_bps'"):
        build(Sample, {"spread": 10}, "feed.params")


def test_prices_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        _prices(adjusted=False).values[CLOSE, 0, 0] = 1.0


def test_a_warm_answer_takes_far_less_than_a_loop_over_bars_would():
    feed = SampleFeed()
    taken = []
    for _ in range(20):
        start = time.perf_counter()
        feed.bars(ALL, DAY, 200, AS_OF)
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.005
