"""A replay in words and rows, the same for the command line, the page and the artifact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from openbell.replay.result import Columns, Replayed, Trades
from openbell.replay.statistics import Drawdown, Statistics, session_days
from openbell.stages.wording import clean, count

NONE = "-"
SAMPLE = "sample prices (real daily bars of 2000 to 2013 under other dates)"
#: Trades that are told of when there are many: so many of the best and so many of the worst.
TELLING = 5

Rows = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Trip:
    """One trade as it is told: ``still`` when it is open and marked at the last close; ``share`` of what it cost."""

    symbol: str
    side: str
    opened: date
    closed: date
    quantity: float
    entry: float
    exit: float
    fees: float
    profit: float
    share: float | None
    still: bool


def headline(replayed: Replayed, found: Statistics) -> str:
    """What was replayed, and what it came to, in one line."""
    total = f"{percent(found.total_return, signed=True)} in {count(found.sessions, 'session')}"
    made = f"{count(found.trades, 'trade')} closed, {found.open_trades:,} open"
    return f"{total}, {made}, equity {amount(found.closing)} {clean(replayed.currency)}".rstrip()


def span(replayed: Replayed) -> str:
    """The range, and what was looked at."""
    symbols = count(len(replayed.symbols), "symbol")
    slots = f"{count(replayed.slots, 'slot')}, {replayed.decided:,} decided"
    return f"{replayed.start} to {replayed.end}, {symbols}, {replayed.bars.timeframe.text} bars, {slots}"


def source(replayed: Replayed) -> str:
    """Where the prices come from; sample prices are always called what they are."""
    return SAMPLE if replayed.provider.startswith("sample") else f"prices of {clean(replayed.provider)}"


def figures(found: Statistics, currency: str = "") -> dict[str, Rows]:
    """Every figure as text, by what it is about."""
    return {
        "Return": [
            ("Total return", percent(found.total_return, signed=True)),
            ("Annual return", percent(found.annual_return, signed=True)),
            ("Opening cash", amount(found.opening, currency)),
            ("Closing equity", amount(found.closing, currency)),
            ("Best session", percent(found.best_session, signed=True)),
            ("Worst session", percent(found.worst_session, signed=True)),
        ],
        "Risk": [
            ("Volatility, annual", percent(found.volatility)),
            (f"Sharpe ratio{over(found)}", ratio(found.sharpe)),
            (f"Sortino ratio{over(found)}", ratio(found.sortino)),
            ("Calmar ratio", ratio(found.calmar)),
            ("Maximum drawdown", percent(found.drawdown.depth if found.drawdown else None)),
            *length(found.drawdown),
        ],
        "Trades": [
            ("Trades closed", f"{found.trades:,}"),
            ("Trades open", f"{found.open_trades:,}"),
            ("Hit rate", percent(found.hit_rate)),
            ("Profit factor", ratio(found.profit_factor)),
            ("Average win", amount(found.average_win)),
            ("Average loss", amount(found.average_loss)),
            ("Best trade", amount(found.best)),
            ("Worst trade", amount(found.worst)),
        ],
        "Activity": [
            ("Fills", f"{found.fills:,}"),
            ("Costs", amount(found.costs, currency)),
            ("Turnover, annual", NONE if found.turnover is None else f"{ratio(found.turnover)} x equity"),
            ("Exposure, gross", percent(found.exposure)),
            ("Exposure, net", percent(found.net_exposure, signed=True)),
            ("Time invested", percent(found.invested)),
            ("Sessions held, mean", ratio(found.held, 1)),
        ],
    }


def over(found: Statistics) -> str:
    """What a ratio is reckoned over, where it is not zero."""
    return f" over {found.risk_free:.4g}" if found.risk_free else ""


def length(fall: Drawdown | None) -> Rows:
    """How long the deepest drawdown lasted, and when."""
    if fall is None:
        return [("Its length", NONE)]
    dates = (("Its peak", fall.peak), ("Its low", fall.trough), ("Recovered", fall.recovered or "not yet"))
    return [("Its length", count(fall.sessions, "session")), *((name, str(day)) for name, day in dates)]


def counted(found: Mapping[str, int]) -> list[tuple[str, int]]:
    """Counts with the largest first."""
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def telling(trades: Trades, most: int = TELLING) -> Columns:
    """Rows of the trades that say most: the best and the worst, from the best down; all where there are few."""
    order = np.argsort(-trades.profit, kind="stable")
    return order if len(order) <= 2 * most else np.concatenate((order[:most], order[-most:]))


def trips(replayed: Replayed, rows: Columns) -> list[Trip]:
    """Trades as they are told."""
    trades = replayed.trades
    opened, closed = session_days(trades.opened), session_days(trades.closed)
    return [_trip(replayed, row, opened[row].item(), closed[row].item()) for row in rows.tolist()]


def _trip(replayed: Replayed, row: int, opened: date, closed: date) -> Trip:
    trades = replayed.trades
    quantity, entry, profit = float(trades.quantity[row]), float(trades.entry[row]), float(trades.profit[row])
    spent = abs(quantity * entry)
    return Trip(
        symbol=replayed.symbols[int(trades.column[row])],
        side="long" if quantity > 0 else "short",
        opened=opened,
        closed=closed,
        quantity=abs(quantity),
        entry=entry,
        exit=float(trades.exit[row]),
        fees=float(trades.fees[row]),
        profit=profit,
        share=profit / spent if spent else None,
        still=bool(trades.open[row]),
    )


def percent(value: float | None, signed: bool = False) -> str:
    """A fraction as a percentage to two decimals."""
    if value is None:
        return NONE
    return f"{value:+,.2%}" if signed else f"{value:,.2%}"


def ratio(value: float | None, places: int = 2) -> str:
    """A plain number."""
    return NONE if value is None else f"{value:,.{places}f}"


def amount(value: float | None, currency: str = "") -> str:
    """Money to the cent."""
    return NONE if value is None else f"{value:,.2f} {clean(currency)}".rstrip()
