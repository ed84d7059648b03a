"""Getting the panel ready from a feed against deciding on it: 500 symbols, 200 daily bars, 20 strategies."""

import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.flow_run import write_bars
from openbell.calendar.exchange import exchange
from openbell.feeds.files import FilesFeed
from openbell.stages.evaluate import Seat, evaluate
from openbell.strategies.rsi_reversion import RsiReversion
from openbell.strategies.sma_crossover import SmaCrossover
from openbell.strategies.ts_momentum import TimeSeriesMomentum
from openbell.strategies.xs_momentum import CrossSectionalMomentum
from openbell.values.bars import Timeframe

ROUNDS = 15


def main() -> None:
    market = exchange("XNYS")
    last = market.last_complete(datetime.now(UTC))
    hours = market.hours(last)
    assert hours is not None
    symbols = tuple(f"S{number:03d}" for number in range(500))
    with tempfile.TemporaryDirectory() as folder:
        write_bars(Path(folder) / "bars.csv", list(symbols), market.sessions(market.offset(last, -220), last))
        feed = FilesFeed(Path(folder), "bars.csv", Timeframe("1d"), "XNYS", zone="America/New_York", stamp="session")
        as_of = hours.closes + timedelta(minutes=5)
        seats = [Seat(f"s{n}", strategy, symbols) for n, strategy in enumerate(strategies())]
        ready, decided = [], []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            checked = feed.bars(symbols, Timeframe("1d"), 200, as_of)
            between = time.perf_counter()
            evaluate(seats, checked.bars)
            ready.append(between - started)
            decided.append(time.perf_counter() - between)
    cold, warm, decision = ready[0], statistics.median(ready[1:]), statistics.median(decided[1:])
    print(f"panel ready, cold  {cold * 1e3:8.2f} ms   (reads and parses the CSV file)")
    print(f"panel ready, warm  {warm * 1e3:8.2f} ms")
    print(f"decision           {decision * 1e3:8.2f} ms")
    print(f"panel / decision   {warm / decision:8.2f}      (goal: at most 5)")


def strategies() -> list[object]:
    made: list[object] = []
    for step in range(5):
        made += [
            SmaCrossover(fast=5 + step, slow=40 + 10 * step),
            TimeSeriesMomentum(window=60 + 10 * step),
            CrossSectionalMomentum(window=60 + 10 * step),
            RsiReversion(window=7 + step),
        ]
    return made


if __name__ == "__main__":
    main()
