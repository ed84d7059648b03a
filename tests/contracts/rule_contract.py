"""What every risk rule promises (``openbell.risk.base``), as a suite to subclass.

A plug-in's own suite subclasses ``RuleContract`` and gives it a ``rule`` fixture whose limits the calm book of
``tests.risk.books`` satisfies.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openbell.risk.base import Rule
from openbell.risk.book import Book
from openbell.risk.gate import judge
from openbell.values.orders import OrderIntent, OrderType, Purpose, Side
from openbell.values.verdict import Decision, Ruling
from tests.risk.books import SYMBOLS, a_book, an_exit, an_intent, an_order

#: A buy, a sale of part of what is held, a limit order and an exit, all inside every default limit.
CALM = (
    an_intent("5"),
    an_intent("4", "BBB", Side.SELL, Purpose.ENTRY),
    an_intent("5", type=OrderType.LIMIT, limit_price=Decimal(100)),
    an_exit("10"),
)
BAD = (
    None,
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("-Infinity"),
    Decimal("1e999999"),
    Decimal("1e-999999"),
)
BAD_PRICES = (*BAD, Decimal(0), Decimal(-1))


def _without(mapping, symbol):
    return {key: value for key, value in mapping.items() if key != symbol}


def _bad_price(book: Book, symbol: str, price) -> Book:
    return a_book(prices=_without(book.prices, symbol) if price is None else {**book.prices, symbol: price})


def _open(quantity) -> tuple:
    return tuple(replace(an_order(symbol, side), quantity=quantity) for symbol in ("AAA", "BBB") for side in Side)


def spoiled(name: str) -> list[tuple[Book, dict]]:
    """Calm books, and changes to the intent, in which one input is missing or makes no sense."""
    calm = a_book()
    if name in ("equity", "equity_at_open", "peak_equity", "buying_power"):
        return [(a_book(**{name: value}), {}) for value in BAD]
    if name == "confidence":
        return [(calm, {"confidence": value}) for value in (float("nan"), float("inf"), float("-inf"))]
    if name == "reference":
        return [(calm, {"reference": value}) for value in BAD if value is not None]
    return [(book, {}) for book in _spoiled_by_symbol(calm, name)]


def _spoiled_by_symbol(calm: Book, name: str) -> list[Book]:
    ours = ("AAA", "BBB")
    if name == "price":
        books = [a_book(prices=dict.fromkeys(SYMBOLS, price)) for price in BAD_PRICES if price is not None]
        return [*books, a_book(prices={})]
    if name == "other_price":
        held = {**calm.positions, "CCC": Decimal(1)}
        priced = [_bad_price(calm, "CCC", price).prices for price in BAD_PRICES]
        return [a_book(positions=held, prices=prices) for prices in priced]
    if name == "price_age":
        return [a_book(price_ages={}), a_book(price_ages=dict.fromkeys(SYMBOLS, timedelta(seconds=-1)))]
    if name == "spread":
        return [
            a_book(spreads={}),
            *(a_book(spreads=dict.fromkeys(SYMBOLS, bad)) for bad in BAD_PRICES if bad is not None),
        ]
    if name == "instrument":
        return [a_book(instruments=_without(_without(calm.instruments, "AAA"), "BBB"))]
    if name == "position":
        return [a_book(positions=dict.fromkeys(ours, value)) for value in BAD if value is not None]
    if name == "open_order":
        return [a_book(open_orders=_open(value)) for value in (*(v for v in BAD if v is not None), Decimal(-1))]
    raise AssertionError(f"{name} is not an input that a rule may need")


INPUTS = (
    "equity",
    "equity_at_open",
    "peak_equity",
    "buying_power",
    "confidence",
    "reference",
    "price",
    "other_price",
    "price_age",
    "spread",
    "instrument",
    "position",
    "open_order",
)

finite = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**6), max_value=10**6)
hostile = st.one_of(finite, st.sampled_from([value for value in BAD if value is not None]))
perhaps = st.one_of(st.none(), hostile)


@st.composite
def hostile_books(draw) -> Book:
    """Books in which anything may be missing, infinite, absurd or of the wrong sign."""
    by_symbol = st.dictionaries(st.sampled_from(SYMBOLS[:3]), hostile, max_size=3)
    orders = st.lists(st.builds(an_order, st.sampled_from(SYMBOLS[:3]), st.sampled_from(Side)), max_size=3)
    calm = a_book()
    return a_book(
        cash=draw(hostile),
        equity=draw(perhaps),
        buying_power=draw(perhaps),
        positions=draw(by_symbol),
        prices=draw(by_symbol),
        price_ages=draw(st.dictionaries(st.sampled_from(SYMBOLS[:3]), st.timedeltas(), max_size=3)),
        open_orders=tuple(replace(order, quantity=draw(hostile)) for order in draw(orders)),
        instruments=draw(st.sampled_from([calm.instruments, {}])),
        spreads=draw(by_symbol),
        equity_at_open=draw(perhaps),
        peak_equity=draw(perhaps),
        orders_this_run=draw(st.integers(0, 100)),
        orders_today=draw(st.integers(0, 100)),
        orders_last_minute=draw(st.integers(0, 100)),
        recent=draw(st.sampled_from([frozenset(), frozenset({("AAA", "buy")})])),
        uncapped=draw(hostile),
    )


@st.composite
def hostile_intents(draw) -> OrderIntent:
    """Intents as far as they can be built at all."""
    quantity = draw(
        st.one_of(st.decimals("0.0001", 10**6, places=4), st.sampled_from([Decimal("1e30"), Decimal("1e-30")]))
    )
    side, purpose = draw(st.sampled_from(Side)), draw(st.sampled_from(Purpose))
    limit = draw(st.one_of(st.none(), st.decimals("0.01", 10**6, places=3), st.just(Decimal("1e999"))))
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    rest = {"reference": draw(hostile), "confidence": draw(st.floats()), "type": kind, "limit_price": limit}
    return replace(
        an_intent(symbol=draw(st.sampled_from(SYMBOLS[:3])), side=side, purpose=purpose, **rest), quantity=quantity
    )


def check_ruling(rule: Rule, intent: OrderIntent, ruling: Ruling) -> None:
    """The parts of a ruling agree with each other; nothing is raised and nothing left blank."""
    assert ruling.rule == rule.name
    assert ruling.measured
    assert ruling.limit
    expected = {
        Decision.APPROVED: ruling.quantity == intent.quantity,
        Decision.CLIPPED: 0 < ruling.quantity < intent.quantity,
        Decision.DENIED: ruling.quantity == 0,
    }
    assert expected[ruling.decision], f"{ruling.decision} leaves {ruling.quantity} of {intent.quantity}"


class RuleContract:
    """The suite; ``rule`` is the only fixture that a subclass must give."""

    @pytest.fixture
    def rule(self) -> Rule:
        raise NotImplementedError

    @pytest.mark.parametrize("intent", CALM, ids=["buy", "sale", "limit", "exit"])
    def test_a_calm_book_is_approved(self, rule, intent):
        ruling = rule.judge(intent, a_book())
        check_ruling(rule, intent, ruling)
        assert ruling.decision is Decision.APPROVED

    @pytest.mark.parametrize("name", INPUTS)
    def test_I14_what_is_needed_and_missing_denies_and_the_rest_does_not_matter(self, rule, name):
        calm = [rule.judge(intent, a_book()).decision for intent in CALM]
        for book, change in spoiled(name):
            decisions = [rule.judge(replace(intent, **change), book).decision for intent in CALM]
            if name in rule.needs:
                assert Decision.DENIED in decisions, f"{rule.name} approves without {name}"
            else:
                assert decisions == calm, f"{rule.name} depends on {name} without saying so"

    def test_every_need_is_one_that_can_be_tested(self, rule):
        assert set(rule.needs) <= set(INPUTS)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(book=hostile_books(), intent=hostile_intents())
    def test_I14_no_book_breaks_it_and_it_never_raises_a_quantity(self, rule, book, intent):
        ruling = rule.judge(intent, book)
        check_ruling(rule, intent, ruling)
        assert rule.judge(intent, book) == ruling

    def test_exits_pass_unless_it_says_that_it_applies_to_them(self, rule):
        worst = a_book(
            equity=Decimal(1),
            buying_power=Decimal(0),
            positions={**dict.fromkeys(SYMBOLS, Decimal(100)), "BBB": Decimal(10)},
            price_ages={},
            orders_this_run=10**9,
            orders_today=10**9,
            orders_last_minute=10**9,
            recent=frozenset((symbol, side.value) for symbol in SYMBOLS for side in Side),
        )
        (verdict,) = judge([an_exit(confidence=0.0)], [rule], worst)
        assert verdict.decision is Decision.APPROVED

    def test_every_field_is_described_and_its_default_is_a_limit(self, rule):
        for name, field in type(rule).model_fields.items():
            assert field.description, name
            assert not isinstance(field.default, Decimal) or field.default.is_finite()

    def test_a_bare_value_has_a_field_to_go_to(self, rule):
        assert not type(rule).model_fields or rule.main in type(rule).model_fields

    def test_an_account_wide_rule_says_the_same_of_every_entry(self, rule):
        books = [a_book(), a_book(equity=Decimal(1)), a_book(equity=None)]
        entries = [intent for intent in CALM if intent.purpose is Purpose.ENTRY]
        for book in books if rule.account_wide else []:
            rulings = [rule.judge(intent, book) for intent in entries]
            assert len({(ruling.decision, ruling.measured, ruling.limit) for ruling in rulings}) == 1
