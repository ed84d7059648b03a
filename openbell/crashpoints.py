"""Named points at which a test can kill the process as a power cut would; inert in every other case.

``OPENBELL_TEST_CRASH=after-post`` kills this process with SIGKILL when it first reaches that point,
``after-post:3`` when it reaches it the third time. A desk refuses to open an account beyond this machine while
the variable is set, so that the switch and real money exclude each other.
"""

import os
import signal
from collections import Counter

from openbell.errors import InputError

SWITCH = "OPENBELL_TEST_CRASH"

#: Every point, along the way of a run. Before and after each step that changes something somewhere.
POINTS: tuple[str, ...] = (
    "before-claim",
    "after-claim",
    "after-guards",
    "during-fetch",
    "after-fetch",
    "during-evaluate",
    "after-evaluate",
    "before-freeze",
    "inside-freeze",
    "after-freeze",
    "before-send",
    "inside-send-transaction",
    "after-sending",
    "after-post",
    "inside-record",
    "after-record",
    "between-orders",
    "before-settle",
    "after-look-up",
    "before-seal",
    "inside-seal",
    "after-seal",
    "during-recover",
    "before-cancel",
    "during-cancel",
    "during-halt",
    "during-flatten",
)
_reached: Counter[str] = Counter()


def armed() -> str:
    """What the switch is set to; empty when it is not set."""
    return os.environ.get(SWITCH, "")


def reach(name: str) -> None:
    """Die here if the switch says so."""
    wanted = os.environ.get(SWITCH)
    if wanted is None:
        return
    point, _, nth = wanted.partition(":")
    _reached[name] += 1
    if point == name and _reached[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)


def refuse_beyond_this_machine(account: str, *, local: bool) -> None:
    """InputError when the switch is set and orders of the account would leave this machine, or it names no point."""
    wanted = armed()
    if not wanted:
        return
    if not local:
        raise InputError(f"{SWITCH} is set to {wanted[:60]!r} and account {account} is not on this machine: refused")
    point, _, nth = wanted.partition(":")
    if point not in POINTS or not (nth or "1").isdecimal():
        raise InputError(f"{SWITCH} {wanted[:60]!r} is no point; there are {', '.join(POINTS)}")
