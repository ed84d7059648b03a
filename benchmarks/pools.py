"""Fifty strategies on up to 2,000 symbols: in one thread, on threads, on processes and on Dask.

The seats are dealt out to two workers each; the panel goes along with every part, as it would to another process.
Printed is what each pool takes of the time of one thread: below 1 it pays.
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context

from distributed import Client, LocalCluster

from benchmarks.evaluate import STRATEGIES, walk
from openbell.stages.evaluate import Seat, evaluate
from openbell.values.bars import Bars
from openbell.values.signal import Signal

SYMBOLS, SEATS, WORKERS = (50, 500, 2000), 50, 2
#: Of each size; the largest takes half a minute on Dask, since every signal is an object that has to travel.
REPEATS = {50: 3, 500: 3, 2000: 1}


def seats_of(bars: Bars) -> tuple[Seat, ...]:
    """Fifty seats: each strategy several times, under names of their own."""
    return tuple(Seat(f"s{number}", STRATEGIES[number % len(STRATEGIES)], bars.symbols) for number in range(SEATS))


def part(seats: Sequence[Seat], bars: Bars) -> tuple[Signal, ...]:
    """What one worker does."""
    return evaluate(seats, bars).signals


def dealt(seats: Sequence[Seat]) -> list[Sequence[Seat]]:
    return [seats[start::WORKERS] for start in range(WORKERS)]


def on_pool(pool: Executor, seats: Sequence[Seat], bars: Bars) -> int:
    return sum(len(found) for found in pool.map(part, dealt(seats), [bars] * WORKERS))


def on_dask(client: Client, seats: Sequence[Seat], bars: Bars) -> int:
    shared = client.scatter(bars, hash=False)
    return sum(len(found) for found in client.gather(client.map(part, dealt(seats), bars=shared, pure=False)))


def timed(work: Callable[[], int], expected: int, repeats: int) -> float:
    """Seconds of the fastest of a few: whatever else the machine does can only add to it."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        assert work() == expected
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(WORKERS))
        processes = stack.enter_context(ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")))
        cluster = LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=40)
        client = stack.enter_context(Client(stack.enter_context(cluster)))
        print(f"{SEATS} strategies, {WORKERS} workers, {os.cpu_count()} cores; share of the time of one thread")
        for count in SYMBOLS:
            bars = walk(count)
            seats = seats_of(bars)
            expected = len(part(seats, bars))
            on_processes, dasked = lambda: on_pool(processes, seats, bars), lambda: on_dask(client, seats, bars)  # noqa: B023
            if count == SYMBOLS[0]:
                on_processes(), dasked()  # workers import what they need
            alone = timed(lambda: len(part(seats, bars)), expected, REPEATS[count])  # noqa: B023
            shares = {
                "threads": timed(lambda: on_pool(threads, seats, bars), expected, REPEATS[count]) / alone,  # noqa: B023
                "processes": timed(on_processes, expected, REPEATS[count]) / alone,
                "dask": timed(dasked, expected, REPEATS[count]) / alone,
            }
            told = ", ".join(f"{name} {share:.2f}{' (pays)' if share < 1 else ''}" for name, share in shares.items())
            print(f"{count:>5} symbols: {alone * 1e3:>6.0f} ms alone; {told}", flush=True)


if __name__ == "__main__":
    main()
