"""Panels and looks that the tests of alerts judge."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from openbell.alerts.definitions import AlertFile
from openbell.alerts.look import Look
from openbell.alerts.panel import Panel, Program
from openbell.alerts.parser import parse
from openbell.values.alert import AlertStanding, AlertStep
from openbell.values.bars import FIELDS, Timeframe, make_bars

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def bars_of(close, spread=0.0, volume=1e6, symbols=None):
    """A panel with these closes, shape (T, N) or (T,); high and low stand off by a share of the close."""
    close = np.atleast_2d(np.asarray(close, float).T).T
    days = np.datetime64("2020-01-01T21:00", "ns") + np.arange(len(close)) * np.timedelta64(24, "h")
    size = np.where(np.isnan(close), np.nan, np.broadcast_to(np.asarray(volume, float), close.shape))
    arrays = (close.copy(), close * (1 + spread), close * (1 - spread), close.copy(), size)
    names = symbols or [f"S{number}" for number in range(close.shape[1])]
    return make_bars(
        names, days.astype("datetime64[ns]"), dict(zip(FIELDS, arrays, strict=True)), Timeframe("1d"), "test"
    )


def walk(rows=400, symbols=4, seed=3):
    """A random walk of open, high, low, close and volume."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(rng.normal(0, 0.02, (rows, symbols)).cumsum(axis=0))
    high, low = close * (1 + rng.random(close.shape) / 50), close * (1 - rng.random(close.shape) / 50)
    bars = bars_of(close)
    volume = rng.integers(1, 1000, close.shape).astype(float)
    arrays = (close.copy(), high, low, close.copy(), volume)
    return make_bars(bars.symbols, bars.times, dict(zip(FIELDS, arrays, strict=True)), bars.timeframe, "test")


def panel_of(text, bars):
    """An expression on a panel, with its tree."""
    tree = parse(text)
    return Panel(Program([tree]), bars), tree


def says(text, bars):
    """yes, no or unknown for each symbol."""
    panel, tree = panel_of(text, bars)
    truth = panel.truth(tree)
    return ["yes" if yes else "no" if no else "unknown" for yes, no in zip(truth.yes, truth.no, strict=True)]


def value(text, bars, column=0):
    """A series of an expression language at the last bar."""
    panel, tree = panel_of(f"{text} > -1e300", bars)
    return panel.last(tree.args[0])[column]


def alerts_of(**tables):
    """Alerts as a file of plan demo has them."""
    return AlertFile.model_validate({"plan": "demo", **tables}).alerts


def rule(when="close > 10", **more):
    (alert,) = alerts_of(rule=[{"name": "rule", "when": when, **more}])
    return alert


def look(bars, prices=None, standings=None, as_of=NOW, universe=None, unpriced=None):
    """A look at a panel with fresh prices of some symbols."""
    known = {symbol: Decimal(str(price)) for symbol, price in (prices or {}).items()}
    return Look("demo", as_of, universe or bars.symbols, bars, known, unpriced or {}, standings or {})


def after(events, standings=None):
    """Where alerts stand after these events."""
    found = {alert: dict(by) for alert, by in (standings or {}).items()}
    for event in events:
        standing = AlertStanding(event.definition, event.step is AlertStep.REARMED, event.at, event.after + 1)
        found.setdefault(event.alert, {})[event.symbol] = standing
    return found
