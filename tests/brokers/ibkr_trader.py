"""Trading runs on an account at the gateway double, without Prefect, each in a process that can be killed.

Reads one run a line (``FOLDER PORT PLANNED NUMBER``), forks it, and answers with its process id and then its exit
code: what takes time to import is imported once. Prices stand still and waits are short; everything else is what a run
does.
"""

import os
import sqlite3
import sys
import traceback
from datetime import datetime, timedelta
from pathlib import Path

from openbell import store
from openbell.brokers.ibkr import IBKR
from openbell.desk import Desk
from openbell.jobs import trading
from openbell.settings import load_settings
from openbell.stages.resolve import resolve
from tests.faults.scene import TapeFeed, plan

QUIET = timedelta(milliseconds=50)
SYMBOLS = ("AAPL", "IBM")


def desk_of(folder: Path, port: int) -> Desk:
    """The desk of the run on a store of its own."""
    os.environ["OPENBELL_HOME"] = str(folder)
    terms = {"connect_timeout": 2.0, "request_timeout": 2.0, "ack_timeout": 0.5, "id_patience": 2.0}
    traded = plan(universe=SYMBOLS, account={"broker": "ibkr", "name": "gateway"})
    desk = Desk(resolve(traded), load_settings(), None, TapeFeed(), IBKR(port=port, **terms))
    desk.quiet = QUIET
    return desk


def unfinished(folder: Path) -> bool:
    """Whether the slot has no outcome yet; the lease of whoever died with it ends at once."""
    with sqlite3.connect(folder / "openbell.db") as file:
        file.execute("UPDATE slots SET lease_until = 0 WHERE outcome IS NULL")
        known, open_slots = file.execute("SELECT count(*), sum(outcome IS NULL) FROM slots").fetchone()
    file.close()
    return not known or bool(open_slots)


def run(folder: Path, port: int, planned: datetime, number: str) -> None:
    """The run of the slot unless it has ended, and then recovery."""
    desk = desk_of(folder, port)
    if unfinished(folder):
        trading.trade(desk, f"run-{number}", planned)
    desk.recovery(f"recover-{number}", passes=3).recover()
    store.close(desk.settings.url)


def child(line: str) -> None:
    """One run; it leaves without any clean-up of the parent's."""
    code = 1
    try:
        folder, port, planned, number = line.split()
        run(Path(folder), int(port), datetime.fromisoformat(planned), number)
        code = 0
    except BaseException:  # noqa: BLE001  # whatever it was, the child must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            child(line)
        print(process, flush=True)  # noqa: T201  # the answer
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)  # noqa: T201  # the answer


if __name__ == "__main__":
    main()
