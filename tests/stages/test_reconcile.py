"""Comparing books with a broker: whatever is seeded comes out with its cause, and nothing else does."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openbell.ports import Unsettled
from openbell.ports.breaks import Kept
from openbell.stages.reconcile import FRESH, Shown, compare, missed
from openbell.stages.whole import hollow, torn
from openbell.values.account import Account, Position
from openbell.values.breaks import TREATMENTS, Cause
from openbell.values.orders import Fill, Order, OrderIntent, OrderState, OrderType, Purpose, Side
from openbell.values.slot import Slot

D = Decimal
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
OURS = "ob-" + "a" * 26
quantities = st.decimals(-1000, 1000, places=3).filter(bool)
prices = st.decimals("0.01", 5000, places=2)
symbols = st.sampled_from(["AAA", "BBB", "CCC", "DDD"])
holdings = st.dictionaries(symbols, st.tuples(quantities, prices), max_size=4)


def held(positions):
    return {symbol: Position(symbol, D(q), D(p)) for symbol, (q, p) in positions.items()}


def shown(positions, cash="1000", **rest):
    return Shown(Account("book", "paper", "USD", D(cash), held(positions), D(0)), **rest)


def fill(symbol, signed, price="100", name="f1", client_id=OURS, age=timedelta(hours=1)):
    side = Side.BUY if D(signed) > 0 else Side.SELL
    return Fill(name, client_id, symbol, side, abs(D(signed)), D(price), D(0), NOW - age)


def causes(books, there, unplanned=frozenset()):
    return [(one.cause, one.subject) for one in compare(books, (), there, unplanned, NOW).differences]


@given(holdings)
def test_books_that_agree_are_clean(positions):
    assert compare(Kept(held(positions), cash=D(1000)), (), shown(positions), frozenset(), NOW).clean


@given(holdings, symbols, quantities, prices)
def test_a_trade_by_hand_is_one_external_difference_whatever_is_held(positions, symbol, signed, price):
    """Also where it looks like a split or closes the position: the execution tells."""
    trade = fill(symbol, signed, price, "hand", "mine")
    after = {**held(positions), symbol: held(positions).get(symbol, Position(symbol, D(0), D(0))).apply(trade)}
    cash = D(1000) - trade.signed * trade.price
    account = Account("book", "paper", "USD", cash, after, D(0))
    there = Shown(account, (), (trade,))
    (found,) = compare(Kept(held(positions), cash=D(1000)), (), there, frozenset(), NOW).differences
    assert (found.cause, found.subject, found.quantity) == (Cause.FOREIGN_TRADE, "hand", trade.signed)
    assert found.cash == cash - 1000


@given(st.decimals(1, 1000, places=0), prices, st.sampled_from([(2, 1), (3, 2), (20, 1), (1, 10), (3, 1), (1, 2)]))
def test_D09_a_split_is_told_from_a_trade_by_its_price(quantity, price, ratio):
    after = quantity * ratio[0] / ratio[1]
    there = shown({"AAA": (after.to_integral_value("ROUND_DOWN") or after, price * ratio[1] / ratio[0])})
    books = Kept(held({"AAA": (quantity, price)}), cash=D(1000))
    if there.account.quantity("AAA") != quantity:
        assert causes(books, there) == [(Cause.SPLIT, "AAA")]


def test_a_doubled_position_at_the_same_price_is_no_split():
    books = Kept(held({"AAA": ("10", "100")}), cash=D(1000))
    assert causes(books, shown({"AAA": ("20", "100")})) == [(Cause.FOREIGN_TRADE, "AAA")]


def test_one_execution_under_two_ids_is_a_duplicate():
    stream, listed = fill("AAA", "4", name="stream-1"), fill("AAA", "4", name="list-1")
    books = Kept(held({"AAA": ("8", "100")}), (stream, listed), cash=D(200))
    there = shown({"AAA": ("4", "100")}, cash="600", fills=(listed,))
    assert causes(books, there) == [(Cause.DUPLICATE, "stream-1")]


def test_P08_an_id_of_ours_that_the_store_never_had_is_told_as_such():
    there = shown({"AAA": ("4", "100")}, cash="600", fills=(fill("AAA", "4"),))
    assert causes(Kept(cash=D(1000)), there, frozenset({OURS})) == [(Cause.UNKNOWN_PREFIX, "f1")]


def test_two_open_orders_under_one_id_are_told():
    order = Order(OURS, "AAA", Side.BUY, D(1), OrderType.LIMIT, OrderState.ACKED, NOW, limit_price=D(1))
    assert causes(Kept(cash=D(1000)), shown({}, open_orders=(order, order))) == [(Cause.STATUS, OURS)]


@pytest.mark.parametrize(("gap", "found"), [("1", []), ("-1", []), ("1.01", [(Cause.CASH, "cash")])])
def test_cash_is_equal_up_to_one_unit(gap, found):
    books, there = Kept(cash=D(1000)), shown({}, cash=str(1000 + D(gap)))
    assert causes(books, there) == found
    assert compare(books, (), there, frozenset(), NOW).small == (D(0) if found else D(gap))


def test_B19_what_was_traded_within_half_a_minute_is_settling():
    books = Kept(held({"AAA": ("4", "100")}), (fill("AAA", "4", age=timedelta(seconds=10)),), cash=D(1000))
    there = shown({}, fills=books.fills)
    compared = compare(books, (), there, frozenset(), NOW)
    assert (compared.differences, compared.settling) == ((), ("AAA",))
    later = compare(books, (), there, frozenset(), NOW + timedelta(seconds=30))
    assert [one.cause for one in later.differences] == [Cause.MISSING_POSITION]


def test_a_fill_that_the_orders_job_had_no_time_for_is_repaired_without_a_break():
    fresh = fill("AAA", "4", age=FRESH / 2)
    order = Order(OURS, "AAA", Side.BUY, D(4), OrderType.MARKET, OrderState.FILLED, NOW, D(4))
    slot = Slot("demo", "trade", NOW, NOW.date())
    intent = OrderIntent(OURS, slot.key, 0, "AAA", Side.BUY, D(4), Purpose.ENTRY, D(100))
    known = Unsettled(intent, "demo", "book", slot, OrderState.ACKED, D(4), D(0), NOW, NOW, 1, slot_open=False)
    (found,) = missed(Kept(), [known], shown({}, fills=(fresh,), ended=(order,)), frozenset(), NOW)
    assert (found.fills, found.differences) == ((fresh,), ())


@given(holdings, holdings)
def test_B20_an_answer_is_torn_when_a_position_comes_or_goes_without_a_trade(first, second):
    assert bool(torn(shown(first), shown(second))) is (set(first) != set(second))


def test_B20_no_position_and_equity_beyond_cash_is_not_believed():
    account = Account("book", "paper", "USD", D(1000), {}, D(0), reported_equity=D(1500))
    assert "equity 1,500.00 is not cash 1,000.00" in hollow(Shown(account))
    assert hollow(shown({})) == ""


def test_every_cause_says_what_it_is_and_what_can_be_done():
    assert set(TREATMENTS) == set(Cause)
    assert all(treatment.means and treatment.repair for treatment in TREATMENTS.values())
