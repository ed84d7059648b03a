"""One process among several on the same kept bars: ``python -m tests.feeds.cache_worker FOLDER SYMBOLS ROUNDS``."""

import sys
from datetime import timedelta
from pathlib import Path

from tests.feeds.frames import AS_OF, DAY, daily
from tests.feeds.tapes import Clock, Tape, cached, days

SYMBOLS = tuple(f"S{number:03d}" for number in range(40))
FIRST = -60


def work(folder: Path, symbols: tuple[str, ...], rounds: int) -> None:
    """Ask for one more session each time; whatever others do, the answer is the feed's own and no file is damaged."""
    tape, clock = Tape(daily(150, SYMBOLS)), Clock()
    feed = cached(tape, folder, clock)
    for number in range(rounds):
        as_of = days(FIRST + number % -FIRST)
        clock.now = AS_OF + timedelta(minutes=6 * number)
        seen = feed.bars(symbols, DAY, 30, as_of)
        assert not seen.notes, seen.notes
        assert seen.bars.digest() == tape.bars(symbols, DAY, 30, as_of).bars.digest()
        print(number, flush=True)  # noqa: T201  # the test counts the rounds


if __name__ == "__main__":
    work(Path(sys.argv[1]), tuple(sys.argv[2].split(",")), int(sys.argv[3]))
