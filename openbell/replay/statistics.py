"""What a replay's curve and trades come to in figures. What is not defined is None, never zero or infinite."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openbell.errors import InputError
from openbell.replay.result import Curve, Floats, Replayed, Trades
from openbell.values.bars import Times

#: Sessions that count as a year, where the exchange rests at weekends and where it does not.
YEAR, YEAR_WITHOUT_WEEKENDS = 252, 365
#: Share of closes on Saturdays and Sundays above which it does not rest.
_WEEKENDS = 0.1
#: A spread below this part of the largest return is rounding.
_ROUNDING = 1e-12
#: Risk-free rates a year that can be meant.
LEAST_RATE, MOST_RATE = -0.1, 1.0
_THURSDAY = 3  # the weekday of 1970-01-01, counted from Monday

Dates = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of the equity below its peak: ``depth`` is negative, a part of the peak.

    ``sessions`` go from the peak to the recovery, or to the end while there is none (``recovered`` None). A peak at
    the opening cash stands before the first session and counts from ``peak``, that session.
    """

    depth: float
    sessions: int
    peak: date
    trough: date
    recovered: date | None


@dataclass(frozen=True, slots=True)
class Month:
    """The return of one calendar month; the first and the last may be parts of one."""

    year: int
    month: int
    change: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures of a replay; returns, rates and exposures are fractions, money is in the account's currency.

    Returns are from close to close; ``sharpe`` and ``sortino`` are of those beyond ``risk_free``, a rate a year that is
    compounded from session to session. ``turnover`` is what was bought and sold in a year
    over the mean equity, ``exposure`` the mean of the gross value of positions over equity, ``invested`` the share of
    sessions that ended with a position. ``hit_rate``, ``profit_factor``, ``average_win``, ``average_loss``, ``best``,
    ``worst`` and ``held`` (mean sessions) are of closed trades, after fees.
    """

    sessions: int
    opening: float
    closing: float
    total_return: float | None
    annual_return: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    drawdown: Drawdown | None
    best_session: float | None
    worst_session: float | None
    turnover: float | None
    exposure: float | None
    net_exposure: float | None
    invested: float | None
    trades: int
    open_trades: int
    fills: int
    hit_rate: float | None
    profit_factor: float | None
    average_win: float | None
    average_loss: float | None
    best: float | None
    worst: float | None
    held: float | None
    costs: float
    months: tuple[Month, ...]
    risk_free: float = 0.0


def statistics(replayed: Replayed, risk_free: float = 0.0) -> Statistics:
    """Every figure of a replay; ``risk_free`` as ``rate`` lets it pass."""
    curve, trades = replayed.curve, replayed.trades
    opening = float(replayed.opening_cash)
    equity, sessions = curve.equity, len(curve.equity)
    year = sessions_a_year(curve.times)
    changes = returns(equity, opening)
    beyond = changes - ((1 + risk_free) ** (1 / year) - 1)
    total = float(equity[-1] / opening - 1) if sessions and opening > 0 else None
    annual = _annual(total, year / sessions) if total is not None else None
    fall = drawdown(curve, opening)
    return Statistics(
        sessions=sessions,
        opening=opening,
        closing=float(equity[-1]) if sessions else opening,
        total_return=total,
        annual_return=annual,
        volatility=_volatility(changes, year),
        sharpe=_over(beyond, _spread(beyond), year),
        sortino=_over(beyond, _downside(beyond), year),
        calmar=None if annual is None or fall is None else annual / -fall.depth,
        drawdown=fall,
        best_session=_or_none(changes.max()) if sessions else None,
        worst_session=_or_none(changes.min()) if sessions else None,
        turnover=_share(curve.turnover.sum() * year / sessions, equity.mean()) if sessions else None,
        exposure=_mean_share(curve.gross, equity),
        net_exposure=_mean_share(curve.net, equity),
        invested=float((curve.holdings > 0).mean()) if sessions else None,
        fills=len(replayed.fills),
        costs=float(replayed.fills.fee.sum()),
        months=monthly(curve, opening),
        risk_free=risk_free,
        **_of_trades(trades, curve),
    )


def rate(risk_free: float) -> float:
    """A risk-free rate a year that can be meant; InputError for another."""
    if not risk_free >= LEAST_RATE:
        raise InputError(f"the risk-free rate {risk_free:g} is not {LEAST_RATE:g} or more: 3 % a year is 0.03")
    if risk_free > MOST_RATE:
        raise InputError(f"the risk-free rate {risk_free:g} is above {MOST_RATE:g}: 3 % a year is 0.03")
    return risk_free


def sessions_a_year(times: Times) -> int:
    """365 where sessions close on weekends too, else 252."""
    weekday = (session_days(times).astype(np.int64) + _THURSDAY) % 7
    return YEAR_WITHOUT_WEEKENDS if len(times) and float((weekday >= 5).mean()) > _WEEKENDS else YEAR


def session_days(times: Times) -> Dates:
    """Dates of the sessions that close at these instants; a close at midnight ends the day before."""
    days: Dates = (times.astype("datetime64[ns]") - np.timedelta64(1, "ns")).astype("datetime64[D]")
    return days


def returns(equity: Floats, opening: float) -> Floats:
    """Change from close to close, shape (S,), the first from the opening cash; NaN from an equity of zero or less."""
    before = np.concatenate(([opening], equity[:-1])) if len(equity) else equity
    with np.errstate(divide="ignore", invalid="ignore"):
        changed: Floats = np.where(before > 0, equity / before - 1, np.nan)
    return changed


def underwater(equity: Floats, opening: float) -> Floats:
    """How far the equity stands below its highest point so far, shape (S,), zero or negative, a part of it."""
    if not len(equity):
        return equity
    peaks = np.maximum(np.maximum.accumulate(equity), opening)
    below: Floats = equity / peaks - 1 if opening > 0 else np.full(len(equity), np.nan)
    return below


def drawdown(curve: Curve, opening: float) -> Drawdown | None:
    """The deepest one; None where the equity never falls below its peak."""
    below = underwater(curve.equity, opening)
    if not len(below) or not np.nanmin(below, initial=0.0) < 0:
        return None
    days = session_days(curve.times)
    low = int(below.argmin())
    peaks = np.flatnonzero(below[:low] >= 0)
    peak = int(peaks[-1]) if len(peaks) else -1
    again = np.flatnonzero(below[low:] >= 0)
    back = low + int(again[0]) if len(again) else None
    return Drawdown(
        depth=float(below[low]),
        sessions=(len(below) - 1 if back is None else back) - peak,
        peak=days[max(peak, 0)].item(),
        trough=days[low].item(),
        recovered=None if back is None else days[back].item(),
    )


def monthly(curve: Curve, opening: float) -> tuple[Month, ...]:
    """The return of each calendar month; a month that begins with nothing or less is left out."""
    if not len(curve.equity):
        return ()
    months = session_days(curve.times).astype("datetime64[M]")
    ends = np.flatnonzero(np.append(months[1:] != months[:-1], True))
    changes = returns(curve.equity[ends], opening)
    numbers = months[ends].astype(np.int64)
    found = zip((numbers // 12 + 1970).tolist(), (numbers % 12 + 1).tolist(), changes.tolist(), strict=True)
    return tuple(Month(year, month, change) for year, month, change in found if change == change)


def _of_trades(trades: Trades, curve: Curve) -> dict[str, Any]:
    closed = ~trades.open
    profit = trades.profit[closed]
    wins, losses = profit[profit > 0], profit[profit < 0]
    spans = np.searchsorted(curve.times, trades.closed[closed]) - np.searchsorted(curve.times, trades.opened[closed])
    return {
        "trades": len(profit),
        "open_trades": int(trades.open.sum()),
        "hit_rate": len(wins) / len(profit) if len(profit) else None,
        "profit_factor": _share(wins.sum(), -losses.sum()),
        "average_win": float(wins.mean()) if len(wins) else None,
        "average_loss": float(losses.mean()) if len(losses) else None,
        "best": float(profit.max()) if len(profit) else None,
        "worst": float(profit.min()) if len(profit) else None,
        "held": float(spans.mean()) if len(profit) else None,
    }


def _annual(total: float, share: float) -> float | None:
    return float((1 + total) ** share - 1) if total > -1 else None


def _spread(changes: Floats) -> float | None:
    """Standard deviation, that of a sample; None where there is none."""
    if len(changes) < 2 or not np.isfinite(changes).all():
        return None
    found = float(changes.std(ddof=1))
    return found if found > _ROUNDING * float(np.abs(changes).max()) else None


def _downside(changes: Floats) -> float | None:
    """Root of the mean square of what is below zero."""
    if len(changes) < 2 or not np.isfinite(changes).all():
        return None
    return float(np.sqrt(np.square(np.minimum(changes, 0)).mean())) or None


def _volatility(changes: Floats, year: int) -> float | None:
    if len(changes) < 2 or not np.isfinite(changes).all():
        return None
    return float(changes.std(ddof=1) * np.sqrt(year))


def _over(changes: Floats, risk: float | None, year: int) -> float | None:
    return None if risk is None else float(changes.mean() / risk * np.sqrt(year))


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


def _mean_share(part: Floats, equity: Floats) -> float | None:
    return float((part / equity).mean()) if len(equity) and bool((equity > 0).all()) else None


def _or_none(value: float) -> float | None:
    return float(value) if value == value else None
