"""What every market feed must do. A feed is held to it by a subclass with one fixture, ``case``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from openbell.errors import InputError
from openbell.ports import MarketFeed
from openbell.values.bars import FIELDS, Timeframe, to_datetime64
from openbell.values.market import Checked, DropCode
from openbell.values.quote import Quote


@dataclass(frozen=True)
class Case:
    """A feed, what it certainly has at ``as_of``, and a symbol that it does not have."""

    feed: MarketFeed
    symbols: tuple[str, ...]
    timeframe: Timeframe
    as_of: datetime
    unknown: str = "NOSUCH"
    count: int = 10

    def bars(self, symbols=None, count=None, as_of=None) -> Checked:
        return self.feed.bars(symbols or self.symbols, self.timeframe, count or self.count, as_of or self.as_of)


class FeedContract:
    """At least two symbols with more than ``count`` bars each before ``as_of``."""

    @pytest.fixture
    def case(self, tmp_path) -> Case:
        raise NotImplementedError

    def test_bars_of_many_symbols_come_as_one_panel_in_the_order_asked_for(self, case):
        backwards = case.symbols[::-1]
        bars = case.bars(backwards).bars
        assert bars.symbols == backwards
        assert bars.timeframe == case.timeframe
        assert bars.close.shape == (case.count, len(backwards))

    def test_each_symbol_keeps_its_own_prices_whoever_else_is_asked_for(self, case):
        together = case.bars().bars
        for symbol in case.symbols:
            alone = case.bars((symbol,)).bars
            for name in FIELDS:
                assert np.array_equal(alone.panel(name)[:, 0], together.panel(name)[:, together.column(symbol)])

    def test_count_is_honoured_and_a_shorter_answer_is_the_end_of_a_longer_one(self, case):
        long, short = case.bars().bars, case.bars(count=3).bars
        assert len(short) == 3
        assert short.digest() == long.tail(3).digest()

    def test_nothing_is_later_than_as_of(self, case):
        for back in (timedelta(0), timedelta(minutes=1), timedelta(hours=30)):
            as_of = case.as_of - back
            checked = case.bars(count=2, as_of=as_of)
            assert (checked.bars.times <= to_datetime64(as_of)).all()

    def test_time_goes_on_by_adding_bars_at_the_end(self, case):
        later = case.bars().bars
        as_of = later.times[-2].astype("datetime64[us]").item().replace(tzinfo=case.as_of.tzinfo)
        earlier = case.bars(as_of=as_of, count=3).bars
        assert np.array_equal(earlier.times, later.times[-4:-1])

    def test_panel_is_finite_and_sane(self, case):
        bars = case.bars().bars
        assert all(np.isfinite(bars.panel(name)).all() for name in FIELDS)
        assert (bars.low > 0).all()
        assert (bars.high >= bars.low).all()

    def test_D01_missing_symbol_is_dropped_with_its_reason(self, case):
        checked = case.bars((*case.symbols, case.unknown))
        assert checked.bars.symbols == case.symbols
        assert [(dropped.symbol, dropped.code) for dropped in checked.dropped] == [(case.unknown, DropCode.MISSING)]
        assert checked.dropped[0].detail

    def test_no_known_symbol_is_an_empty_panel_and_no_error(self, case):
        checked = case.bars((case.unknown,))
        assert checked.bars.symbols == ()
        assert len(checked.dropped) == 1

    def test_a_symbol_asked_for_twice_comes_once(self, case):
        assert case.bars((*case.symbols, case.symbols[0])).bars.symbols == case.symbols

    def test_same_question_same_answer(self, case):
        first, second = case.bars(), case.bars()
        assert first.bars.digest() == second.bars.digest()
        assert (first.dropped, first.notes) == (second.dropped, second.notes)
        assert case.feed.quotes(case.symbols, case.as_of) == case.feed.quotes(case.symbols, case.as_of)

    def test_provider_is_named_on_the_feed_and_on_its_bars(self, case):
        assert case.feed.provider
        assert case.bars().bars.provider == case.feed.provider

    def test_panel_cannot_be_changed_by_those_who_read_it(self, case):
        with pytest.raises(ValueError, match="read-only"):
            case.bars().bars.close[0, 0] = 1.0

    def test_quotes_of_many_symbols_leave_out_those_without_one(self, case):
        quotes = case.feed.quotes((*case.symbols, case.unknown), case.as_of)
        assert isinstance(quotes, Mapping)
        assert set(quotes) == set(case.symbols)
        for symbol, quote in quotes.items():
            assert isinstance(quote, Quote)
            assert quote.symbol == symbol
            assert Decimal(0) < quote.bid <= quote.last <= quote.ask

    def test_quotes_are_not_from_the_future(self, case):
        for back in (timedelta(0), timedelta(hours=30)):
            as_of = case.as_of - back
            assert all(quote.time <= as_of for quote in case.feed.quotes(case.symbols, as_of).values())

    def test_as_of_without_a_zone_is_refused(self, case):
        naive = case.as_of.replace(tzinfo=None)
        with pytest.raises(InputError, match=r"as_of .* has no zone"):
            case.bars(as_of=naive)
        with pytest.raises(InputError, match=r"as_of .* has no zone"):
            case.feed.quotes(case.symbols, naive)
