"""Why a run traded, and why it did not: one answer for every symbol of every record."""

from decimal import Decimal

import pytest

from openbell.errors import InputError
from openbell.stages.explain import explain
from openbell.stages.trace import Said, Seen, SymbolTrace
from openbell.values.market import DropCode, Dropped
from openbell.values.orders import OrderState
from openbell.values.record import Outcome, RunRecord
from openbell.values.signal import Signal, Stance
from openbell.values.verdict import Decision, NoTrade, Unplaced
from tests.stages.records import (
    GUARDS,
    LAST_BAR,
    UNIVERSE,
    dry_record,
    failed_record,
    order_record,
    quiet_record,
    sample_data,
    sample_record,
    skipped_record,
)


def one(record: RunRecord, symbol: str) -> SymbolTrace:
    """The trace of one symbol."""
    (trace,) = explain(record, symbol).symbols
    return trace


def test_every_symbol_of_the_plan_is_answered_in_its_order():
    trace = explain(sample_record())
    assert [symbol.symbol for symbol in trace.symbols] == list(UNIVERSE)
    assert all(symbol.because.endswith(".") for symbol in trace.symbols)
    assert trace.because.startswith("completed: 3 orders")


def test_a_symbol_outside_the_plan_that_is_held_is_answered_too():
    held = sample_record().holdings[0].model_copy(update={"symbol": "ZZZ"})
    trace = one(sample_record(holdings=(held,)), "ZZZ")
    assert trace.data.seen is Seen.NOT_ASKED
    assert trace.because == "ZZZ was not traded: no enabled strategy of the plan looks at it."


def test_unknown_symbol_is_an_error_that_names_those_there_are():
    with pytest.raises(InputError) as error:
        explain(sample_record(), "aapl")
    assert str(error.value) == (
        "symbol 'aapl' is not in run 0a1b2c3d; did you mean 'AAPL'?; there are AAPL, FB, GOOG, IBM, MSFT"
    )


def test_error_about_an_unknown_symbol_of_a_large_run_stays_short():
    signals = tuple(Signal("sma_crossover", f"S{number}", 1.0, 0.5, "up") for number in range(500))
    with pytest.raises(InputError, match=r"and 485 more$"):
        explain(sample_record(signals=signals), "Q" * 1000)


def test_unknown_symbol_in_a_run_without_any_says_none():
    with pytest.raises(InputError, match="there are none"):
        explain(failed_record(plan_body={}), "AAPL")


# --- trades --------------------------------------------------------------------------------------------------


def test_filled_order_is_traced_through_every_stage():
    trace = one(sample_record(), "AAPL")
    assert (trace.data.seen, trace.data.last_bar, trace.data.bar_age) == (Seen.IN_PANEL, LAST_BAR, 63301.0)
    assert trace.data.quote is not None
    assert (trace.data.quote.bid, trace.data.quote_age) == (Decimal("149.98"), 2.0)
    said = [(step.strategy, step.said, step.stance, step.target, step.confidence) for step in trace.signals]
    assert said == [
        ("sma_crossover", Said.SIGNAL, Stance.BUY, 1.0, 0.8),
        ("rsi", Said.SIGNAL, Stance.HOLD, None, 0.0),
    ]
    (leg,) = trace.legs
    assert leg.intent is not None
    assert leg.verdict is not None
    assert leg.order is not None
    assert [ruling.rule for ruling in leg.verdict.rulings] == ["min_confidence"]
    assert (leg.order.state, [fill.quantity for fill in leg.fills]) == (OrderState.FILLED, [Decimal(12)])
    assert trace.because == "AAPL: the buy of 12 was filled at 150.0213. Asked for by sma_crossover (+12)."


def test_clipped_order_says_who_cut_it_and_why():
    trace = one(sample_record(), "GOOG")
    assert trace.legs[0].verdict is not None
    assert [ruling.decision for ruling in trace.legs[0].verdict.rulings] == [Decision.APPROVED, Decision.CLIPPED]
    assert trace.because == (
        "GOOG: the buy of 8 was cut to 3 by max_order_notional (measured 4842.00, limit 2000.00) and is working with "
        "2 of 3 filled at 605.30. Asked for by sma_crossover (+5) and rsi (+3)."
    )


ENDS = {
    OrderState.PLANNED: "was planned and not sent.",
    OrderState.APPROVED: "was allowed and not sent.",
    OrderState.SENDING: "was being sent when the run ended, so its outcome is unknown.",
    OrderState.UNKNOWN: "has an unknown outcome and is looked up, never blindly sent again.",
    OrderState.ACKED: "is with the broker and not filled yet.",
    OrderState.PARTIAL: "is working with 5 of 12 filled at 150.10.",
    OrderState.PENDING_CANCEL: "is being cancelled with 5 of 12 filled at 150.10.",
    OrderState.FILLED: "was filled at 150.10.",
    OrderState.CANCELED: "was cancelled with 5 of 12 filled at 150.10.",
    OrderState.EXPIRED: "expired with 5 of 12 filled at 150.10.",
    OrderState.REJECTED: "was rejected by the broker.",
    OrderState.DENIED: "was denied.",
    OrderState.ABANDONED: "was allowed and not sent.",
}


@pytest.mark.parametrize("state", list(OrderState))
def test_every_order_state_ends_in_a_sentence(state):
    record = order_record(state, filled=Decimal(5), average_price=Decimal("150.1"))
    assert one(record, "AAPL").because == f"AAPL: the buy of 12 {ENDS[state]} Asked for by sma_crossover (+12)."


def test_reason_of_the_broker_is_part_of_the_answer():
    because = one(order_record(OrderState.REJECTED, reason="FUNDS: 900.00 left"), "AAPL").because
    assert because.startswith("AAPL: the buy of 12 was rejected by the broker: FUNDS: 900.00 left.")


def test_fill_without_a_price_is_unknown_and_not_zero():
    because = one(order_record(OrderState.FILLED, filled=Decimal(12)), "AAPL").because
    assert because.startswith("AAPL: the buy of 12 was filled at unknown.")


def test_cancelled_order_without_a_fill_says_so():
    because = one(order_record(OrderState.CANCELED), "AAPL").because
    assert because.startswith("AAPL: the buy of 12 was cancelled with nothing filled.")


def test_order_without_intent_or_verdict_is_still_answered():
    record = order_record(OrderState.FILLED, filled=Decimal(12), average_price=Decimal(150))
    lone = record.model_copy(update={"intents": (), "verdicts": ()})
    assert one(lone, "AAPL").because == "AAPL: the buy of 12 was filled at 150.00."


def test_verdict_alone_is_still_answered():
    record = order_record(OrderState.FILLED).model_copy(update={"intents": (), "orders": ()})
    because = "AAPL: the order of 12 was allowed and not sent, because the record holds no order for it."
    assert one(record, "AAPL").because == because


# --- no trades -----------------------------------------------------------------------------------------------


def test_denied_order_says_rule_value_and_limit():
    because = "IBM: the sell of 20 was denied by max_price_age (measured quote unknown, limit 10 s)."
    assert one(sample_record(), "IBM").because == because
    assert one(dry_record(), "IBM").because == because


def test_dropped_symbol_says_what_was_wrong_with_its_data():
    trace = one(sample_record(), "FB")
    assert (trace.data.seen, trace.data.code, trace.data.last_bar) == (Seen.DROPPED, "DATA_STALE", None)
    assert {step.said for step in trace.signals} == {Said.NO_DATA}
    detail = "DATA_STALE: last bar 2026-11-16, wanted 2026-11-23"
    assert trace.because == f"FB was not traded: its data were left out ({detail})."


UNPLACED = {
    NoTrade.HOLD: "no strategy has an opinion on it",
    NoTrade.AT_TARGET: "the position already is what the strategies want",
    NoTrade.NO_PRICE: "its price is unknown",
    NoTrade.BELOW_MIN_TRADE: "the trade would be below the plan's minimum",
    NoTrade.ZERO: "the quantity comes to zero",
    NoTrade.NOT_TRADABLE: "the venue does not trade it",
}


@pytest.mark.parametrize("code", list(NoTrade))
def test_every_reason_for_no_order_is_a_sentence(code):
    record = quiet_record(unplaced=(Unplaced("AAPL", code, "so it is"), Unplaced("IBM", code, "")))
    assert one(record, "AAPL").because == f"AAPL was not traded: {UNPLACED[code]} (so it is)."
    assert one(record, "IBM").because == f"IBM was not traded: {UNPLACED[code]}."


def test_symbol_too_young_for_every_strategy_says_how_much_is_missing():
    young = (
        Dropped("GOOG", DropCode.WARMUP, "sma_crossover needs 30 bars, has 12"),
        Dropped("GOOG", DropCode.WARMUP, "rsi needs 20 bars, has 12"),
    )
    trace = one(quiet_record(data=sample_data(dropped=young)), "GOOG")
    assert trace.data.seen is Seen.IN_PANEL
    assert [step.said for step in trace.signals] == [Said.WARMUP, Said.WARMUP]
    assert trace.because == (
        "GOOG was not traded: no strategy gave a signal (sma_crossover has too little history: sma_crossover needs "
        "30 bars, has 12 and rsi has too little history: rsi needs 20 bars, has 12)."
    )


def test_failed_strategy_is_told_apart_from_a_silent_one():
    notes = ("AAPL: 1 doubled bar", "strategy sma_crossover failed: ZeroDivisionError: float division")
    trace = one(quiet_record(data=sample_data(notes=notes)), "GOOG")
    assert [step.said for step in trace.signals] == [Said.FAILED, Said.NOTHING]
    assert trace.because == (
        "GOOG was not traded: no strategy gave a signal "
        "(sma_crossover failed: ZeroDivisionError: float division and rsi has no opinion)."
    )


def test_strategy_is_only_listed_for_the_symbols_that_it_looks_at():
    assert [step.strategy for step in one(sample_record(), "IBM").signals] == ["sma_crossover"]
    assert [step.strategy for step in one(sample_record(), "FB").signals] == ["sma_crossover", "rsi"]


def test_disabled_strategy_is_not_asked():
    body = sample_record().plan_body
    body["strategies"][0]["enabled"] = False
    record = quiet_record(plan_body=body, signals=())
    assert [step.strategy for step in one(record, "GOOG").signals] == ["rsi"]
    assert one(record, "MSFT").because == "MSFT was not traded: no enabled strategy of the plan looks at it."


@pytest.mark.parametrize("guard", GUARDS)
def test_B03_skipped_run_answers_every_symbol_with_the_guard(guard):
    trace = explain(skipped_record(guard, "CODE", "words of the guard"))
    assert [(step.name, step.passed) for step in trace.guards][-1] == (guard, False)
    assert [step.name for step in trace.guards] == list(GUARDS[: GUARDS.index(guard) + 1])
    assert [symbol.symbol for symbol in trace.symbols] == list(UNIVERSE)
    for symbol in trace.symbols:
        assert symbol.data.seen is Seen.NOT_FETCHED
        because = f"{symbol.symbol} was not traded: the guard {guard} stopped the run (words of the guard)."
        assert symbol.because == because


def test_failed_run_answers_every_symbol_with_its_reason():
    because = "AAPL was not traded: the run ended as failed (sample did not answer within 60 s)."
    assert one(failed_record(), "AAPL").because == because
    assert one(failed_record(data=sample_data()), "AAPL").signals[0].said is Said.NOT_ASKED


def test_run_that_broke_off_before_sending_says_so():
    record = dry_record(dry_run=False, outcome=Outcome.INTERRUPTED, message="killed")
    because = "the buy of 12 was allowed and not sent, because the run ended as interrupted before that (killed)."
    assert because in one(record, "AAPL").because


def test_dry_run_says_that_nothing_was_sent():
    because = one(dry_record(), "GOOG").because
    assert "was cut to 3 by max_order_notional" in because
    assert "and was not sent, because this was a dry run." in because


# --- for machines and for terminals --------------------------------------------------------------------------
