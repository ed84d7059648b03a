"""FD, the fake data source: a provider of bars and quotes behind a real socket, with scripted frames and errors.

``Source`` is the provider, ``SourceFeed`` the plainest feed that could read it: pages of bars as JSON, a status for
everything that went wrong. Two of them are two providers.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np

from openbell.calendar.exchange import exchange
from openbell.errors import DataError, FeedKeysRefused, FeedUnavailable
from openbell.stages.check_bars import Wanted, check_bars
from openbell.stages.raw_bars import RawBars
from openbell.values.bars import FIELDS, Timeframe, to_datetime64
from openbell.values.market import Checked
from openbell.values.quote import Quote
from tests.feeds.frames import Rows

#: Rows of one page, as Alpaca has it.
PAGE = 10_000


class Source:
    """A provider of ``rows``; use it as a context manager.

    ``faults`` are taken one a request: a status to answer with, a number of seconds to hang first (a float), or the
    text to answer with. When they are used up, ``always`` holds if it is set. ``requests`` is the ledger.
    """

    def __init__(self, rows: Rows, prices: Mapping[str, tuple[str, str]] | None = None) -> None:
        self.rows = rows
        self.quotes = dict(prices or {})
        self.faults: list[int | float | str] = []
        self.always: int | float | str | None = None
        self.requests: list[dict[str, str]] = []
        self.sent_rows = 0
        self.gone = threading.Event()
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, body = source.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that hangs up is no event

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gone.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, path: str) -> tuple[int, bytes]:
        asked = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        self.requests.append({"path": urlsplit(path).path, **asked})
        fault = self.faults.pop(0) if self.faults else self.always
        if isinstance(fault, float):
            self.gone.wait(fault)
        elif isinstance(fault, int):
            return fault, b"{}"
        elif isinstance(fault, str):
            return 200, fault.encode()
        if urlsplit(path).path == "/quotes":
            return 200, json.dumps(
                {s: self.quotes[s] for s in asked["symbols"].split(",") if s in self.quotes}
            ).encode()
        return 200, self._page(asked)

    def _page(self, asked: dict[str, str]) -> bytes:
        rows, start = self.rows, np.datetime64(asked["start"], "ns")
        wanted = np.isin(rows.symbols, asked["symbols"].split(",")) & (rows.times >= start)
        wanted &= rows.times <= np.datetime64(asked["end"], "ns")
        places = np.flatnonzero(wanted)
        first = int(asked.get("page", 0))
        part = places[first : first + PAGE]
        self.sent_rows += len(part)
        columns = [rows.columns[name][part].tolist() for name in FIELDS]
        names, stamps = rows.symbols[part].tolist(), np.datetime_as_string(rows.times[part]).tolist()
        bars = [
            {"S": symbol, "t": stamp, **dict(zip("ohlcv", values, strict=True))}
            for symbol, stamp, *values in zip(names, stamps, *columns, strict=True)
        ]
        more = str(first + PAGE) if first + PAGE < len(places) else None
        return json.dumps({"bars": bars, "next_page": more}).encode()


@dataclass
class SourceFeed:
    """A feed over one source."""

    port: int
    provider: str = "first"
    code: str = "XNYS"
    adjustment: str = "raw"
    max_age: timedelta | None = None
    timeout: float = 40.0
    closed: bool = False
    _kept: list[HTTPConnection] = field(default_factory=list)

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        wanted = Wanted(
            tuple(dict.fromkeys(symbols)),
            timeframe,
            count,
            as_of,
            exchange(self.code),
            self.provider,
            self.adjustment,
            max_age=self.max_age,
        )
        start = to_datetime64(as_of) - self._back(timeframe, count)
        asked = {"symbols": ",".join(wanted.symbols), "start": str(start), "end": str(to_datetime64(as_of))}
        rows: list[dict] = []
        page: str | None = "0"
        while page is not None:
            answer = self._get("/bars", {**asked, "page": page})
            rows += answer["bars"]
            page = answer["next_page"]
        return check_bars(_raw(rows, timeframe), wanted)

    def _back(self, timeframe: Timeframe, count: int) -> np.timedelta64:
        """Far enough that ``count`` bars lie in between, with weekends and holidays."""
        days = count * 1.5 + 6 if timeframe.daily else count * timeframe.span / timedelta(hours=6.5) * 1.5 + 4
        return np.timedelta64(timedelta(days=days))

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        if as_of.tzinfo is None:
            Wanted((), Timeframe("1d"), 1, as_of, exchange(self.code), self.provider)
        found = self._get("/quotes", {"symbols": ",".join(symbols)})
        return {s: Quote(s, Decimal(bid), Decimal(ask), Decimal(bid), as_of) for s, (bid, ask) in found.items()}

    def _get(self, path: str, asked: dict[str, str]) -> dict:
        try:
            status, body = self._exchange(f"{path}?{urlencode(asked)}")
        except (OSError, HTTPException) as error:
            self._kept.clear()
            raise FeedUnavailable(f"{type(error).__name__}") from None
        if status in (401, 403):
            raise FeedKeysRefused(f"HTTP {status}: the keys are not valid")
        if status != 200:
            raise FeedUnavailable(f"HTTP {status}")
        try:
            return json.loads(body)
        except ValueError:
            raise DataError("the answer is no JSON") from None

    def _exchange(self, target: str) -> tuple[int, bytes]:
        line = self._kept.pop() if self._kept else HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            line.request("GET", target)
            answer = line.getresponse()
            status, body = answer.status, answer.read()
        except BaseException:  # whatever it was goes on; a line in the middle of an answer is of no more use
            line.close()
            raise
        if self.closed:
            line.close()
        else:
            self._kept.append(line)
        return status, body

    def close(self) -> None:
        self.closed = True
        while self._kept:
            self._kept.pop().close()


def _raw(rows: list[dict], timeframe: Timeframe) -> RawBars:
    unit = "datetime64[D]" if timeframe.daily else "datetime64[ns]"
    names: dict[str, int] = {}
    codes = np.array([names.setdefault(row["S"], len(names)) for row in rows], np.intp)
    times = np.array([row["t"] for row in rows], "datetime64[ns]").astype(unit)
    values = np.array([[row[key] for row in rows] for key in "ohlcv"], np.float64).reshape(len(FIELDS), len(rows))
    return RawBars(tuple(names), codes, times, values)
