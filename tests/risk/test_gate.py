"""The fold: order, exemption of exits, one verdict each, limits that hold over any basket."""

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.risk.base import Rule
from openbell.risk.catalog import build_rules
from openbell.risk.gate import judge, sending_order
from openbell.risk.rules.held_quantity import HeldQuantity
from openbell.risk.rules.max_order_quantity import MaxOrderQuantity
from openbell.risk.rules.max_positions import MaxPositions
from openbell.risk.rules.shorting import Shorting
from openbell.values.instrument import Instrument
from openbell.values.orders import Purpose, Side
from openbell.values.verdict import Decision, Ruling
from tests.risk.books import SYMBOLS, a_book, an_exit, an_intent, an_order

D = Decimal
RULES = build_rules({})


def entries(*confidences):
    return [an_intent(symbol=symbol, confidence=c) for symbol, c in zip(SYMBOLS, confidences, strict=False)]


def test_exits_go_first_then_reductions_then_entries_by_confidence():
    exit_, cut = an_exit(confidence=0.1), an_intent("1", "CCC", Side.SELL, Purpose.REDUCE, confidence=0.2)
    low, high = an_intent(symbol="AAA", confidence=0.6), an_intent(symbol="DDD", confidence=0.9)
    tie = an_intent(symbol="AAB", confidence=0.6)
    assert sending_order([tie, low, cut, high, exit_]) == (exit_, cut, high, low, tie)


def test_a_confidence_that_is_no_number_goes_last():
    odd, weak = an_intent(symbol="AAA", confidence=float("nan")), an_intent(symbol="BBB", confidence=0.0)
    assert sending_order([odd, weak]) == (weak, odd)


def test_an_approved_entry_takes_the_last_place():
    verdicts = judge(entries(0.9, 0.8), [MaxPositions(positions=1)], a_book(positions={}))
    assert [v.decision for v in verdicts] == [Decision.APPROVED, Decision.DENIED]
    assert (verdicts[1].rule, verdicts[1].measured, verdicts[1].limit) == ("max_positions", "2", "1")


def test_an_exit_gives_its_place_to_an_entry_of_the_same_run():
    verdicts = judge([an_intent(), an_exit()], [MaxPositions(positions=1)], a_book())
    assert [(v.symbol, v.decision) for v in verdicts] == [("BBB", "approved"), ("AAA", "approved")]


def test_a_denied_intent_changes_nothing_for_the_next():
    weak, strong = an_intent(symbol="AAA", confidence=0.4), an_intent(symbol="CCC", confidence=0.4)
    denied = judge([weak, strong], RULES, a_book())
    assert {v.rule for v in denied} == {"min_confidence"}
    assert [v.rulings[-1].decision for v in denied] == ["denied", "denied"]


def test_X05_an_approval_carries_the_ruling_of_every_rule():
    (verdict,) = judge([an_intent()], RULES, a_book())
    assert [ruling.rule for ruling in verdict.rulings] == [rule.name for rule in RULES]
    assert verdict.decision is Decision.APPROVED
    assert all(ruling.measured and ruling.limit for ruling in verdict.rulings)


def test_X05_a_denial_carries_the_rulings_up_to_the_one_that_decided():
    (verdict,) = judge([an_intent(confidence=0.1)], RULES, a_book())
    assert [ruling.rule for ruling in verdict.rulings][-1] == verdict.rule == "min_confidence"
    assert (verdict.measured, verdict.limit, verdict.quantity) == ("0.1000", "0.5", 0)


def test_the_smallest_of_several_clips_wins_and_is_named():
    rules = [MaxOrderQuantity(quantity=8), MaxOrderQuantity(quantity=3), MaxOrderQuantity(quantity=5)]
    (verdict,) = judge([an_intent("9")], rules, a_book())
    assert (verdict.decision, verdict.quantity, verdict.limit) == (Decision.CLIPPED, 3, "3")
    assert [ruling.quantity for ruling in verdict.rulings] == [8, 3, 3]


def test_what_a_clip_leaves_below_the_smallest_trade_is_denied_with_both_amounts():
    rules = [MaxOrderQuantity(quantity=2), MaxPositions(positions=2)]
    (small,) = judge([an_intent("5")], rules, a_book(), D(300))
    assert (small.decision, small.rule, small.quantity) == (Decision.DENIED, "min_trade", 0)
    assert (small.measured, small.limit) == ("200.00", "300.00")
    assert [ruling.rule for ruling in small.rulings] == ["max_order_quantity", "max_positions", "min_trade"]
    (enough,) = judge([an_intent("5")], rules, a_book(), D(200))
    assert (enough.decision, enough.quantity) == (Decision.CLIPPED, 2)


def test_an_order_that_is_too_small_after_clips_leaves_its_place_to_the_next():
    rules = [MaxOrderQuantity(quantity=2), MaxPositions(positions=2)]
    first, second = an_intent("5", confidence=0.9), an_intent("2", "CCC", confidence=0.6)
    assert [v.decision for v in judge([first, second], rules, a_book(), D(300))] == ["denied", "approved"]


@pytest.mark.parametrize(("purpose", "decision"), [(Purpose.EXIT, "clipped"), (Purpose.REDUCE, "denied")])
def test_an_exit_is_never_too_small_and_a_reduction_is(purpose, decision):
    cut = an_intent("11", "BBB", Side.SELL, purpose)
    (verdict,) = judge([cut], [HeldQuantity()], a_book(), D(2000))
    assert verdict.decision == decision


def test_without_any_rule_nothing_passes():
    (verdict,) = judge([an_intent()], [], a_book())
    assert verdict.decision is Decision.DENIED


@pytest.mark.parametrize("given", ["6", "-1", "0", "NaN", "Infinity"])
def test_a_rule_from_elsewhere_can_neither_raise_a_quantity_nor_return_nonsense(given):
    class Odd(Rule):
        def judge(self, intent, book):
            return Ruling("odd", Decision.APPROVED, "a", "b", D(given))

    (verdict,) = judge([an_intent("5")], [Odd()], a_book())
    assert verdict.quantity == (5 if given == "6" else 0)


def test_I7_what_calls_itself_an_exit_and_is_none_is_judged_as_an_entry():
    false_exit = an_exit("10", "AAA")
    (verdict,) = judge([false_exit], [Shorting()], a_book())
    assert verdict.decision is Decision.DENIED


def test_B18_an_exit_of_more_than_is_held_is_cut_and_then_passes_like_any_exit():
    worn_out = a_book(orders_this_run=99, orders_today=999, equity=D(1))
    (verdict,) = judge([an_exit("11", confidence=0)], RULES, worn_out)
    assert (verdict.decision, verdict.rule, verdict.quantity) == (Decision.CLIPPED, "held_quantity", 10)


@pytest.mark.parametrize(
    "changes",
    [
        {"breaks": {"BBB": "FOREIGN_TRADE"}},
        {"price_ages": {"BBB": timedelta(seconds=60)}},
        {"price_ages": {}},
        {"spreads": {"BBB": D("-0.01")}},
    ],
    ids=["break", "old price", "no price age", "crossed"],
)
def test_B18_an_exit_of_more_than_is_held_is_cut_whatever_holds_back_entries(changes):
    (cut,) = judge([an_exit("11")], RULES, a_book(**changes))
    assert (cut.decision, cut.rule, cut.quantity) == (Decision.CLIPPED, "held_quantity", 10)
    (nothing_held,) = judge([an_exit("11")], RULES, a_book(positions={}, **changes))
    assert nothing_held.decision is Decision.DENIED
    assert nothing_held.rule in ("break_open", "stale_price", "spread")


def test_I7_without_the_rule_that_cuts_an_exit_of_more_than_is_held_is_judged_as_an_entry():
    uncut = [rule for rule in RULES if rule.name != "held_quantity"]
    (verdict,) = judge([an_exit("11")], uncut, a_book(breaks={"BBB": "FOREIGN_TRADE"}))
    assert (verdict.decision, verdict.rule) == (Decision.DENIED, "break_open")


def test_B18_two_exits_of_one_position_never_sell_more_than_is_held():
    first, second = an_exit("7", id="one"), an_exit("7", id="two")
    assert sum(v.quantity for v in judge([first, second], RULES, a_book())) == 10


def test_a_flip_passes_in_two_legs():
    rules = build_rules({"shorting": True})
    close, open_ = an_exit("10"), an_intent("5", "BBB", Side.SELL, leg=1)
    assert [v.decision for v in judge([open_, close], rules, a_book())] == ["approved", "approved"]


def test_a_second_entry_of_the_same_kind_in_one_run_is_a_duplicate():
    verdicts = judge([an_intent(id="one"), an_intent(id="two")], RULES, a_book())
    assert [v.rule for v in verdicts] == ["gate", "duplicate_order"]


amounts = st.decimals("1", "400", places=1)


@st.composite
def baskets(draw):
    """A book and a basket of entries and exits over seven symbols."""
    prices = {symbol: draw(st.decimals("1", "300", places=2)) for symbol in SYMBOLS}
    held = draw(st.dictionaries(st.sampled_from(SYMBOLS[:4]), st.integers(-20, 20).map(D), max_size=3))
    orders = draw(st.lists(st.builds(an_order, st.sampled_from(SYMBOLS), st.sampled_from(Side)), max_size=3))
    whole = draw(st.booleans())
    intents = []
    for symbol in draw(st.lists(st.sampled_from(SYMBOLS), unique=True, min_size=1)):
        side, purpose = draw(st.sampled_from(Side)), draw(st.sampled_from(Purpose))
        confidence = draw(st.floats(0.4, 1))
        priced = {"reference": prices[symbol], "confidence": confidence, "id": symbol}
        intents.append(replace(an_intent(symbol=symbol, side=side, purpose=purpose, **priced), quantity=draw(amounts)))
    instruments = {symbol: Instrument(symbol, fractionable=not whole) for symbol in SYMBOLS}
    book = a_book(prices=prices, positions=held, open_orders=tuple(orders), instruments=instruments)
    return book, intents


LIMITS = {
    "max_position_weight": 0.3,
    "max_gross_exposure": 0.8,
    "max_net_exposure": 0.4,
    "max_order_notional": 2500,
    "max_orders_per_run": 4,
    "shorting": True,
}


def fold(book, intents, verdicts):
    by_id = {intent.id: intent for intent in intents}
    for verdict in verdicts:
        if verdict.quantity:
            intent = by_id[verdict.intent_id]
            book = book.after(replace(intent, quantity=verdict.quantity), verdict.quantity)
    return book


@settings(max_examples=200, deadline=None)
@given(basket=baskets())
def test_I7_no_basket_takes_the_account_beyond_a_limit_that_it_was_within(basket):
    book, intents = basket
    verdicts = judge(intents, build_rules(LIMITS), book)
    after = fold(book, intents, verdicts)
    equity, dust = book.equity, D("1e-6")
    assert after.gross <= max(book.gross, D("0.8") * equity) + dust
    assert after.totals.occupied <= max(book.totals.occupied, 5)
    assert after.buying_power >= 0
    bought = [v for v in verdicts if v.quantity and not _shrinks(book, intents, v)]
    if not any(v.quantity and v not in bought for v in verdicts):
        for side in Side:
            assert after.net_reach(side) <= max(book.net_reach(side), D("0.4") * equity) + dust
    for verdict in bought:
        cost = verdict.quantity * book.prices[verdict.symbol]
        assert cost <= 2500
        side = next(i.side for i in intents if i.id == verdict.intent_id)
        assert after.reach(verdict.symbol, side) <= D("0.3") * equity + dust
    assert len(bought) <= 4


def _shrinks(book, intents, verdict):
    intent = next(i for i in intents if i.id == verdict.intent_id)
    return book.shrinks(replace(intent, quantity=verdict.quantity))


@settings(max_examples=100, deadline=None)
@given(basket=baskets())
def test_I7_an_exit_leaves_a_position_on_its_side_of_zero(basket):
    book, intents = basket
    exits = [intent for intent in intents if intent.purpose is not Purpose.ENTRY]
    after = fold(book, exits, judge(exits, RULES, book))
    for symbol in SYMBOLS:
        before, now = book.held(symbol), after.held(symbol)
        assert now * before >= 0
        assert abs(now) <= abs(before)


@settings(max_examples=100, deadline=None)
@given(basket=baskets())
def test_clipping_only_reduces_and_keeps_whole_steps(basket):
    book, intents = basket
    asked = {intent.id: intent for intent in intents}
    for verdict in judge(intents, build_rules(LIMITS), book):
        assert 0 <= verdict.quantity <= asked[verdict.intent_id].quantity
        assert verdict.quantity % book.instruments[verdict.symbol].step == 0
        assert (verdict.quantity == 0) is (verdict.decision is Decision.DENIED)


@settings(max_examples=60, deadline=None)
@given(basket=baskets(), seed=st.integers(0, 100))
def test_I18_the_order_of_the_intents_does_not_matter(basket, seed):
    book, intents = basket
    mixed = random.Random(seed).sample(intents, len(intents))
    assert judge(mixed, RULES, book) == judge(intents, RULES, book)


@settings(max_examples=100, deadline=None)
@given(basket=baskets())
def test_the_running_sums_are_those_of_a_book_counted_anew(basket):
    book, intents = basket
    after = fold(book, intents, judge(intents, build_rules(LIMITS), book))
    anew = a_book(
        prices=after.prices, positions=after.positions, open_orders=after.open_orders, instruments=after.instruments
    )
    assert (anew.gross, anew.net, anew.totals.occupied) == (after.gross, after.net, after.totals.occupied)


def test_a_book_is_not_changed_by_what_comes_after_it():
    book = a_book()
    after = book.after(an_intent(), D(3))
    assert (after.held("AAA"), after.orders_this_run, after.orders_today, after.cash) == (3, 1, 1, 8700)
    assert ("AAA", "buy") in after.recent
    assert book == a_book()
    assert book.after(an_intent(), D(0)) is book


def test_B19_pending_is_the_worse_side_of_the_open_orders():
    both = a_book(open_orders=(an_order("BBB", Side.BUY, "3"), an_order("BBB", Side.SELL, "30")))
    assert both.pending("BBB") == -30
    assert both.gross == 2000
    assert a_book(open_orders=(an_order("BBB", Side.BUY, "3", filled="1"),)).pending("BBB") == 2
