"""What several processes do to one store at once."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from subprocess import run
from typing import TypeVar

from openbell.errors import StoreError
from openbell.ports import Exposure, Forbidden, OrderEvent
from openbell.store import open_journal
from openbell.values.orders import OrderState
from tests.store.samples import HOUR, START, intent_of, slot_at, verdict_of

#: Gross value that all runs together may hold and have working, and what an order is worth.
LIMIT, PRICE = Decimal("1000.00"), Decimal("33.34")
ROOT = Path(__file__).parents[2]
T = TypeVar("T")


def worth(exposure: Exposure) -> Decimal:
    """Worst case of positions and working orders at one price."""
    held = {symbol: abs(quantity) for symbol, quantity in exposure.positions.items()}
    working = sum((order.remaining for order in exposure.working), Decimal(0))
    return (sum(held.values(), Decimal(0)) + working) * PRICE


def within_limit(exposure: Exposure) -> Forbidden | None:
    """A real last gate: nothing that would take the account over its limit."""
    after = worth(exposure) + PRICE
    return Forbidden("GROSS", f"{after} is above {LIMIT}") if after > LIMIT else None


def patiently(ask: Callable[[], T]) -> T:
    """On a machine too busy to get the write lock in time nothing was written, so the same may be asked again."""
    for _ in range(6):
        try:
            return ask()
        except StoreError as error:
            if "locked" not in str(error):
                raise
    return ask()


def send_some(url: str, run: int, count: int) -> int:
    """Freeze a plan of single shares and send what the gate lets through; returns how many."""
    journal, slot = open_journal(url), slot_at(run, plan=f"plan-{run}")
    intents = [intent_of(slot, f"S{run}X{n}", "1") for n in range(count)]
    patiently(lambda: journal.claim(slot, f"run-{run}", HOUR))
    patiently(lambda: journal.freeze(slot, 1, "acct", intents, [verdict_of(intent) for intent in intents]))
    sent = 0
    for intent in intents:
        event = OrderEvent(intent.id, OrderState.SENDING, START)
        if patiently(partial(journal.begin_send, slot, 1, event, False, within_limit)) is None:
            sent += 1
            patiently(partial(journal.record, OrderEvent(intent.id, OrderState.ACKED, START)))
    return sent


def claim_one(url: str, run: int, _count: int) -> str:
    """Claim one slot as everybody else does."""
    return patiently(lambda: open_journal(url).claim(slot_at(), f"run-{run}", timedelta(hours=1))).kind.value


def together(what: str, url: str, processes: int, count: int = 0) -> list[str]:
    """Run a race of processes in a process of its own, and return what each of them said."""
    command = [sys.executable, "-m", "tests.store.racers", what, url, str(processes), str(count)]
    return run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=120).stdout.split()


def fork(work: Callable[[], object]) -> tuple[int, int]:
    """A child that waits for a byte, works, and writes what came of it; returns the two ends to it."""
    (go, start), (answer, said) = os.pipe(), os.pipe()
    if os.fork():
        os.close(go), os.close(said)
        return start, answer
    os.close(start)
    os.read(go, 1)
    try:
        os.write(said, f"{work()}\n".encode())
    finally:
        os._exit(0)


def race(what: str, url: str, processes: int, count: int) -> None:
    """Start everybody at one instant."""
    work = {"send": send_some, "claim": claim_one}[what]
    ends = [fork(partial(work, url, number, count)) for number in range(processes)]
    for start, _ in ends:
        os.write(start, b"!")
    for _, answer in ends:
        with os.fdopen(answer) as said:
            sys.stdout.write(said.read() or "died\n")


if __name__ == "__main__":
    race(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
