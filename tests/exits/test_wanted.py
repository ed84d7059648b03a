"""What is to be closed: never more than is held less what is working, never an order that opens anything."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openbell.calendar.exchange import exchange
from openbell.exits.judge import Fired
from openbell.ports.exits import Entry
from openbell.risk.catalog import build_rules
from openbell.risk.gate import judge
from openbell.stages.exits import (
    BATCH,
    ask_quotes,
    booked,
    holdings_of,
    named,
    priced,
    raised,
    really_held,
    timed,
    wanted_exits,
    wishing,
)
from openbell.values.account import Account, Position
from openbell.values.orders import Order, OrderState, OrderType, Purpose, Side
from openbell.values.quote import Quote
from openbell.values.signal import Signal
from openbell.values.slot import Slot
from openbell.values.verdict import Decision
from tests.risk.books import a_book

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
SLOT = Slot("demo", "exits", NOW, date(2026, 3, 2))
AGE = timedelta(seconds=10)
D = Decimal
amounts = st.decimals(-1000, 1000, places=4)
sizes = st.decimals("0.0001", 1000, places=4)


def entry(symbol="AAA", opened=NOW - timedelta(hours=1), **books):
    return Entry(symbol, {name: D(part) for name, part in (books or {"sma": "10"}).items()}, opened)


def account(**positions):
    held = {symbol: Position(symbol, D(quantity), D(100)) for symbol, quantity in positions.items()}
    return Account("book", "paper", "USD", D(1000), held, D(1000))


def fired(symbol="AAA", rule="stop_loss"):
    return Fired(symbol, rule, "loss since entry", "12.00 %", "10.00 %")


@st.composite
def working_orders(draw):
    """Orders of the symbol of either side, ours and others', partly filled."""
    found = {}
    for number in range(draw(st.integers(0, 4))):
        quantity = draw(sizes)
        order = Order(
            f"o{number}",
            draw(st.sampled_from(["AAA", "BBB"])),
            draw(st.sampled_from(Side)),
            quantity,
            OrderType.LIMIT,
            OrderState.ACKED,
            NOW,
            filled=draw(st.decimals(0, quantity, places=4)),
        )
        found[order.client_id] = (order, draw(st.sampled_from([None, *Purpose])))
    return found


@given(
    books=st.dictionaries(st.sampled_from(["sma", "rsi", "flatten"]), amounts), theirs=amounts, working=working_orders()
)
def test_B18_an_exit_never_increases_or_flips_a_position_and_never_takes_more_than_is_left(books, theirs, working):
    held_by = account(AAA=theirs)
    entries = (Entry("AAA", books, NOW),)
    held = really_held(entries, held_by)
    if "AAA" not in held:
        return
    wanted = wanted_exits([fired()], entries, held, working, SLOT, held_by, {"AAA": D(88)})
    closing = Side.SELL if theirs > 0 else Side.BUY
    resting = sum((o.remaining for o, _ in working.values() if o.symbol == "AAA" and o.side is closing), D(0))
    doubled = any(p is Purpose.EXIT for o, p in working.values() if o.symbol == "AAA" and o.side is closing)
    for intent in wanted.intents:
        after = theirs + intent.signed
        assert abs(after) < abs(theirs)
        assert after * theirs >= 0
        assert intent.quantity + resting <= min(abs(theirs), abs(booked(entries[0])))
        assert intent.purpose is Purpose.EXIT
        assert not doubled
    assert len(wanted.intents) + len(wanted.waiting) == 1


@given(quantity=sizes, held=amounts, working=working_orders())
def test_B37_what_the_gate_lets_through_fits_into_what_is_held_whatever_was_asked(quantity, held, working):
    entries, held_by = (entry(sma=str(held)),), account(AAA=held)
    really = really_held(entries, held_by)
    if not really:
        return
    wanted = wanted_exits([fired()], entries, really, {}, SLOT, held_by, {"AAA": D(88)})
    asked = [replace(intent, quantity=quantity) for intent in wanted.intents]
    orders = tuple(order for order, _ in working.values())
    book = a_book(positions={"AAA": held}, open_orders=orders)
    for verdict in named(wanted.fired, judge(asked, build_rules({}), book)):
        closable = book.closable("AAA", asked[0].side)
        assert verdict.quantity <= closable
        assert verdict.rulings[0].rule == "stop_loss"
        if verdict.decision is Decision.APPROVED:
            assert (verdict.rule, verdict.limit) == ("stop_loss", "10.00 %")


def test_the_id_depends_on_account_slot_and_symbol_alone():
    def intent_of(quantity, price):
        entries, held = (entry(sma=quantity),), account(AAA=quantity)
        return wanted_exits([fired()], entries, really_held(entries, held), {}, SLOT, held, {"AAA": D(price)}).intents[
            0
        ]

    first, other = intent_of("10", 88), intent_of("3", 44)
    assert first.id == other.id
    assert first.quantity != other.quantity


def test_each_strategy_gives_up_what_it_holds():
    entries, held = (entry(sma="10", rsi="-4", flatten="2"),), account(AAA=6)
    (intent,) = wanted_exits([fired()], entries, really_held(entries, held), {}, SLOT, held, {}).intents
    assert {share.strategy: share.quantity for share in intent.shares} == {"sma": D(-10), "rsi": D(4)}
    assert intent.quantity == 6
    assert intent.reference == 100


# --- prices --------------------------------------------------------------------------------------------------


def quote(symbol="AAA", bid="99", ask="101", age=0):
    return Quote(symbol, D(bid), D(ask), D(bid), NOW - timedelta(seconds=age))


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({}, "no quote"),
        ({"AAA": quote(age=11)}, "older than 10 s"),
        ({"AAA": quote(age=-11)}, "still to come"),
        ({"AAA": quote(bid="101", ask="99")}, "bid is above the ask"),
    ],
)
def test_a_price_that_cannot_be_acted_on_is_unknown_with_its_reason(found, why):
    seen = priced(found, ["AAA"], NOW, AGE)
    assert seen.marks == {}
    assert why in seen.unknown["AAA"]


def test_a_fresh_price_is_the_middle():
    assert priced({"AAA": quote(age=10)}, ["AAA"], NOW, AGE).marks == {"AAA": D(100)}


@pytest.mark.parametrize(("count", "calls"), [(0, 0), (1, 1), (BATCH, 1), (BATCH + 1, 2), (500, 3)])
def test_one_question_for_two_hundred_symbols(count, calls):
    asked = []

    def quotes(symbols, as_of):
        asked.append(len(symbols))
        return {symbol: quote(symbol) for symbol in symbols}

    found = ask_quotes(quotes, [f"S{n}" for n in range(count)], NOW)
    assert (len(found), len(asked)) == (count, calls)
    assert max(asked, default=0) <= BATCH


# --- marks ---------------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.none(), st.decimals(1, 1000, places=2)), max_size=8), st.decimals(1, 1000, places=2))
def test_marks_are_the_extremes_of_every_price_seen_and_of_the_entry(marks, average):
    held = entry()
    for mark in marks:
        held = raised(held, average, mark)
    seen = [mark for mark in marks if mark is not None]
    assert (held.high, held.low) == ((max([*seen, average]), min([*seen, average])) if seen else (None, None))


# --- columns -------------------------------------------------------------------------------------------------


def columns(entries, held, signals=()):
    made = holdings_of(entries, really_held(entries, held), held, {"AAA": D(95)})
    return wishing(timed(made, entries, exchange("XNYS"), NOW), entries, signals)


def test_the_columns_say_age_sessions_and_what_is_left_of_the_session():
    friday = datetime(2026, 2, 27, 20, 0, tzinfo=UTC)
    made = columns((entry(opened=friday),), account(AAA=10))
    assert made.age.tolist() == [(NOW - friday).total_seconds()]
    assert made.sessions.tolist() == [1]
    assert made.left.tolist() == [6 * 3600]
    assert made.mark.tolist() == [95]


def test_a_position_counts_for_a_strategy_exit_by_the_share_that_wants_out():
    entries, held = (entry(sma="6", rsi="2"),), account(AAA=8)

    def leaving(*signals):
        return columns(entries, held, signals).leaving.tolist()

    out, stay, none = (
        (lambda name: Signal(name, "AAA", 0.0, 1.0, "x")),
        Signal("rsi", "AAA", 1.0, 1.0, "x"),
        float("nan"),
    )
    assert leaving(out("sma"), stay) == [0.75]
    assert leaving(out("sma"), out("rsi")) == [1.0]
    assert leaving(out("sma"), Signal("rsi", "AAA", none, 0.0, "x")) == [0.75]
    assert leaving(out("sma"), Signal("rsi", "AAA", -1.0, 1.0, "x")) == [1.0]
    assert leaving() == [0.0]
