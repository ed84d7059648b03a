"""Replays made by hand: random prices, random round trips, and a ledger that adds up."""

from datetime import date
from decimal import Decimal

import numpy as np

from openbell.replay.result import Curve, Fills, Replayed, Trades
from openbell.values.bars import Timeframe, make_bars
from openbell.values.market import DropCode, Dropped
from openbell.values.plan import Plan

CASH = Decimal(100_000)
DAY = np.timedelta64(1, "D")


def a_plan(symbols=("AAA", "BBB"), **changes) -> Plan:
    body = {
        "name": "demo",
        "universe": list(symbols),
        "strategies": [{"use": "sma_crossover", "params": {"fast": 20, "slow": 50}}],
        "risk": {"max_positions": 5},
    }
    return Plan.model_validate(body | changes)


def closes(sessions: int, first: date = date(2024, 1, 2), weekends: bool = False) -> np.ndarray:
    """Closes at 21:00 UTC, on weekdays only unless said otherwise."""
    days = np.datetime64(first, "D") + np.arange(sessions * 2)
    if not weekends:
        days = days[np.is_busday(days)]
    return (days[:sessions] + np.timedelta64(21, "h")).astype("datetime64[ns]")


def a_curve(equity, times=None, **changes) -> Curve:
    equity = np.asarray(equity, float)
    zeros = np.zeros(len(equity))
    held = {"gross": zeros, "net": zeros, "holdings": zeros.astype(np.int64), "turnover": zeros}
    return Curve(
        **{
            "times": closes(len(equity)) if times is None else times,
            "cash": equity,
            "equity": equity,
            **held,
            **changes,
        }
    )


def some_trades(profits, opened=None, closed=None, open_ones=None) -> Trades:
    profits = np.asarray(profits, float)
    count = len(profits)
    at = closes(count + 1)
    ones = np.ones(count)
    return Trades(
        column=np.zeros(count, np.intp),
        opened=at[:-1] if opened is None else opened,
        closed=at[1:] if closed is None else closed,
        quantity=ones * 10,
        entry=ones * 100,
        exit=100 + profits / 10,
        profit=profits,
        fees=ones * 0.35,
        open=np.zeros(count, bool) if open_ones is None else np.asarray(open_ones),
    )


def no_fills() -> Fills:
    none = np.empty(0)
    return Fills(np.empty(0, "datetime64[ns]"), np.empty(0, np.intp), none, none, none, np.empty(0, bool))


def from_curve(equity, trades=None, fills=None, opening=CASH, times=None, **changes) -> Replayed:
    """A replay of one symbol that has this equity at the close of each session."""
    curve = a_curve(equity, times, **changes)
    price = np.full((len(curve.equity), 1), 100.0)
    days = curve.times.astype("datetime64[D]")
    edges = (days[0].item(), days[-1].item()) if len(days) else (date(2024, 1, 2), date(2024, 1, 2))
    return Replayed(
        plan=a_plan(("AAA",)),
        start=edges[0],
        end=edges[1],
        symbols=("AAA",),
        bars=make_bars(
            ("AAA",),
            curve.times,
            dict.fromkeys(("open", "high", "low", "close", "volume"), price),
            Timeframe("1d"),
            "made",
        ),
        provider="made up",
        currency="USD",
        opening_cash=Decimal(opening),
        closing_cash=Decimal(repr(float(curve.cash[-1]))) if len(curve.cash) else Decimal(opening),
        curve=curve,
        fills=no_fills() if fills is None else fills,
        trades=some_trades([]) if trades is None else trades,
        slots=len(curve.equity),
        decided=len(curve.equity),
        marks=price,
    )


def a_replay(
    symbols: int = 5, sessions: int = 504, seed: int = 1, every: int = 25, plan: Plan | None = None
) -> Replayed:
    """Random walks, a position in each symbol opened and closed every ``every`` sessions or so."""
    random = np.random.default_rng(seed)
    names = tuple(f"S{number:03d}" for number in range(symbols))
    times = closes(sessions)
    steps = random.normal(0.0004, 0.018, (sessions, symbols))
    close = np.round(60 * random.uniform(0.5, 3, symbols) * np.exp(steps.cumsum(axis=0)), 4)
    opens = np.round(close * np.exp(random.normal(0, 0.004, close.shape)), 4)
    values = {"open": opens, "high": np.maximum(opens, close), "low": np.minimum(opens, close), "close": close}
    bars = make_bars(names, times, {**values, "volume": np.full(close.shape, 1e6)}, Timeframe("1d"), "made up")
    signed = _orders(random, opens, every)
    row, column = np.nonzero(signed)
    size, price = signed[row, column], opens[row, column]
    fee = np.round(np.abs(size) * 0.005, 2)
    paid = np.zeros((sessions, 2))
    np.add.at(paid, row, np.column_stack([-(size * price) - fee, np.abs(size * price)]))
    held = signed.cumsum(axis=0)
    cash = float(CASH) + paid[:, 0].cumsum()
    value = held * close
    fills = Fills(
        times[row] - np.timedelta64(6 * 3600 + 1800, "s"),
        column.astype(np.intp),
        size,
        price,
        fee,
        random.random(len(row)) < 0.2,
    )
    return Replayed(
        plan=plan or a_plan(names),
        start=times[0].astype("datetime64[D]").item(),
        end=times[-1].astype("datetime64[D]").item(),
        symbols=names,
        bars=bars,
        provider="made up",
        currency="USD",
        opening_cash=CASH,
        closing_cash=Decimal(repr(round(float(cash[-1]), 2))),
        curve=Curve(
            times,
            cash,
            cash + value.sum(axis=1),
            np.abs(value).sum(axis=1),
            value.sum(axis=1),
            (held != 0).sum(axis=1),
            paid[:, 1],
        ),
        fills=fills,
        trades=_round_trips(fills, close[-1], times[-1]),
        slots=sessions * 2,
        decided=sessions * 2 - 9,
        marks=close,
        denials={"max_positions": 41, "max_gross_exposure": 7},
        clipped={"max_order_notional": 12},
        skips={"HOLIDAY": 6, "EARLY_CLOSE": 3},
        dropped=(Dropped(names[0], DropCode.SUSPECT, "the close of 2024-03-01 is 52.1 % from the one before"),),
        notes=("bars of S001 were in a wrong order and have been sorted",),
    )


def _orders(random: np.random.Generator, opens: np.ndarray, every: int) -> np.ndarray:
    sessions, symbols = opens.shape
    signed = np.zeros(opens.shape)
    for column in range(symbols):
        at = np.cumsum(random.integers(2, 2 * every, max(2, 2 * sessions // every)))
        at = at[at < sessions]
        size = np.floor(min(15_000, 60_000 / symbols) / opens[at[0] if len(at) else 0, column]) or 1.0
        side = 1.0 if random.random() < 0.8 else -1.0
        signed[at, column] = side * size * np.where(np.arange(len(at)) % 2 == 0, 1, -1)
    return signed


def _round_trips(fills: Fills, last: np.ndarray, end: np.datetime64) -> Trades:
    pairs = [
        (mine[number : number + 2], float(last[column]))
        for column in range(len(last))
        for mine in [np.flatnonzero(fills.column == column)]
        for number in range(0, len(mine), 2)
    ]
    rows = sorted((_round_trip(fills, pair, price, end) for pair, price in pairs), key=lambda row: row[2])
    columns = [np.array(values) for values in zip(*rows, strict=True)] if rows else [np.empty(0)] * 9
    kinds = (np.intp, "datetime64[ns]", "datetime64[ns]", float, float, float, float, float, bool)
    return Trades(*(values.astype(kind) for values, kind in zip(columns, kinds, strict=True)))


def _round_trip(fills: Fills, pair: np.ndarray, last: float, end: np.datetime64) -> tuple:
    first, still = pair[0], len(pair) == 1
    size, entry = fills.signed[first], fills.price[first]
    out = last if still else fills.price[pair[1]]
    fees = fills.fee[pair].sum()
    closed = end if still else fills.times[pair[1]]
    return (fills.column[first], fills.times[first], closed, size, entry, out, size * (out - entry) - fees, fees, still)
