"""evaluate-strategies: the last bar of every seat, with failures contained."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell import strategies
from openbell.errors import StrategyError
from openbell.plugins import discover, find
from openbell.stages.evaluate import Seat, evaluate, history_needed, panel_signals
from openbell.strategies.base import Strategy
from openbell.strategies.buy_and_hold import BuyAndHold
from openbell.strategies.donchian_breakout import DonchianBreakout
from openbell.strategies.sma_crossover import SmaCrossover
from openbell.strategies.ts_momentum import TimeSeriesMomentum
from openbell.strategies.xs_momentum import CrossSectionalMomentum
from openbell.values.bars import Timeframe, empty_bars
from openbell.values.market import DropCode, Dropped
from openbell.values.signal import Signal, SignalPanel, Stance, signal_row
from tests.contracts.panels import bars_of, random_bars

SMA = SmaCrossover(fast=3, slow=8)
ALL = [found() for found in discover(strategies, Strategy).values()]


class Told(Strategy):
    """Says what it is told to: a target, a confidence, some evidence."""

    target: float = 1.0
    confidence: float = 0.8
    evidence: float = 1.0

    @property
    def lookback(self):
        return 2

    def signals(self, bars):
        full = {name: np.full(bars.close.shape, getattr(self, name)) for name in ("target", "confidence", "evidence")}
        return SignalPanel(full["target"], full["confidence"], {"evidence": full["evidence"]})

    def reason(self, values):
        return f"told {values['evidence']:g}"


class Raises(Told):
    def signals(self, bars):
        return 1 / 0


class RaisesLate(Told):
    def reason(self, values):
        raise KeyError("price")


class Nothing(Told):
    def signals(self, bars):
        return None


class Narrow(Told):
    def signals(self, bars):
        return SignalPanel(np.ones((len(bars), 1)), np.ones((len(bars), 1)))


class Writes(Told):
    def signals(self, bars):
        bars.close[:] = 0
        return super().signals(bars)


class WritesBoldly(Told):
    def signals(self, bars):
        bars.close.flags.writeable = True
        return super().signals(bars)


class Wordless(Told):
    def reason(self, values):
        return None


class Talkative(Told):
    def reasons(self, evidence):
        return ["one", "two"] * 50


def seat(strategy: Strategy, *universe: str, label: str = "") -> Seat:
    return Seat(label or strategy.name, strategy, universe)


def test_every_symbol_of_every_seat_gets_its_last_signal_in_order():
    bars = random_bars(60, symbols=4)
    found = evaluate([seat(SMA, "S2", "S0", label="a"), seat(DonchianBreakout(), *bars.symbols, label="b")], bars)
    assert [(s.strategy, s.symbol) for s in found.signals] == [
        ("a", "S2"),
        ("a", "S0"),
        *(("b", symbol) for symbol in bars.symbols),
    ]
    assert not found.failures
    assert not found.warmup


@pytest.mark.parametrize("strategy", ALL, ids=lambda strategy: strategy.name)
def test_the_last_bar_agrees_with_the_whole_panel(strategy):
    bars = random_bars(400, symbols=5, seed=9)
    for stop in (250, 251, 400):
        live = evaluate([seat(strategy, *bars.symbols)], bars.rows(0, stop)).signals
        whole = panel_signals(seat(strategy, *bars.symbols), bars)
        assert np.array_equal([s.target for s in live], whole.target[stop - 1], equal_nan=True)
        assert np.allclose([s.confidence for s in live], whole.confidence[stop - 1], rtol=0, atol=1e-9)


def test_hold_is_a_signal_with_a_reason():
    (signal,) = evaluate([seat(DonchianBreakout(), "S0")], bars_of(np.full((30, 1), 10.0))).signals
    assert signal.stance is Stance.HOLD
    assert signal.confidence == 0
    assert "what is held stays" in signal.reason


def test_reasons_stand_with_their_own_symbol():
    close = np.full((22, 3), 10.0)
    close[-1] = 12, 10, 8
    found = evaluate([seat(DonchianBreakout(), "S2", "S1", "S0")], bars_of(close)).signals
    assert [s.reason.split(" ")[:3] for s in found] == [
        ["close", "8", "below"],
        ["close", "inside", "its"],
        ["close", "12", "above"],
    ]


def test_what_other_seats_need_does_not_change_an_answer():
    bars = random_bars(300, symbols=4)
    alone = evaluate([seat(SMA, *bars.symbols)], bars).signals
    among = evaluate([seat(CrossSectionalMomentum(), *bars.symbols), seat(SMA, *bars.symbols)], bars).signals
    short = evaluate([seat(SMA, *bars.symbols)], bars.tail(SMA.lookback)).signals
    assert alone == among[4:] == short


def test_I18_the_same_bars_give_the_same_signals_to_the_last_bit():
    bars = random_bars(300, symbols=5)
    seats = [seat(strategy, *bars.symbols) for strategy in ALL]
    assert repr(evaluate(seats, bars)) == repr(evaluate(seats, bars))


# --- warm-up ---------------------------------------------------------------------------------------------------


def test_D19_a_young_symbol_gets_no_signal_but_a_report():
    bars = random_bars(60, symbols=3, late=55)
    found = evaluate([seat(SMA, *bars.symbols, label="trend")], bars)
    assert [s.symbol for s in found.signals] == ["S0", "S1"]
    assert found.warmup == (Dropped("S2", DropCode.WARMUP, "trend needs 8 bars, has 5"),)


def test_exactly_enough_bars_are_enough():
    bars = random_bars(60, symbols=3, late=52)
    assert not evaluate([seat(SMA, *bars.symbols)], bars).warmup


def test_a_symbol_that_ended_before_the_last_bar_gets_no_signal():
    bars = random_bars(60, symbols=3, ended=59)
    found = evaluate([seat(SMA, *bars.symbols)], bars)
    assert [s.symbol for s in found.signals] == ["S1", "S2"]
    assert found.warmup[0].detail == "sma_crossover needs 8 bars, has 0"


def test_an_absent_symbol_is_reported_unless_its_absence_is_known():
    bars = random_bars(60, symbols=2)
    found = evaluate([seat(SMA, "S0", "GONE", "LOST")], bars, dropped_symbols=frozenset({"GONE"}))
    assert [s.symbol for s in found.signals] == ["S0"]
    assert [drop.symbol for drop in found.warmup] == ["LOST"]


def test_an_opinion_on_a_young_symbol_is_not_taken():
    bars = random_bars(60, symbols=2, late=59)
    assert [s.symbol for s in evaluate([seat(Told(), *bars.symbols)], bars).signals] == ["S0"]
    panel = panel_signals(seat(Told(), *bars.symbols), bars)
    assert np.isnan(panel.target[59, 1])
    assert panel.confidence[59, 1] == 0
    assert panel.target[1:, 0].tolist() == [1.0] * 59


def test_an_empty_panel_gives_only_warmup():
    found = evaluate([seat(strategy, "A", "B") for strategy in ALL], empty_bars(("A", "B"), Timeframe("1d"), "test"))
    assert not found.signals
    assert not found.failures
    assert len(found.warmup) == 2 * len(ALL)


def test_no_seats_give_nothing():
    assert evaluate([], random_bars(10)).signals == ()
    assert history_needed([]) == 0


def test_the_most_demanding_seat_decides_the_history():
    assert history_needed([seat(SMA), seat(TimeSeriesMomentum(window=30, skip=2)), seat(BuyAndHold())]) == 33


# --- failures ---------------------------------------------------------------------------------------------------

BAD = [
    (Raises(), "ZeroDivisionError: division by zero (test_evaluate.py:"),
    (RaisesLate(), "KeyError: 'price'"),
    (Nothing(), "signals is a NoneType, not a SignalPanel"),
    (Narrow(), "target has shape (1, 1), not (1, 2)"),
    (Told(target=5.0), "target 5.0 of bad for S0 is not in [-1, 1]"),
    (Told(confidence=1.5), "confidence 1.5 of bad for S0 is not in [0, 1]"),
    (Told.model_construct(confidence=math.nan), "confidence nan of bad for S0 is not in [0, 1]"),
    (Told.model_construct(target=math.inf), "target inf of bad for S0"),
    (Told.model_construct(evidence=math.nan), "evidence evidence of bad for S0 is not finite"),
    (Writes(), "ValueError: assignment destination is read-only"),
    (WritesBoldly(), "ValueError: cannot set WRITEABLE flag"),
    (Wordless(), "TypeError: sequence item 1: expected str instance, NoneType found"),
    (Talkative(), "bad gave 100 reasons for 2 opinions"),
]


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


# --- a strategy of one's own -------------------------------------------------------------------------------------

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


# --- many signals at once ----------------------------------------------------------------------------------------

CELL = st.tuples(st.one_of(st.just(math.nan), st.floats(-1, 1)), st.floats(0, 1), st.text(max_size=5))


@settings(max_examples=50, deadline=None)
@given(st.lists(CELL, max_size=8))
def test_a_row_of_signals_equals_signals_built_one_by_one(cells):
    symbols = [f"S{number}" for number in range(len(cells))]
    target, confidence, reasons = zip(*cells, strict=True) if cells else ((), (), ())
    row = signal_row("s", symbols, np.array(target, float), np.array(confidence, float), reasons)
    each = [Signal("s", symbol, *cell) for symbol, cell in zip(symbols, cells, strict=True)]
    assert [repr(signal) for signal in row] == [repr(signal) for signal in each]
    assert [replace(signal, target=0.0) for signal in row] == [replace(signal, target=0.0) for signal in each]
