"""What a rule clears beforehand, the gate approves: whole, one intent after the other, in any order of entries."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.plugins import discover
from openbell.ports import Capabilities
from openbell.risk import rules
from openbell.risk.base import Rule
from openbell.risk.gate import judge
from openbell.values.instrument import Instrument
from openbell.values.orders import OrderType, Purpose, Side, TimeInForce
from openbell.values.verdict import Decision
from tests.replay.blocks import Case, block_of
from tests.risk.books import SYMBOLS, a_book, an_exit, an_intent

RULES = discover(rules, Rule)
#: Main values that the drawn slots break about as often as they keep them.
LIMITS = {
    "allowed_symbols": st.sampled_from([(), ("AAA", "BBB"), SYMBOLS]),
    "buying_power": st.decimals("0", "0.5", places=2),
    "daily_loss_halt": st.decimals("0.01", "1", places=2),
    "drawdown_halt": st.decimals("0.01", "1", places=2),
    "max_gross_exposure": st.decimals("0.1", "3", places=2),
    "max_leverage": st.decimals("1", "3", places=2),
    "max_net_exposure": st.decimals("0.1", "3", places=2),
    "max_order_notional": st.decimals("1", "5000", places=2),
    "max_order_quantity": st.decimals("0.5", "30", places=1),
    "max_orders_per_day": st.integers(0, 8),
    "max_orders_per_minute": st.integers(0, 2),
    "max_orders_per_run": st.integers(0, 4),
    "max_position_weight": st.decimals("0.01", "1", places=2),
    "max_positions": st.integers(0, 6),
    "min_confidence": st.floats(0, 1),
    "price_collar": st.decimals("0.001", "0.1", places=3),
    "shorting": st.booleans(),
    "spread": st.decimals("0.0005", "0.01", places=4),
    "stale_price": st.floats(0.5, 20),
}

quantities = st.one_of(st.decimals("0.5", "60", places=1), st.integers(1, 40).map(Decimal), st.just(Decimal("7.25")))
prices = st.one_of(st.decimals("0.5", "400", places=2), st.just(Decimal(100)))
amounts = st.one_of(st.decimals("1000", "30000", places=2), st.just(Decimal(10000)))
seldom = st.integers(0, 11).map(lambda drawn: drawn == 0)
confidences = st.one_of(st.floats(0, 1), st.just(0.5), st.just(float("nan")))


@st.composite
def intents(draw, held: Decimal, symbol: str):
    """One order of a symbol, or an exit and an entry that turns it."""
    more = {"confidence": draw(confidences), "reference": draw(prices)}
    if held and draw(st.booleans()):
        side = Side.SELL if held > 0 else Side.BUY
        part = abs(held) if draw(st.booleans()) else draw(quantities)
        leave = an_exit(str(part), symbol, side, **more)
        turn = an_intent(str(draw(quantities)), symbol, side, leg=1, **more)
        return (leave, turn) if draw(st.booleans()) else (leave,)
    purpose = Purpose.REDUCE if draw(seldom) else Purpose.ENTRY
    return (an_intent(str(draw(quantities)), symbol, draw(st.sampled_from(Side)), purpose, **more),)


@st.composite
def slots(draw, shared):
    """A book in which now and then something is unknown, and the orders of a few symbols."""
    signed = st.one_of(st.just(Decimal(0)), quantities, quantities.map(lambda quantity: -quantity))
    held = {symbol: draw(signed) for symbol in SYMBOLS[:4]}
    known = [symbol for symbol in SYMBOLS if not draw(seldom)]
    book = a_book(
        **shared,
        equity=None if draw(seldom) else draw(amounts),
        buying_power=Decimal("NaN") if draw(seldom) else draw(amounts),
        positions={symbol: quantity for symbol, quantity in held.items() if quantity},
        prices={symbol: draw(prices) for symbol in known},
        price_ages={symbol: timedelta(seconds=draw(st.integers(-1, 15))) for symbol in SYMBOLS if not draw(seldom)},
        spreads={symbol: Decimal(draw(st.integers(-1, 12))) / 2000 for symbol in SYMBOLS if not draw(seldom)},
        equity_at_open=None if draw(seldom) else draw(amounts),
        peak_equity=None if draw(seldom) else draw(amounts),
        orders_today=draw(st.integers(0, 6)),
        recent=frozenset({("AAA", "buy")}) if draw(seldom) else frozenset(),
    )
    wanted = draw(st.lists(st.sampled_from(SYMBOLS[:6]), max_size=4, unique=True))
    return Case(book, tuple(i for symbol in wanted for i in draw(intents(held.get(symbol, Decimal(0)), symbol))))


@st.composite
def markets(draw):
    """What the slots of one block share."""
    terms = st.sampled_from([frozenset(TimeInForce), frozenset({TimeInForce.GTC})])
    venue = Capabilities(
        True,
        draw(st.booleans()),
        draw(st.booleans()),
        frozenset(OrderType) if not draw(seldom) else frozenset({OrderType.LIMIT}),
        terms=frozenset(TimeInForce) if not draw(seldom) else draw(terms),
        min_notional=draw(st.sampled_from([Decimal(0), Decimal(0), Decimal(500)])),
    )
    return {
        "capabilities": venue,
        "instruments": {symbol: draw(instruments(symbol)) for symbol in SYMBOLS if not draw(seldom)},
        "breaks": draw(st.sampled_from([{}, {}, {"AAA": "unknown order"}, {"": "everything"}])),
        "currency": draw(st.sampled_from(["USD", "USD", "USD", "EUR", ""])),
    }


@st.composite
def instruments(draw, symbol: str) -> Instrument:
    calm = Instrument(symbol)
    return replace(
        calm,
        asset_class="crypto" if draw(seldom) else "equity",
        currency="EUR" if draw(seldom) else "USD",
        lot=draw(st.sampled_from([Decimal(1), Decimal(1), Decimal(5)])),
        fractionable=draw(st.booleans()),
        tradable=not draw(seldom),
        shortable=not draw(seldom),
        max_leverage=draw(st.sampled_from([Decimal(1), Decimal(4)])),
    )


@st.composite
def blocks(draw):
    shared = draw(markets())
    return draw(st.lists(slots(shared), min_size=1, max_size=4))


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_whatever_a_rule_clears_the_gate_approves_whole(name, data):
    found = RULES[name]
    rule = found(**{found.main: data.draw(LIMITS[name])}) if name in LIMITS else found()
    cases = data.draw(blocks())
    cleared = rule.clears(block_of(cases))
    assert cleared.shape == (len(cases),)
    assert cleared.dtype == np.bool_
    for case, clear in zip(cases, cleared.tolist(), strict=True):
        if clear:
            verdicts = judge(case.intents, [rule], case.book)
            assert {v.decision for v in verdicts} <= {Decision.APPROVED}, (rule, case)


@settings(max_examples=80, deadline=None)
@given(cases=blocks())
def test_what_all_rules_clear_all_rules_together_approve(cases):
    every = [found() for found in RULES.values()]
    cleared = np.logical_and.reduce([rule.clears(block_of(cases)) for rule in every])
    for case, clear in zip(cases, cleared.tolist(), strict=True):
        if clear:
            assert {v.decision for v in judge(case.intents, every, case.book)} <= {Decision.APPROVED}


@pytest.mark.parametrize("name", RULES)
def test_a_calm_slot_is_cleared(name):
    calm = Case(a_book(), (an_exit("10"), an_intent("5", "AAA"), an_intent("3", "CCC")))
    assert RULES[name]().clears(block_of([calm])).tolist() == [True]


@pytest.mark.parametrize("name", RULES)
def test_one_slot_that_breaks_a_limit_does_not_hold_back_its_neighbours(name):
    calm = Case(a_book(), (an_intent("5", "AAA"),))
    wild = Case(
        a_book(
            equity=Decimal(10),
            buying_power=Decimal(1),
            spreads={},
            price_ages={},
            orders_today=10**6,
            recent=frozenset({("AAA", "buy")}),
            instruments=a_book().instruments,
        ),
        (an_intent("100000", "AAA", confidence=0.0, reference=Decimal(900)),),
    )
    assert RULES[name]().clears(block_of([calm, wild, calm])).tolist()[::2] == [True, True]


def test_a_rule_that_says_nothing_of_blocks_clears_none():
    class Elsewhere(Rule):
        def judge(self, intent, book):
            return self.allow(intent, "anything", "nothing")

    assert Elsewhere().clears(block_of([Case(a_book(), ())])).tolist() == [False]


def test_a_rule_that_judges_more_strictly_than_its_parent_does_not_clear_what_the_parent_does():
    class NothingInTheMorning(RULES["max_positions"]):
        def judge(self, intent, book):
            return self.deny("morning", "afternoon")

    calm = block_of([Case(a_book(), (an_intent("5"),))])
    assert RULES["max_positions"]().clears(calm).tolist() == [True]
    assert NothingInTheMorning().clears(calm).tolist() == [False]


@pytest.mark.parametrize("quantity", ["30", "30.5", "29.999999999", "30.000000001"])
def test_a_whole_quantity_may_be_at_its_limit(quantity):
    rule = RULES["max_order_quantity"](quantity=30)
    case = Case(a_book(), (an_intent(quantity),))
    assert rule.clears(block_of([case])).tolist() == [Decimal(quantity) <= 30]
