"""One of many processes that start the same slot, from nothing: ``python -m tests.faults.starter HOME NUMBER OF``.

All of them import first, each for itself, and then go on at one instant.
"""

import os
import sys
import time
from pathlib import Path

from openbell import store
from openbell.desk import Desk, account_spec
from openbell.errors import StoreError
from openbell.jobs import trading
from openbell.settings import load_settings
from openbell.stages.resolve import resolve
from tests.faults.scene import TapeFeed, plan

#: How long the first waits for the last to have started.
MEETING = 120.0
#: A machine too busy to give the write lock in time has written nothing: the same may be asked again.
TRIES = 6


def main(home: Path, number: int, crowd: int) -> None:
    """Start the slot and say what became of it."""
    os.environ["OPENBELL_HOME"] = str(home)
    meet(home / "meeting", number, crowd)
    for attempt in range(TRIES):
        try:
            record = trading.trade(desk(), f"run-{number}-{attempt}")
        except StoreError as error:
            if "locked" not in str(error):
                raise
        else:
            sys.stdout.write(f"{record.outcome} {record.code}\n")
            return
    sys.stdout.write("locked\n")


def desk() -> Desk:
    """The desk of the scene's plan on a paper account."""
    paper = plan(account={"broker": "paper", "name": "crowd", "params": {"cash": 100000}})
    store.ensure(load_settings().url)
    return Desk(resolve(paper), load_settings(), None, TapeFeed(), account_spec(paper))


def meet(place: Path, number: int, crowd: int) -> None:
    """Wait until everybody has come."""
    place.mkdir(exist_ok=True)
    (place / str(number)).touch()
    deadline = time.monotonic() + MEETING
    while len(list(place.iterdir())) < crowd and time.monotonic() < deadline:
        time.sleep(0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
