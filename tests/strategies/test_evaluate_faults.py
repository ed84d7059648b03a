"""Strategies that fail, write where they may not, or break the contract: each only fails itself."""

import pytest

from openbell import strategies
from openbell.errors import StrategyError
from openbell.plugins import find
from openbell.stages.evaluate import evaluate, panel_signals
from openbell.strategies.base import Strategy
from openbell.strategies.buy_and_hold import BuyAndHold
from openbell.values.signal import Stance
from tests.contracts.panels import bars_of, random_bars
from tests.strategies.told import BAD, SMA, Raises, Told, Writes, WritesBoldly, seat


@pytest.mark.parametrize(("bad", "detail"), BAD, ids=lambda item: type(item).__name__)
def test_D21_a_bad_strategy_only_fails_itself(bad, detail):
    bars = random_bars(20, symbols=2)
    universe = ("S0", "S1")
    good = evaluate([seat(SMA, *universe), seat(BuyAndHold(), *universe)], bars).signals
    found = evaluate([seat(SMA, *universe), seat(bad, *universe, label="bad"), seat(BuyAndHold(), *universe)], bars)
    assert found.signals == good
    (failure,) = found.failures
    assert failure.label == "bad"
    assert detail in failure.detail


@pytest.mark.parametrize("bold", [Writes(), WritesBoldly()], ids=lambda bold: type(bold).__name__)
@pytest.mark.parametrize("universe", [("S0", "S1"), ("S1", "S0")])
def test_D22_a_strategy_that_writes_to_the_panel_changes_nothing(bold, universe):
    bars = random_bars(20, symbols=2)
    before = bars.digest()
    found = evaluate([seat(bold, *universe), seat(SMA, *universe)], bars)
    assert bars.digest() == before
    assert found.signals == evaluate([seat(SMA, *universe)], bars).signals


def test_D22_a_replay_is_as_safe():
    with pytest.raises(StrategyError, match="cannot set WRITEABLE flag"):
        panel_signals(seat(WritesBoldly(), "S0", "S1"), random_bars(20, symbols=2))


def test_interrupts_are_not_contained():
    class Interrupted(Told):
        def signals(self, bars):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate([seat(Interrupted(), "S0")], random_bars(10))


def test_a_replay_is_told_when_any_bar_breaks_the_contract():
    with pytest.raises(StrategyError, match=r"target 5\.0 of told for S1"):
        panel_signals(seat(Told(target=5.0), "S1", label="told"), random_bars(10))
    with pytest.raises(StrategyError, match="ZeroDivisionError"):
        panel_signals(seat(Raises(), "S1"), random_bars(10))


OWN = '''
import numpy as np
from openbell.strategies.base import Strategy
from openbell.values.signal import SignalPanel


class Contrarian(Strategy):
    """Buys what closed lower than the bar before."""

    @property
    def lookback(self):
        return 2

    def signals(self, bars):
        fell = np.full(bars.close.shape, np.nan)
        fell[1:] = np.diff(bars.close, axis=0) < 0
        return SignalPanel(fell, np.where(np.isnan(fell), 0.0, 0.9))

    def reason(self, values):
        return "the last bar decides"
'''


def test_a_file_of_ones_own_works_by_dotted_path(tmp_path, monkeypatch):
    (tmp_path / "contrarian_of_mine.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = find(strategies, Strategy, "contrarian_of_mine.Contrarian", "strategy")
    signals = evaluate([seat(found(), "S0", "S1")], bars_of([[10.0, 10.0], [9.0, 11.0]])).signals
    assert [(s.stance, s.reason) for s in signals] == [
        (Stance.BUY, "the last bar decides"),
        (Stance.SELL, "the last bar decides"),
    ]
