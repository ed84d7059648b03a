"""Bars that every worker of a sweep reads from one place: files that are mapped into memory, not copied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from openbell.ports import Historical, MarketFeed
from openbell.ports.feed import Touching
from openbell.values.bars import FIELDS, FloatPanel, Timeframe, make_bars
from openbell.values.history import History
from openbell.values.market import Checked, Dropped
from openbell.values.quote import Quote
from openbell.values.time import iso
from openbell.values.touches import Ticks

#: One of several kinds: instants, row numbers, flags, prices.
Array = NDArray[Any]
_HEAD = "head.json"
_ARRAYS = ("times", "starts", "newest", "fit", *FIELDS)


@dataclass(frozen=True, slots=True)
class Question:
    """What a replay asks its feed for; ``count`` does not matter to an answer that is kept."""

    symbols: tuple[str, ...]
    timeframe: str
    as_of: str


@dataclass(frozen=True, slots=True)
class _Head:
    question: Question
    provider: str
    adjustment: str
    listed: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    doubted: tuple[tuple[int, Dropped], ...]
    notes: tuple[str, ...]


_HEADS = TypeAdapter(_Head)


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """One answer of a feed about the past, ready for any lookback."""

    question: Question
    history: History


@dataclass(frozen=True, slots=True, eq=False)
class KeptFeed:
    """A feed that gives the kept answer to the question it is of, and asks the feed behind it everything else."""

    behind: MarketFeed
    kept: Kept

    @property
    def provider(self) -> str:
        """That of the feed behind."""
        return self.behind.provider

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        """From the feed behind."""
        return self.behind.bars(symbols, timeframe, count, as_of)

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """From the feed behind."""
        return self.behind.quotes(symbols, as_of)

    def history(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> History:
        """The kept one, where it is what is asked for."""
        if question(symbols, timeframe, as_of) == self.kept.question:
            return self.kept.history
        return _historical(self.behind).history(symbols, timeframe, count, as_of)

    def quote(self, symbol: str, price: float, time: datetime) -> Quote | None:
        """From the feed behind."""
        return _historical(self.behind).quote(symbol, price, time)


@dataclass(frozen=True, slots=True, eq=False)
class TouchingKeptFeed(KeptFeed):
    """The same where the feed behind makes the quotes of many prices at once."""

    def touches(self, prices: FloatPanel) -> tuple[Ticks, Ticks]:
        """From the feed behind."""
        behind = self.behind
        if not isinstance(behind, Touching):
            raise TypeError(f"{behind.provider} makes no quotes of many prices")
        return behind.touches(prices)


def kept_feed(behind: MarketFeed, kept: Kept | None) -> MarketFeed:
    """A feed with the kept answer, which can do all that the one behind can; without one the feed itself."""
    if kept is None:
        return behind
    return TouchingKeptFeed(behind, kept) if isinstance(behind, Touching) else KeptFeed(behind, kept)


def _historical(feed: MarketFeed) -> Historical:
    if not isinstance(feed, Historical):
        raise TypeError(f"{feed.provider} knows no history")
    return feed


def question(symbols: Sequence[str], timeframe: Timeframe, as_of: datetime) -> Question:
    """The question in a form that can be compared and written."""
    return Question(tuple(symbols), timeframe.text, iso(as_of))


def keep(feed: MarketFeed, symbols: Sequence[str], timeframe: Timeframe, as_of: datetime) -> Kept | None:
    """The feed's answer, if it is the same whatever the lookback: no fault of the bars lies in any window.

    None for a feed that does not know all of the past, and for bars with faults: workers ask such a feed themselves.
    """
    if not isinstance(feed, Historical):
        return None
    least = feed.history(symbols, timeframe, 1, as_of)
    most = feed.history(symbols, timeframe, len(least.bars) + 1, as_of)
    if not np.array_equal(least.fit, most.fit):
        return None
    return Kept(question(symbols, timeframe, as_of), most)


def save(kept: Kept, folder: Path) -> None:
    """Write it into an empty folder, one file for each array."""
    head, arrays = pack(kept)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    (folder / _HEAD).write_text(head, encoding="utf-8")


def load(folder: Path) -> Kept:
    """Read it back; the arrays stay on disk until they are looked at, and all processes share the pages."""
    arrays = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS}
    return unpack((folder / _HEAD).read_text(encoding="utf-8"), arrays)


def pack(kept: Kept) -> tuple[str, dict[str, Array]]:
    """As text and arrays, for workers on other machines."""
    bars = kept.history.bars
    notes = (kept.history.dropped, kept.history.doubted, kept.history.notes)
    head = _Head(kept.question, bars.provider, bars.adjustment, bars.symbols, *notes)
    return _HEADS.dump_json(head).decode(), _arrays(kept.history)


def unpack(text: str, arrays: Mapping[str, Array]) -> Kept:
    """From text and arrays."""
    head = _HEADS.validate_json(text)
    timeframe = Timeframe(head.question.timeframe)
    bars = make_bars(head.listed, arrays["times"], arrays, timeframe, head.provider, head.adjustment)
    own = arrays["starts"], arrays["newest"], arrays["fit"]
    return Kept(head.question, History(bars, *own, head.dropped, head.doubted, head.notes))


def _arrays(history: History) -> dict[str, Array]:
    fields = {name: history.bars.panel(name) for name in FIELDS}
    own = {"starts": history.starts, "newest": history.newest, "fit": history.fit}
    return {"times": history.bars.times, **own, **fields}
