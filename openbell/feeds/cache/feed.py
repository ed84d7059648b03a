"""A feed whose closed bars are kept: what is asked of it again, and what is answered from disk."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from openbell.calendar.exchange import Exchange
from openbell.feeds.cache.due import due
from openbell.feeds.cache.file import Kept, keep, kept_in
from openbell.feeds.cache.shelf import EVER, Shelf, nanos, shelf_of
from openbell.ports import MarketFeed
from openbell.stages.check_bars import CARRIED, Wanted, check_block
from openbell.stages.fill import in_order
from openbell.values.bars import Timeframe, empty_bars, to_datetime64
from openbell.values.market import Checked
from openbell.values.quote import Quote
from openbell.values.time import as_utc

#: How long the newest closed bars are believed before they are looked at again: venues correct them.
TTL = timedelta(seconds=300)
#: Bars that are kept already and are asked for once more with the new ones, to see whether they are still the same.
OVERLAP = 3
#: From this many bars on it matters whether all or only some are fetched.
FEW = 4 * OVERLAP


@dataclass(frozen=True, slots=True)
class CachedFeed:
    """Closed bars of ``feed`` under ``folder``; only those that are missing are fetched, for all symbols in one call.

    Whatever is answered has been validated as a whole, by the age of the bars themselves. A symbol whose closed bars
    have changed, or that the feed leaves out of the newest ones, is fetched anew as a whole, in one more call.
    ``folder`` must belong to this feed with these settings alone. Quotes are never kept.
    """

    feed: MarketFeed
    folder: Path
    exchange: Exchange
    now: Callable[[], datetime]
    max_age: timedelta | None = None

    @property
    def provider(self) -> str:
        """The feed's own."""
        return self.feed.provider

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """Always the feed's own, asked now."""
        return self.feed.quotes(symbols, as_of)

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        """The last ``count`` bars complete at ``as_of``."""
        wanted = Wanted(
            symbols=tuple(dict.fromkeys(symbols)),
            timeframe=timeframe,
            count=count,
            as_of=as_utc(as_of, "as_of"),
            exchange=self.exchange,
            provider=self.provider,
            history=True,
            max_age=self.max_age,
        )
        kept = kept_in(self.folder, timeframe.text)
        damaged = () if kept.sound else (f"the kept bars of {self.provider} were damaged, all were fetched anew",)
        answer = self._answer(kept, wanted, self.now().timestamp())
        return replace(answer, notes=damaged + answer.notes)

    def _answer(self, kept: Kept, wanted: Wanted, now: float) -> Checked:
        shelf, answers = kept.shelf, []
        tail, cold = _missing(shelf, wanted, now)
        if tail:
            newest = self._ask(tail, max(tail.values()) + OVERLAP, wanted)
            shelf, bad = _longer(shelf, newest, wanted, now)
            cold |= bad | (tail.keys() - set(newest.bars.symbols))
            answers.append(newest)
        cold |= _short(shelf, [symbol for symbol in wanted.symbols if symbol not in cold], wanted, 0)
        if cold:
            whole = self._ask([symbol for symbol in wanted.symbols if symbol in cold], wanted.count, wanted)
            found = shelf_of(whole, wanted.count, now)
            if found.symbols and shelf.symbols and found.adjustment != shelf.adjustment:
                return self._answer(replace(kept, shelf=Shelf()), wanted, now)
            shelf = shelf.without(cold).taking(found)
            answers.append(whole)
        trouble = keep(self.folder, wanted.timeframe.text, kept, shelf, cold) if answers else ""
        return _served(shelf, wanted, answers, trouble)

    def _ask(self, symbols: Collection[str], count: int, wanted: Wanted) -> Checked:
        return self.feed.bars(tuple(symbols), wanted.timeframe, count, wanted.as_of)


def _missing(shelf: Shelf, wanted: Wanted, now: float) -> tuple[dict[str, int], set[str]]:
    """Symbols whose newest bars are to be asked for, each with how many may be new, and those to fetch as a whole."""
    known = [symbol for symbol in wanted.symbols if symbol in shelf.known]
    ends = {shelf.known[symbol].until for symbol in known}
    new = {until: due(until, wanted.as_of, wanted.timeframe, wanted.exchange) for until in ends}
    coming = {symbol: new[shelf.known[symbol].until] for symbol in known}
    far = {symbol for symbol, bars in coming.items() if bars + OVERLAP >= max(wanted.count, FEW)}
    near = [symbol for symbol in known if symbol not in far]
    short = _short(shelf, near, wanted, max((coming[symbol] for symbol in near), default=0))
    believed = {s for s in near if not coming[s] and 0 <= now - shelf.known[s].fetched < TTL.total_seconds()}
    tail = {symbol: coming[symbol] for symbol in near if symbol not in short | believed}
    return tail, set(wanted.symbols) - set(near) | short


def _short(shelf: Shelf, symbols: Sequence[str], wanted: Wanted, new: int) -> set[str]:
    """Symbols that are not known far enough back for the bars asked for, when ``new`` ones are yet to come."""
    if not symbols:
        return set()
    block = shelf.block(symbols, wanted.timeframe, wanted.exchange)
    rows = block.times[block.times <= to_datetime64(wanted.as_of)]
    needed = wanted.count - new
    first = EVER if needed > len(rows) or not len(rows) else int(nanos(rows)[-max(needed, 1)])
    return {symbol for symbol in symbols if shelf.known[symbol].since > first}


def _longer(shelf: Shelf, newest: Checked, wanted: Wanted, now: float) -> tuple[Shelf, set[str]]:
    """The shelf with what is new, and the symbols whose newest bars do not follow on what is kept."""
    bad = shelf.contradicted(newest, to_datetime64(wanted.as_of))
    sound = [symbol for symbol in newest.bars.symbols if symbol not in bad]
    return (shelf.longer(newest, sound, now) if sound else shelf), bad


def _served(shelf: Shelf, wanted: Wanted, answers: Sequence[Checked], trouble: str) -> Checked:
    """The answer from what is kept now; what the feed itself left out of the whole stays out with its reason."""
    symbols = tuple(symbol for symbol in wanted.symbols if symbol in shelf.known)
    checked = Checked(empty_bars((), wanted.timeframe, wanted.provider))
    if symbols:
        asked = replace(wanted, symbols=symbols, adjustment=shelf.adjustment)
        checked = check_block(shelf.block(symbols, wanted.timeframe, wanted.exchange), asked)
    elif answers:
        checked = answers[-1]
    told = [note for answer in answers for note in answer.notes if CARRIED not in note]
    refused = answers[-1] if answers else checked
    return replace(
        checked,
        dropped=in_order((*refused.dropped, *checked.dropped), wanted),
        notes=tuple(dict.fromkeys((*told, *checked.notes, *([trouble] if trouble else [])))),
        failures=tuple(failure for answer in answers for failure in answer.failures),
        aside=refused.aside or checked.aside,
    )
