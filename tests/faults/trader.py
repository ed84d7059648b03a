"""The trader of a trial: one trading run by ``openbell.jobs.trading``, without Prefect, at a short pace.

It decides nothing itself. What differs from a real run: prices that stand still and short waits.
"""

import logging
import os
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from openbell import store
from openbell.brokers.alpaca import Alpaca
from openbell.brokers.ibkr import IBKR
from openbell.calendar.exchange import exchange
from openbell.calendar.slots import slot_of
from openbell.cli.switch import halt
from openbell.desk import Desk
from openbell.jobs import closing, trading
from openbell.settings import load_settings
from openbell.specs import BrokerSpec
from openbell.stages.resolve import resolve
from openbell.values.orders import OrderState
from tests.faults import gateway, scene
from tests.faults.double import CANARY, KEY, LAG
from tests.faults.trial import ALPACA
from tests.faults.trial import IBKR as GATEWAY

#: Exit code of an attempt that leaves something to another one.
AGAIN = 3
#: Above the lag of each late venue.
QUIET = {ALPACA: timedelta(seconds=2 * LAG), GATEWAY: timedelta(seconds=2 * gateway.LAG)}
#: Most that may ever be held of one symbol: 900 at a price of 100, and what the plans of ``two plans`` allow at most.
LIMIT = Decimal("9.5")
#: What a restart long after its time is left with: nothing may be sent any more.
NO_GRACE = {"window": {"exchange": "24/7", "grace": "0s"}}
#: Actions after which orders may stay open at the broker.
HAD = (OrderState.ACKED, OrderState.PARTIAL)
log = logging.getLogger("trader")


@dataclass(frozen=True)
class Setup:
    """Where an attempt finds its store and its broker (an address, or the port of a gateway), and what it is to do.

    ``planned`` is the instant that the schedule wanted the run at, the same for every attempt; ``attempt`` counts
    them, and prices move from one to the next. ``resting`` allows orders to be open at the end.
    """

    folder: Path
    broker: str
    planned: datetime
    unique: bool = True
    action: str = "trade"
    attempt: int = 0
    resting: bool = False
    venue: str = ALPACA

    @property
    def log(self) -> Path:
        return self.folder / "run.log"


Action = Callable[[Desk, Setup], None]


class Loopback(IBKR):
    """The gateway double. ``url`` says that orders do not leave this machine, which no plan can claim of a gateway."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.host}:{self.port}"


def account_of(setup: Setup) -> BrokerSpec:
    """The account at the trial's venue, with the waits of a trial."""
    if setup.venue == ALPACA:
        return Alpaca(url=setup.broker, unique_ids=setup.unique).with_keys(SecretStr(KEY), SecretStr(CANARY))
    waits = {"connect_timeout": 5.0, "request_timeout": 5.0, "ack_timeout": gateway.PATIENCE, "id_patience": 0.3}
    return Loopback(port=int(setup.broker), **waits)


def desk_of(setup: Setup, **changes: Any) -> Desk:
    """The desk that ``flows.trade`` would open, on the trial's own store, feed and broker; ``changes`` to the plan."""
    os.environ["OPENBELL_HOME"] = str(setup.folder)
    feed = scene.TapeFeed(drift=Decimal(setup.attempt))
    place = {"account": {"broker": setup.venue, "name": "matrix"}}
    plan = scene.plan(**place, **(NO_GRACE if setup.action == "recover" else {}), **changes)
    desk = Desk(resolve(plan), load_settings(), None, feed, account_of(setup))
    desk.quiet = QUIET[setup.venue]
    return desk


def trade(desk: Desk, setup: Setup) -> None:
    """The run of the slot, unless an earlier attempt has closed it."""
    if open_slots(setup) != 0:
        record = trading.trade(desk, f"run-{setup.attempt}-{os.getpid()}", setup.planned)
        log.info("%s %s %s", record.outcome.value, record.code, record.message)


def leave(desk: Desk, setup: Setup) -> None:
    """Nothing: only recovery comes by."""


def press(desk: Desk, setup: Setup) -> None:
    """``openbell halt``, the command itself."""
    halt.main(["--reason", "drill", "--actor", "operator"], standalone_mode=False)


def cancel(desk: Desk, setup: Setup) -> None:
    """``openbell cancel-all``."""
    log.info("left after cancel-all: %s", closing.take_back(desk).left)


def flatten(desk: Desk, setup: Setup) -> None:
    """``openbell flatten``."""
    log.info("%s", closing.flatten(desk, "operator", "drill", f"flatten-{setup.attempt}-{os.getpid()}"))


ACTIONS: dict[str, Action] = {
    "trade": trade,
    "recover": leave,
    "halt": press,
    "cancel": cancel,
    "flatten": flatten,
}


def play(setup: Setup, action: Action) -> int:
    """One attempt; the exit code says whether anything is left to do."""
    # Everything that any library says, so that a secret in it would be found.
    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, force=True)
    desk = desk_of(setup)
    action(desk, setup)
    left = follow(desk, setup)
    store.close(desk.settings.url)
    return AGAIN if left else 0


def follow(desk: Desk, setup: Setup) -> bool:
    """Recovery as its own flow does it; whether anything is left."""
    found = desk.recovery(f"recover-{setup.attempt}-{os.getpid()}", passes=2).recover()
    log.info("recover: %s", found.words())
    waiting = [order for order in desk.journal.unsettled() if not (setup.resting and order.state in HAD)]
    return bool(open_slots(setup)) or bool(waiting)


def open_slots(setup: Setup) -> int | None:
    """Slots without an outcome; None while there is no slot at all."""
    with sqlite3.connect(setup.folder / "openbell.db", timeout=5) as store_file:
        known, waiting = store_file.execute("SELECT count(*), sum(outcome IS NULL) FROM slots").fetchone()
    store_file.close()
    return waiting if known else None


def run_out(setup: Setup, patience: float = 5) -> None:
    """Let the leases of dead attempts run out at once, which else takes a minute and a half of every trial."""
    store_file = sqlite3.connect(setup.folder / "openbell.db", timeout=patience)
    try:
        with store_file:
            store_file.execute("UPDATE slots SET lease_until = 0 WHERE outcome IS NULL")
    finally:
        store_file.close()


def slots_of(planned: datetime) -> tuple[str, ...]:
    """The slots that must be recorded after a trial."""
    return (slot_of(scene.plan(), "trade", planned).key,)


def warm() -> None:
    """Whatever is read once per process, before the first fork."""
    plan = scene.plan()
    resolve(plan)
    exchange(plan.window.exchange).session_of(datetime.now(UTC))
