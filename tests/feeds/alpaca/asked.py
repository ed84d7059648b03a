"""Many symbols in the double for Alpaca's data, and what was asked of it."""

from tests.faultbroker.process import FaultBroker
from tests.feeds.alpaca.rows import stamped
from tests.feeds.frames import sessions

BARS = "GET /v2/stocks/bars"


def queries(double: FaultBroker, path: str = "/v2/stocks/bars") -> list[dict]:
    return [line["query"] for line in double.ledger("request") if line["path"] == path]


def many(double: FaultBroker, symbols: int, rows: int) -> tuple[str, ...]:
    names = tuple(f"S{chr(65 + n // 676)}{chr(65 + n // 26 % 26)}{chr(65 + n % 26)}" for n in range(symbols))
    times = [stamped(time) for time in sessions(rows)]
    double.bars({name: [{"t": t, "o": 10, "h": 11, "l": 9, "c": 10, "v": 100} for t in times] for name in names})
    return names
