"""Several feeds as one: the next is asked where the one before does not answer or lacks a symbol."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Thread
from time import monotonic
from typing import TypeVar

from openbell.calendar.exchange import Exchange
from openbell.errors import DataError, FeedKeysRefused, FeedUnavailable
from openbell.ports import MarketFeed
from openbell.specs import patience as usual_turn
from openbell.specs import pause
from openbell.stages.check_bars import Wanted
from openbell.stages.fill import fill, gaps, held_against, in_order
from openbell.values.bars import Timeframe
from openbell.values.market import Checked, FeedFailure
from openbell.values.quote import Quote
from openbell.values.time import as_utc

#: How often a feed is asked again, and the pause before each time.
PAUSES = (timedelta(seconds=1), timedelta(seconds=2))
#: All feeds together have this long for one question: well inside the lease of a run that has sent nothing yet.
PATIENCE = timedelta(seconds=60)
#: And no more than so many times what a question may wait for its turn, which is little once orders are being sent.
TURNS = 2
#: Bars of each symbol that feeds are compared on.
COMPARED = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FailoverFeed:
    """Feeds in the order in which they are asked; what each answers has passed the same validation.

    A feed that is unavailable is asked twice more; one that refuses our keys or cannot answer at all is asked once, as
    is one that ``asks_again`` by itself (one flag a feed, none for never). Symbols that it lacks are asked of the next.
    With ``compare`` the newest bars are held against those of the next feed that answers. A question takes no longer
    than ``patience`` over all feeds, nor than twice ``turn``; of what is left a feed has half, the last one all.
    FeedUnavailable names every feed with its reason; it is FeedKeysRefused where all of them refuse our keys.
    """

    feeds: tuple[MarketFeed, ...]
    exchange: Exchange
    max_age: timedelta | None = None
    compare: bool = False
    patience: timedelta = PATIENCE
    wait: Callable[[timedelta], None] = pause
    ticks: Callable[[], float] = monotonic
    asks_again: tuple[bool, ...] = ()
    turn: Callable[[], timedelta] = usual_turn

    @property
    def provider(self) -> str:
        """The feed that is asked first."""
        return self.feeds[0].provider

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        """The last ``count`` bars of each symbol from the first feed that has them."""
        wanted = Wanted(
            symbols=tuple(dict.fromkeys(symbols)),
            timeframe=timeframe,
            count=count,
            as_of=as_utc(as_of, "as_of"),
            exchange=self.exchange,
            provider=self.provider,
            max_age=self.max_age,
        )
        until = self._until()
        answer, others, failures = self._first(wanted, until)
        for feed in others:
            if not (open_ := gaps(answer)):
                break
            more = self._ask(feed, partial(feed.bars, open_, timeframe, count, as_of), until)
            if isinstance(more, FeedFailure):
                failures.append(more)
            else:
                answer = fill(answer, more, wanted)
        if self.compare:
            answer = self._compared(answer, wanted, others, failures, until)
        return _with(answer, failures, wanted)

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """The quote of each symbol from the first feed that has one."""
        as_of = as_utc(as_of, "as_of")
        found: dict[str, Quote] = {}
        failures: list[FeedFailure] = []
        until = self._until()
        for feed in self.feeds:
            if not (missing := [symbol for symbol in symbols if symbol not in found]):
                break
            more = self._ask(feed, partial(feed.quotes, missing, as_of), until)
            if isinstance(more, FeedFailure):
                failures.append(more)
            else:
                found |= more
        if len(failures) == len(self.feeds):
            raise _nobody(failures)
        return found

    def _first(self, wanted: Wanted, until: float) -> tuple[Checked, tuple[MarketFeed, ...], list[FeedFailure]]:
        """The first answer, the feeds after it, and those before it with their reasons."""
        failures: list[FeedFailure] = []
        for number, feed in enumerate(self.feeds):
            question = partial(feed.bars, wanted.symbols, wanted.timeframe, wanted.count, wanted.as_of)
            answer = self._ask(feed, question, until)
            if not isinstance(answer, FeedFailure):
                return answer, self.feeds[number + 1 :], failures
            failures.append(answer)
        raise _nobody(failures)

    def _compared(
        self,
        answer: Checked,
        wanted: Wanted,
        others: Sequence[MarketFeed],
        failures: list[FeedFailure],
        until: float,
    ) -> Checked:
        """Without what the next feed that answers contradicts."""
        symbols, count = answer.bars.symbols, min(COMPARED, wanted.count)
        for feed in others if symbols else ():
            newest = self._ask(feed, partial(feed.bars, symbols, wanted.timeframe, count, wanted.as_of), until)
            if not isinstance(newest, FeedFailure):
                return held_against(answer, newest)
            failures.append(newest)
        return answer

    def _until(self) -> float:
        """When a question that begins now must have its answer."""
        return self.ticks() + min(self.patience, TURNS * self.turn()).total_seconds()

    def _share(self, feed: MarketFeed, until: float) -> float:
        """The seconds that a feed may take of what is left."""
        left = until - self.ticks()
        return left if feed is self.feeds[-1] else left / 2

    def _pauses(self, feed: MarketFeed) -> tuple[timedelta, ...]:
        again = (own for each, own in zip(self.feeds, self.asks_again, strict=False) if each is feed)
        return () if next(again, False) else PAUSES

    def _ask(self, feed: MarketFeed, question: Callable[[], T], end: float) -> T | FeedFailure:
        """The answer, after up to two more attempts inside the feed's share of the time; else the last reason."""
        share = self._share(feed, end)
        until = self.ticks() + share
        failure = FeedFailure(feed.provider, FeedUnavailable.__name__, "no time was left for it", 0)
        for attempt, rest in enumerate((timedelta(0), *self._pauses(feed)), start=1):
            if attempt > 1:
                self.wait(min(rest, timedelta(seconds=max(0.0, until - self.ticks()))))
            left = until - self.ticks()
            if left <= 0:
                break
            try:
                return _within(left, question)
            except FeedUnavailable as error:
                failure = replace(failure, detail=str(error), attempts=attempt)
            except DataError as error:
                return replace(failure, code=type(error).__name__, detail=str(error), attempts=attempt)
            except TimeoutError:
                late = f"no answer within {share:.3g} s"
                failure = replace(failure, detail=late, attempts=attempt)
        return failure


def _within(seconds: float, question: Callable[[], T]) -> T:
    """The answer, or TimeoutError; a question that hangs is left behind, and cannot hold the process at its end."""
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:  # noqa: BLE001  # handed over whole to who asked
            answer.set_exception(error)

    Thread(target=ask, name="openbell-feed", daemon=True).start()
    return answer.result(timeout=seconds)


def _nobody(failures: Sequence[FeedFailure]) -> DataError:
    """Each feed with its reason; where all refuse our keys, asking again is no use."""
    told = (f"{failure.provider}: {failure.detail} ({_times(failure.attempts)})" for failure in failures)
    refused = all(failure.code == FeedKeysRefused.__name__ for failure in failures)
    return (FeedKeysRefused if refused else FeedUnavailable)(f"no feed answers: {'; '.join(told)}")


def _with(answer: Checked, failures: Sequence[FeedFailure], wanted: Wanted) -> Checked:
    told = tuple(f"{one.provider} gave no bars, {_times(one.attempts)}: {one.detail}" for one in failures)
    return replace(
        answer,
        dropped=in_order(answer.dropped, wanted),
        notes=answer.notes + told,
        failures=(*answer.failures, *failures),
    )


def _times(attempts: int) -> str:
    return f"asked {attempts} times" if attempts > 1 else "asked once" if attempts else "not asked"
