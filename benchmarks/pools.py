"""Fifty strategies on up to 10,000 symbols: asked in one thread, on threads, on processes and on Dask.

Two workers are asked half of them each. Printed is what each pool takes of the time of one thread, for the asking
alone: below 1 it pays. Beside the time of one thread stands that of the whole evaluation, most of which is the making
of a signal with its reason for each symbol.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context

from distributed import LocalCluster

from benchmarks.evaluate import STRATEGIES, walk
from openbell.cluster import ask as cluster_ask
from openbell.errors import StrategyError
from openbell.stages.evaluate import Answer, Ask, Question, Seat, answer, evaluate, in_turn
from openbell.stages.pools import Threads
from openbell.values.bars import Bars

SYMBOLS, SEATS, WORKERS = (50, 500, 2000, 10000), 50, 2
REPEATS = {50: 20, 500: 20, 2000: 10, 10000: 5}
#: Stands where an answer is still to come.
SOON = StrategyError("not asked")


def seats_of(bars: Bars) -> tuple[Seat, ...]:
    """Fifty seats: each strategy several times, under names of their own."""
    return tuple(Seat(f"s{number}", STRATEGIES[number % len(STRATEGIES)], bars.symbols) for number in range(SEATS))


def on_pool(pool: Executor) -> Ask:
    """Each worker is asked a share of the strategies, in one piece: a panel travels once to each."""

    def ask(questions: Sequence[Question]) -> list[Answer]:
        shares = [questions[start::WORKERS] for start in range(WORKERS)]
        found = [SOON] * len(questions)
        for start, answers in enumerate(pool.map(answered, shares)):
            found[start::WORKERS] = answers
        return found

    return ask


def answered(questions: Sequence[Question]) -> list[Answer]:
    """What one worker does."""
    return [answer(question) for question in questions]


def timed(work: Callable[[], Iterable[object]], repeats: int) -> float:
    """Seconds of the fastest of a few: whatever else the machine does can only add to it."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        assert len(list(work())) >= SEATS
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    with ExitStack() as stack:
        processes = stack.enter_context(ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")))
        cluster = LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=40)
        address = stack.enter_context(cluster).scheduler_address
        pools = {"threads": Threads(WORKERS, 0), "processes": on_pool(processes), "dask": partial(cluster_ask, address)}
        print(f"{SEATS} strategies, {WORKERS} workers, {os.cpu_count()} cores; share of the time of one thread")
        for count in SYMBOLS:
            bars = walk(count)
            questions = [(seat.strategy, bars) for seat in seats_of(bars)]
            closes = sum(strategy.lookback * count for strategy, _ in questions)
            for ask in pools.values():
                list(ask(questions[:WORKERS]))  # workers import what they need
            alone = timed(lambda: in_turn(questions), REPEATS[count])  # noqa: B023
            shares = {name: timed(lambda: ask(questions), REPEATS[count]) / alone for name, ask in pools.items()}  # noqa: B023
            whole = timed(lambda: evaluate(seats_of(bars), bars).signals, 3)  # noqa: B023
            told = ", ".join(f"{name} {share:.2f}{' (pays)' if share < 1 else ''}" for name, share in shares.items())
            print(
                f"{count:>6} symbols, {closes:>11,} closes: {alone * 1e3:>6.1f} ms of {whole * 1e3:.0f}; {told}",
                flush=True,
            )


if __name__ == "__main__":
    main()
