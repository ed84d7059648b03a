"""Bars of 500 symbols from a provider over HTTP: fetched whole each time, against from disk with the end fetched.

The provider is a process of its own that answers in pages of 10,000 bars, each after a delay of a near data centre. The
runs go from session to session, so that each finds one new bar.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np

from openbell.calendar.exchange import exchange
from openbell.feeds.cache import CachedFeed
from openbell.ports import MarketFeed
from openbell.stages.check_bars import Wanted, check_bars
from openbell.stages.raw_bars import raw_bars
from openbell.values.bars import FIELDS, Timeframe
from openbell.values.market import Checked
from openbell.values.quote import Quote

SYMBOLS = tuple(f"S{number:03d}" for number in range(500))
BARS, SESSIONS, ROUNDS = 200, 320, 8
PAGE = 10_000
#: Seconds that a page takes before its first byte, on the way and in the provider's own house.
DELAY = 0.03
DAY = Timeframe("1d")
NOW = datetime.fromisoformat("2026-11-20T22:00:00+00:00")


class Http:
    """The plainest feed over the provider; ``calls`` and ``rows`` count what it asked for."""

    provider = "double"

    def __init__(self, port: int) -> None:
        self.line = HTTPConnection("127.0.0.1", port, timeout=60)
        self.calls = self.rows = 0

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        names: list[str] = []
        cells: list[list[float]] = []
        page: int | None = 0
        market = exchange("XNYS")
        start = market.offset(market.last_complete(as_of), -count)
        while page is not None:
            asked = {"symbols": ",".join(symbols), "start": start, "end": as_of.date(), "page": page}
            self.line.request("GET", "/bars?" + urlencode(asked))
            answer = json.loads(self.line.getresponse().read())
            for symbol, bars in answer["bars"].items():
                names += [symbol] * len(bars)
                cells += [[bar[key] for key in "tohlcv"] for bar in bars]
            page = answer["next_page"]
            self.calls += 1
        self.rows += len(cells)
        times = np.array([cell[0] for cell in cells], "datetime64[D]")
        values = np.array([cell[1:] for cell in cells], np.float64)
        wanted = Wanted(tuple(symbols), timeframe, count, as_of, exchange("XNYS"), self.provider)
        return check_bars(raw_bars(names, times, dict(zip(FIELDS, values.T, strict=True))), wanted)

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        raise NotImplementedError


def main() -> None:
    command = [sys.executable, "-m", "benchmarks.feed_cache", "serve"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            race(int(server.stdout.readline()), Path(folder))
    finally:
        server.kill()
        server.communicate()


def race(port: int, folder: Path) -> None:
    market = exchange("XNYS")
    last = market.last_complete(NOW)
    instants = [market.hours(market.offset(last, -step)).closes + timedelta(minutes=5) for step in range(ROUNDS + 1)]
    moment = [instants.pop()]
    whole, kept = Http(port), Http(port)
    feed = CachedFeed(kept, folder, market, lambda: moment[0])
    cold = timed(feed, moment[0])
    kept.calls = kept.rows = 0
    plain, cached, again = [], [], []
    while instants:
        moment[0] = instants.pop()
        plain.append(timed(whole, moment[0]))
        cached.append(timed(feed, moment[0]))
        again.append(timed(feed, moment[0]))
    report(cold, plain, cached, again, sum(path.stat().st_size for path in folder.rglob("*.parquet")))
    print(f"requests a run     {whole.calls / ROUNDS:8.1f} whole {kept.calls / ROUNDS:8.1f} kept")
    print(f"bars a run         {whole.rows / ROUNDS:8,.0f} whole {kept.rows / ROUNDS:8,.0f} kept")


def timed(feed: MarketFeed, as_of: datetime) -> float:
    started = time.perf_counter()
    feed.bars(SYMBOLS, DAY, BARS, as_of)
    return time.perf_counter() - started


def report(cold: float, plain: list[float], cached: list[float], again: list[float], size: int) -> None:
    whole, end, disk = (statistics.median(spans) for spans in (plain, cached, again))
    print(f"fetched whole      {whole * 1e3:8.1f} ms")
    print(f"first run, kept    {cold * 1e3:8.1f} ms")
    print(f"only the end       {end * 1e3:8.1f} ms")
    print(f"nothing due        {disk * 1e3:8.1f} ms   ({size / 1e6:.1f} MB on disk)")
    print(f"whole / end        {whole / end:8.1f}      (goal: at least 10)")


def serve() -> None:
    """The provider: prints its port and serves until it is killed."""
    market = exchange("XNYS")
    last = market.last_complete(NOW)
    days = [day.isoformat() for day in market.sessions(market.offset(last, 1 - SESSIONS), last)]
    random = np.random.default_rng(7)
    close = 100 * np.exp(random.normal(0, 0.01, (len(SYMBOLS), SESSIONS)).cumsum(axis=1)).round(2)
    prices = np.stack([close, close * 1.003, close * 0.997, close, np.full_like(close, 1e6)], axis=2).round(2).tolist()
    history = {
        symbol: [dict(zip("tohlcv", (day, *bar), strict=True)) for day, bar in zip(days, bars, strict=True)]
        for symbol, bars in zip(SYMBOLS, prices, strict=True)
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = {key: value for key, (value,) in parse_qs(urlsplit(self.path).query).items()}
            first, stop = int(asked["page"]), int(asked["page"]) + PAGE
            low, high = bisect_left(days, asked["start"]), bisect_right(days, asked["end"])
            bars: dict[str, list[dict[str, float]]] = {}
            number = 0
            for symbol in asked["symbols"].split(","):
                if part := history[symbol][low:high][max(0, first - number) : max(0, stop - number)]:
                    bars[symbol] = part
                number += high - low
            body = json.dumps({"bars": bars, "next_page": stop if number > stop else None}).encode()
            time.sleep(DELAY)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
