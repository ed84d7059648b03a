"""A process that asks for prices without end: ``python -m tests.brokers.request_worker URL STORE MOST SECONDS``."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from openbell.errors import FeedSpent
from openbell.feeds.alpaca import Alpaca
from openbell.specs import Surroundings
from openbell.store.connect import open_store
from openbell.store.requests import SqlRequestBudget
from tests.contracts.alpaca_venue import CANARY_ID, CANARY_SECRET


def now() -> datetime:
    return datetime.now(UTC)


def surroundings(store: str, most: int, span: timedelta, **more) -> Surroundings:
    """As a desk has them, with another number and a shorter minute."""

    def budget(name: str, _usual: int) -> SqlRequestBudget:
        return SqlRequestBudget(open_store(store, durable=False), name, most, span=span)

    return Surroundings(Path("data"), "XNYS", now, budget=budget, **more)


def main(url: str, store: str, most: int, span: timedelta) -> None:
    keyed = Alpaca(url=url).with_keys(SecretStr(CANARY_ID), SecretStr(CANARY_SECRET))
    feed = keyed.open(surroundings(store, most, span))
    while True:
        try:
            feed.quotes(["AAPL"], now())
        except FeedSpent:
            continue
        print("asked", flush=True)  # noqa: T201  # the test waits for the first


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), timedelta(seconds=float(sys.argv[4])))
