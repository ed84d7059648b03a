"""The market as a replay shows it at one instant."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache

from openbell.ports import Historical, MarketFeed
from openbell.replay.tape import Instants, Tape
from openbell.stages.sessions import instant_of
from openbell.stages.soundness import MAX_PRICE, MIN_PRICE
from openbell.values.money import CENT, STEP, to_decimal
from openbell.values.quote import Quote

#: Makes a quote of one price.
Maker = Callable[[str, float, datetime], Quote | None]
#: Half of bid to ask where a feed does not tell: one hundredth of a percent.
HALF = Decimal("0.0001")
#: Prices whose mids are kept in mind.
PRICED = 8192


class Floor:
    """Quotes of the instant that the replay has come to; ``move`` takes it to the next one.

    A symbol that trades has the price of the bar that is being made, as of the instant; one that does not has its last
    close, as of then, and no order of it is taken.
    """

    __slots__ = (
        "_column",
        "_dealt",
        "_known",
        "_maker",
        "_open",
        "_prices",
        "_row",
        "_tape",
        "_trades",
        "now",
        "priced",
    )

    def __init__(self, tape: Tape, feed: MarketFeed) -> None:
        self._tape = tape
        self._maker: Maker = feed.quote if isinstance(feed, Historical) else around
        self._column = {symbol: at for at, symbol in enumerate(tape.symbols)}
        self.now = tape.slots.when[0] if len(tape.slots) else instant_of(tape.closes[0])
        self._known: dict[str, Quote | None] = {}
        self._dealt: dict[str, Quote | None] = {}
        #: The mid that a price of a symbol has, whenever it was seen.
        self.priced = lru_cache(maxsize=PRICED)(self._priced)

    def move(self, at: Instants, number: int) -> None:
        """To one of some instants."""
        self.now = at.when[number]
        self._prices, self._trades = self._tape.prices(at, number), self._tape.trades(at, number)
        self._row = int(at.row[number]) if at.forming[number] < 0 else int(at.forming[number])
        self._open = at.forming[number] >= 0
        self._known, self._dealt = {}, {}

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:  # noqa: ARG002
        """For the paper account: symbols that trade."""
        dealt = self._dealt
        for symbol in symbols:
            if symbol not in dealt:
                dealt[symbol] = self.quote(symbol) if self._trading(symbol) else None
        return {symbol: quote for symbol in symbols if (quote := dealt[symbol]) is not None}

    def seen(self, symbols: Sequence[str]) -> dict[str, Quote]:
        """For a run: also the last close of what does not trade."""
        found = ((symbol, self.quote(symbol)) for symbol in symbols)
        return {symbol: quote for symbol, quote in found if quote is not None}

    def quote(self, symbol: str) -> Quote | None:
        """The quote of one symbol, made once."""
        if symbol not in self._known:
            self._known[symbol] = self._make(symbol)
        return self._known[symbol]

    def _priced(self, symbol: str, price: float) -> Decimal | None:
        quote = self._maker(symbol, price, self.now)
        return None if quote is None else quote.mid

    def _trading(self, symbol: str) -> bool:
        column = self._column.get(symbol)
        return column is not None and bool(self._trades[column])

    def _make(self, symbol: str) -> Quote | None:
        column = self._column.get(symbol)
        if column is None:
            return None
        price = float(self._prices[column])
        return None if price != price else self._maker(symbol, price, self._time(column))

    def _time(self, column: int) -> datetime:
        if self._open and self._trades[column]:
            return self.now
        history = self._tape.history
        newest = int(history.newest[self._row, column])
        return instant_of(history.bars.times[newest])


def around(symbol: str, price: float, time: datetime) -> Quote | None:
    """A quote of one price, two hundredths of a percent wide; None of what is no price."""
    if not MIN_PRICE <= price <= MAX_PRICE:
        return None
    last = to_decimal(float(price))
    half, step = last * HALF, CENT if last >= 1 else STEP
    bid, ask = (last - half).quantize(step, ROUND_FLOOR), (last + half).quantize(step, ROUND_CEILING)
    return Quote(symbol, bid or last, ask, last, time)
