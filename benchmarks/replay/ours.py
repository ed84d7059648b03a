"""openbell's own script, run as the peers are: FILE [ROUNDS]. The plan of the reference trade, with every rule set."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent / "peers")]

from measure import CASH, FAST, QUANTITY, SLOW, measure  # noqa: E402

from openbell.calendar.exchange import exchange  # noqa: E402
from openbell.replay.request import Request  # noqa: E402
from openbell.replay.run import replay  # noqa: E402
from openbell.replay.statistics import statistics  # noqa: E402
from openbell.stages.check_bars import Wanted  # noqa: E402
from openbell.stages.check_history import check_history  # noqa: E402
from openbell.stages.raw_bars import Block  # noqa: E402
from openbell.values.bars import Timeframe  # noqa: E402
from openbell.values.history import History  # noqa: E402
from openbell.values.market import Checked  # noqa: E402
from openbell.values.money import CENT, to_decimal  # noqa: E402
from openbell.values.plan import Plan  # noqa: E402
from openbell.values.quote import Quote  # noqa: E402
from openbell.values.touches import CENTS, in_ticks  # noqa: E402

#: Limits, none of which binds: the point is that they are asked.
LIMITS = {
    "max_positions": 10_000,
    "max_order_notional": 10_000_000,
    "max_order_quantity": 1_000,
    "max_position_weight": 0.5,
    "max_gross_exposure": 1,
    "max_net_exposure": 1,
    "max_orders_per_run": 10_000,
    "max_orders_per_minute": 10_000,
    "max_orders_per_day": 10_000,
    "min_confidence": 0,
    "price_collar": 0.03,
}


@dataclass(frozen=True, slots=True, eq=False)
class PanelFeed:
    """Prices in memory; quotes stand a cent on either side of a price."""

    symbols: tuple[str, ...]
    opens: np.ndarray
    closes: np.ndarray
    values: np.ndarray

    @property
    def provider(self) -> str:
        return "panel"

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        raise NotImplementedError("a replay asks for the history")

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        raise NotImplementedError("a replay makes its quotes of bars")

    def history(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> History:
        none, outside = np.empty((2, 0), np.intp), np.zeros(len(self.symbols), np.intp)
        present = np.isfinite(self.values[3])
        block = Block(self.symbols, self.opens, self.closes, self.values, present, none, none, outside)
        wanted = Wanted(tuple(symbols), timeframe, count, as_of, exchange("XNYS"), self.provider, history=True)
        return check_history(block, wanted)

    def quote(self, symbol: str, price: float, time: datetime) -> Quote | None:
        last = to_decimal(price)
        return Quote(symbol, last - CENT, last + CENT, last, time)

    def touches(self, prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        last = in_ticks(prices)
        return np.where(last > 0, last - CENTS, 0), np.where(last > 0, last + CENTS, 0)


def plan(symbols: Sequence[str]) -> Plan:
    """Decided on the closes before, at the open of each session, and filled there."""
    return Plan.model_validate(
        {
            "name": "reference",
            "universe": list(symbols),
            "account": {"params": {"cash": CASH, "slippage_bps": 0}},
            "schedule": {"trade": {"at": ["open"]}, "exits": {"enabled": False}},
            "strategies": [{"use": "sma_crossover", "params": {"fast": FAST, "slow": SLOW}}],
            "sizing": {
                "use": "fixed_quantity",
                "params": {"quantity": QUANTITY},
                "min_trade": 0,
                "max_trade": 10_000_000,
            },
            "risk": LIMITS,
        }
    )


def prepare(symbols, closes, values):
    venue = exchange("XNYS")
    first, last = (np.datetime64(closes[at], "D").astype(date) for at in (0, -1))
    opens = venue.session_bounds(first, last)[0]
    return PanelFeed(tuple(symbols), opens, closes, values), plan(symbols), first, last


def run(prepared):
    feed, wanted, first, last = prepared
    found = replay(Request(wanted, feed, first, last))
    statistics(found)
    half_spread = CENT * int(np.abs(found.fills.signed).sum())
    return len(found.fills), found.closing_cash + Decimal(half_spread)


if __name__ == "__main__":
    measure(run, prepare)
