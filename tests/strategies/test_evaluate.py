"""evaluate-strategies: the last bar of every seat, with failures contained."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.stages.evaluate import evaluate, history_needed, panel_signals
from openbell.strategies.buy_and_hold import BuyAndHold
from openbell.strategies.donchian_breakout import DonchianBreakout
from openbell.strategies.ts_momentum import TimeSeriesMomentum
from openbell.strategies.xs_momentum import CrossSectionalMomentum
from openbell.values.bars import Timeframe, empty_bars
from openbell.values.market import DropCode, Dropped
from openbell.values.signal import Signal, Stance, signal_row
from tests.contracts.panels import bars_of, random_bars
from tests.strategies.told import ALL, SMA, Told, seat


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


# --- a strategy of one's own -------------------------------------------------------------------------------------


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
