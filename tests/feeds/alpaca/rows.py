"""Rows of bars as Alpaca writes them, and the Alpaca feed on a fault broker."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from openbell.feeds.alpaca import Alpaca, AlpacaFeed
from openbell.specs import Surroundings
from openbell.values.bars import FIELDS
from tests.feeds.frames import Rows

NEW_YORK = ZoneInfo("America/New_York")
KEY_ID, SECRET = "PKCANARY7Q2W", "canary+secret/9f8e7d6c5b4a"


def stamped(time) -> str:
    """A session date at midnight in New York, or an instant, as Alpaca writes it."""
    if time.dtype == "datetime64[D]":
        midnight = datetime.combine(time.item(), datetime.min.time(), NEW_YORK)
        return midnight.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{time.astype('datetime64[s]')}Z"


def written(rows: Rows) -> dict[str, list[dict]]:
    """The rows by symbol, with the fields that we do not read."""
    found: dict[str, list[dict]] = {}
    for at, symbol in enumerate(rows.symbols.tolist()):
        row = {letter: float(rows.columns[name][at]) for name, letter in zip(FIELDS, "ohlcv", strict=True)}
        found.setdefault(symbol, []).append(row | {"t": stamped(rows.times[at]), "n": 7, "vw": row["c"]})
    return found


class Waits(list):
    """Pauses that nobody slept through."""

    def __call__(self, span: timedelta) -> None:
        self.append(span.total_seconds())


def opened(url: str, wait=None, exchange: str = "XNYS", **terms) -> AlpacaFeed:
    """The feed on the fault broker at that address."""
    spec = Alpaca(url=url, **terms).with_keys(SecretStr(KEY_ID), SecretStr(SECRET))
    feed = spec.open(Surroundings(Path("data"), exchange, lambda: None, wait=Waits() if wait is None else wait))
    assert isinstance(feed, AlpacaFeed)
    return feed
