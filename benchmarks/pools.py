"""Fifty strategies on up to 5,000 symbols: asked in one thread, on threads, on processes and on Dask.

Two workers are asked half of them each. Printed is what each pool takes of the time of one thread, for the asking
alone: below 1 it pays.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context

from distributed import LocalCluster

from benchmarks.evaluate import STRATEGIES, walk
from openbell.cluster import ask as cluster_ask
from openbell.errors import StrategyError
from openbell.stages.evaluate import Answer, Ask, Question, Seat, answer, in_turn
from openbell.stages.pools import Threads
from openbell.values.bars import Bars

SEATS, WORKERS = 50, 2
#: How many symbols, and how often threads and one thread take turns at them.
SYMBOLS = {50: 60, 500: 60, 2000: 60, 5000: 30}
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


def compared(ask: Ask, questions: Sequence[Question], repeats: int) -> tuple[float, float]:
    """Seconds of one thread and of a pool, the fastest of turns that alternate: other work can only add to both."""
    times: tuple[list[float], list[float]] = [], []
    for _ in range(repeats):
        for who, found in zip((in_turn, ask), times, strict=True):
            start = time.perf_counter()
            assert len(list(who(questions))) == SEATS
            found.append(time.perf_counter() - start)
    return min(times[0]), min(times[1])


def main() -> None:
    with ExitStack() as stack:
        processes = stack.enter_context(ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")))
        cluster = LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=40)
        address = stack.enter_context(cluster).scheduler_address
        pools = {"threads": Threads(WORKERS, 0), "processes": on_pool(processes), "dask": partial(cluster_ask, address)}
        print(f"{SEATS} strategies, {WORKERS} workers, {os.cpu_count()} cores; share of the time of one thread")
        for count, repeats in SYMBOLS.items():
            bars = walk(count)
            questions = [(seat.strategy, bars) for seat in seats_of(bars)]
            closes = sum(strategy.lookback * count for strategy, _ in questions)
            told = []
            for name, ask in pools.items():
                list(ask(questions))  # workers import what they need
                alone, pooled = compared(ask, questions, repeats if name == "threads" else 3)
                told.append(f"{name} {pooled / alone:.2f}{' (pays)' if pooled < alone else ''}")
            print(f"{count:>6} symbols, {closes:>11,} closes: {', '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
