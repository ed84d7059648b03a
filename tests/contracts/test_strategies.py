"""The contract on every strategy that is found, and proof that its checks catch what they are for."""

from datetime import date

import numpy as np
import pytest

from openbell import strategies
from openbell.plugins import discover
from openbell.strategies.base import Strategy
from openbell.strategies.buy_and_hold import BuyAndHold
from openbell.strategies.donchian_breakout import DonchianBreakout
from openbell.strategies.rsi_reversion import RsiReversion
from openbell.strategies.sma_crossover import SmaCrossover
from openbell.strategies.ts_momentum import TimeSeriesMomentum
from openbell.strategies.xs_momentum import CrossSectionalMomentum
from openbell.values.signal import SignalPanel
from tests.contracts.panels import random_bars
from tests.contracts.strategy_contract import StrategyContract, check_causal, check_history, check_values

FOUND = discover(strategies, Strategy)
SAMPLES = [
    *(found() for found in FOUND.values()),
    SmaCrossover(fast=1, slow=2),
    SmaCrossover(fast=5, slow=30, short=True),
    TimeSeriesMomentum(window=10, skip=0, short=True),
    CrossSectionalMomentum(window=3, skip=1, top=0.5, short=True),
    CrossSectionalMomentum(window=1, skip=0),
    RsiReversion(window=2, short=True),
    RsiReversion(window=10, oversold=45, exit_above=46),
    DonchianBreakout(entry=1, exit=1),
    DonchianBreakout(entry=8, exit=4),
    *(BuyAndHold(rebalance=every, acting=2) for every in ("daily", "weekly", "monthly", "quarterly")),
    BuyAndHold(rebalance="never", since=date(2020, 1, 15), acting=1),
]


class TestFoundStrategies(StrategyContract):
    @pytest.fixture(params=SAMPLES, ids=lambda sample: f"{sample.name}-{sample!r}".partition("-")[2][:60])
    def strategy(self, request):
        return request.param


def test_the_six_strategies_are_found_by_their_file_names():
    assert set(FOUND) >= {
        "sma_crossover",
        "ts_momentum",
        "xs_momentum",
        "rsi_reversion",
        "donchian_breakout",
        "buy_and_hold",
    }


class Flawed(Strategy):
    """A close above its neighbour, ``step`` rows away: below zero it looks ahead."""

    step: int = 1
    claims: int = 2

    @property
    def lookback(self):
        return self.claims

    def signals(self, bars):
        target = np.where(bars.close > np.roll(bars.close, self.step, axis=0), 1.0, 0.0)
        target[: self.claims - 1] = np.nan
        return SignalPanel(target, np.where(np.isnan(target), 0.0, 0.7))

    def reason(self, values):
        return "above its neighbour"


def test_X16_a_planted_look_ahead_is_caught():
    with pytest.raises(AssertionError, match="looks ahead"):
        check_causal(Flawed(step=-1), random_bars(60, symbols=3))


def test_an_honest_neighbour_passes():
    check_causal(Flawed(), random_bars(60, symbols=3))
    check_history(Flawed(), random_bars(60, symbols=3))


def test_too_little_declared_history_is_caught():
    with pytest.raises(AssertionError, match="depends on older"):
        check_history(Flawed(step=4, claims=2), random_bars(60, symbols=3))


def test_a_normalisation_over_the_whole_panel_is_caught():
    class Normalised(Flawed):
        def signals(self, bars):
            target = np.where(bars.close > bars.close.mean(axis=0), 1.0, 0.0)
            return SignalPanel(target, np.full(target.shape, 0.7))

    with pytest.raises(AssertionError, match="looks ahead"):
        check_causal(Normalised(claims=1), random_bars(60, symbols=3))


@pytest.mark.parametrize(
    ("target", "confidence", "complaint"),
    [(5.0, 0.5, "target"), (1.0, np.nan, "confidence"), (1.0, 1.5, "confidence"), (np.nan, 0.5, "without an opinion")],
)
def test_values_out_of_bounds_are_caught(target, confidence, complaint):
    class Garbage(Flawed):
        def signals(self, bars):
            return SignalPanel(np.full(bars.close.shape, target), np.full(bars.close.shape, confidence))

    with pytest.raises(AssertionError, match=complaint):
        check_values(Garbage(claims=1), random_bars(20, symbols=2))
