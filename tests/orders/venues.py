"""A desk on the fault broker: the real adapter over a real socket, at a short pace."""

import time
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from openbell.brokers.alpaca import Alpaca
from openbell.desk import Desk
from openbell.ports import MarketFeed
from openbell.settings import load_settings
from openbell.specs import FeedSpec, Surroundings
from openbell.stages.resolve import resolve
from openbell.store.verify import verify
from tests.faultbroker.process import FaultBroker
from tests.orders.desks import QUIET, Tape, plan_of

#: Every symbol costs 100 at the fault broker.
UNIVERSE = ("AAPL", "AMZN", "GOOG", "IBM", "KO")
ORDER = {"verb": "POST", "path": "/v2/orders"}


def venue_desk(
    double: FaultBroker, tape: Tape, unique: bool = True, requests: int | None = None, **changes: Any
) -> Desk:
    """A desk as another process would open it; ``requests`` are those of a minute."""

    class TapeSpec(FeedSpec):
        def open(self, around: Surroundings) -> MarketFeed:
            return tape

    terms = {"universe": UNIVERSE, "account": {"broker": "alpaca", "name": "desk"}, "risk": {}}
    keyless = Alpaca(url=double.url, unique_ids=unique, requests_per_minute=requests)
    account = keyless.with_keys(SecretStr("PKTEST"), SecretStr("secret-of-the-test"))
    desk = Desk(resolve(plan_of(**terms | changes)), load_settings(), None, TapeSpec(), account)
    desk.quiet = QUIET
    return desk


def posts(double: FaultBroker) -> list[str]:
    """Our ids of the orders that were asked for, in the order of asking."""
    asked = [line for line in double.ledger("request") if (line["method"], line["path"]) == ("POST", "/v2/orders")]
    return [line["body"]["client_order_id"] for line in asked]


def taken(double: FaultBroker) -> list[str]:
    """Our ids of the orders that it took."""
    return [line["client_order_id"] for line in double.ledger("accepted")]


def broken(desk: Desk) -> list[tuple[str, str, str]]:
    """What ``openbell verify`` finds."""
    return [(check.code, found.row, found.detail) for check in verify(desk.settings.url) for found in check.findings]


def waits(desk: Desk) -> list[timedelta]:
    """From now on the desk does not sleep; the list has what it would have slept."""
    slept: list[timedelta] = []
    desk.wait = slept.append
    desk.ticks = lambda: time.time() + sum(slept, timedelta(0)).total_seconds()
    return slept
