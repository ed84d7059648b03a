"""What is special to the paper venue: memory across processes, expiry, refusals by code, one transaction each."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from openbell.errors import BrokerUnavailable, FeedUnavailable
from openbell.ports import Accepted, Rejected
from openbell.values.orders import OrderState, OrderType, Side, TimeInForce
from tests.contracts.broker_contract import SYMBOL, intent
from tests.contracts.paper_venue import CLOSE, START, PaperVenue

D = Decimal
SECOND = timedelta(seconds=1)
GTC = {"time_in_force": TimeInForce.GTC}


@pytest.fixture
def venue() -> PaperVenue:
    return opened()


def opened(**terms) -> PaperVenue:
    venue = PaperVenue(**{"slippage_bps": "0", **terms})
    venue.quote(SYMBOL, "99.99", "100.01")
    return venue


def refused(venue: PaperVenue, *args, **fields) -> str:
    answer = venue.broker.submit(intent(*args, **fields))
    return answer.code if isinstance(answer, Rejected) else ""


# --- memory ------------------------------------------------------------------------------------------------------


def test_another_process_goes_on_where_the_first_stopped(venue):
    venue.broker.submit(intent("bought", quantity="7"))
    venue.broker.submit(intent("resting", limit_price="95", **GTC))
    second = venue.another()
    assert second.account() == venue.broker.account()
    assert second.open_orders() == venue.broker.open_orders()
    venue.quote(SYMBOL, "94.90", "94.92")
    assert [fill.client_id for fill in second.fills(START)] == ["bought", "resting"]
    assert venue.broker.account().quantity(SYMBOL) == 17


def test_a_trailing_stop_is_remembered_across_processes(venue):
    venue.broker.submit(intent("held"))
    venue.broker.submit(intent("trail", Side.SELL, type=OrderType.TRAILING_STOP, trail="5", **GTC))
    venue.quote(SYMBOL, "120", "120.02")
    venue.another().open_orders()
    venue.quote(SYMBOL, "114", "114.02")
    assert venue.another().order("trail").average_price == 114


def test_cash_is_given_once(venue):
    venue.broker.submit(intent("m1"))
    assert venue.another(cash=D(5)).account().cash == venue.broker.account().cash


def test_accounts_on_one_ledger_know_nothing_of_each_other(venue):
    venue.broker.submit(intent("m1"))
    other = venue.another(account="other")
    assert (other.account().cash, other.order("m1"), other.fills(START)) == (100_000, None, ())


def test_the_same_inputs_give_the_same_fills():
    def story() -> list:
        venue = opened(fill_share="0.3", slippage_bps="3")
        venue.broker.submit(intent("a", **GTC))
        venue.broker.submit(intent("b", limit_price="99", **GTC))
        for bid, ask in (("98.00", "98.02"), ("101.00", "101.02"), ("97.00", "97.02")):
            venue.quote(SYMBOL, bid, ask)
            venue.broker.account()
        return [*venue.broker.fills(START), venue.broker.account(), *venue.broker.open_orders()]

    assert story() == story()
    assert [fill.id for fill in story()[:3]] == ["a-1", "a-2", "b-1"]


def test_C15_a_transaction_that_breaks_leaves_everything_as_it_was(venue):
    venue.broker.submit(intent("resting", limit_price="95", **GTC))
    kept = deepcopy(venue.ledger._accounts)
    venue.quote(SYMBOL, "94.90", "94.92")
    venue.close = "never"
    with pytest.raises(ValidationError):
        venue.broker.submit(intent("breaks", limit_price="90"))
    assert venue.ledger._accounts == kept
    venue.close = CLOSE
    assert venue.settle("resting").state is OrderState.FILLED
    assert [fill.id for fill in venue.broker.fills(START)] == ["resting-1"]


def test_I19_two_threads_on_one_account_lose_no_fill():
    venue = opened(cash="1000000")
    brokers = [venue.another(), venue.another()]

    def send(number: int) -> object:
        return brokers[number % 2].submit(intent(f"t{number}", quantity="1"))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(200)))
    fills = venue.broker.fills(START)
    assert all(isinstance(answer, Accepted) for answer in answers)
    assert len({fill.id for fill in fills}) == 200
    assert venue.broker.account().quantity(SYMBOL) == 200
    assert venue.broker.account().cash == 1_000_000 - 200 * D("100.01")


def test_two_threads_with_one_id_place_one_order():
    venue = opened()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: venue.broker.submit(intent("same", quantity="1")), range(20)))
    assert sum(isinstance(answer, Accepted) for answer in answers) == 1
    assert venue.broker.account().quantity(SYMBOL) == 1


# --- time --------------------------------------------------------------------------------------------------------


def test_a_day_order_dies_with_its_session(venue):
    venue.broker.submit(intent("day", limit_price="95"))
    venue.time = CLOSE - SECOND
    assert venue.settle("day").state is OrderState.ACKED
    venue.time = CLOSE
    order = venue.settle("day")
    assert (order.state, order.updated, order.filled) == (OrderState.EXPIRED, CLOSE, 0)
    venue.quote(SYMBOL, "90", "90.02")
    assert venue.broker.fills(START) == ()


def test_G08_an_expired_order_keeps_what_it_has_filled():
    venue = opened(fill_share="0.5")
    venue.broker.submit(intent("day"))
    venue.time = CLOSE + timedelta(hours=20)
    order = venue.settle("day")
    assert (order.state, order.filled) == (OrderState.EXPIRED, 5)
    assert venue.broker.account().quantity(SYMBOL) == 5


def test_an_order_until_canceled_outlives_the_session(venue):
    venue.broker.submit(intent("gtc", limit_price="95", **GTC))
    venue.time = CLOSE + timedelta(days=30)
    venue.quote(SYMBOL, "94.90", "94.92")
    assert venue.settle("gtc").state is OrderState.FILLED


def test_an_immediate_order_keeps_its_part_and_drops_the_rest():
    venue = opened(fill_share="0.3")
    answer = venue.broker.submit(intent("ioc", time_in_force=TimeInForce.IOC))
    assert (answer.order.state, answer.order.filled) == (OrderState.CANCELED, 3)


def test_an_immediate_order_sent_while_closed_is_canceled_at_once(venue):
    venue.shut()
    answer = venue.broker.submit(intent("ioc", time_in_force=TimeInForce.IOC))
    assert (answer.order.state, answer.order.filled) == (OrderState.CANCELED, 0)


def test_a_quote_from_the_future_is_not_used(venue):
    venue.prices[SYMBOL] = replace(venue.prices[SYMBOL], time=venue.time + SECOND)
    assert refused(venue, "early") == "NO_QUOTE"


def test_a_look_from_before_an_order_leaves_it_alone(venue):
    venue.broker.submit(intent("later", limit_price="95"))
    venue.time -= timedelta(minutes=1)
    venue.prices[SYMBOL] = replace(venue.prices[SYMBOL], bid=D(90), ask=D(90), time=venue.time)
    assert venue.settle("later").state is OrderState.ACKED


def test_a_rest_waits_for_a_newer_quote_however_often_one_looks():
    venue = opened(fill_share="0.5")
    venue.broker.submit(intent("rest"))
    for _ in range(5):
        venue.time += SECOND
        venue.broker.account()
    assert venue.settle("rest").filled == 5
    venue.quote(SYMBOL, "99.99", "100.01")
    assert venue.settle("rest").filled == 10


# --- fees and prices ---------------------------------------------------------------------------------------------


def test_the_minimum_fee_is_charged_once_however_many_parts_an_order_fills_in():
    fee = {"per_order": "1", "per_share": "0.1", "minimum": "1.50"}
    fees = {}
    for share in ("1", "0.2"):
        venue = opened(fill_share=share, fee=fee)
        venue.broker.submit(intent("parts", **GTC))
        for _ in range(5):
            venue.quote(SYMBOL, "99.99", "100.01")
            venue.broker.account()
        fees[share] = [fill.fee for fill in venue.broker.fills(START)]
    assert fees == {"1": [D("2.00")], "0.2": [D("1.50"), D(0), D("0.10"), D("0.20"), D("0.20")]}


def test_the_average_price_weighs_every_part():
    venue = opened(fill_share="0.5")
    venue.broker.submit(intent("avg", limit_price="120", **GTC))
    venue.quote(SYMBOL, "109.99", "110.01")
    assert venue.settle("avg").average_price == D("105.01")


# --- refusals ----------------------------------------------------------------------------------------------------


def test_every_refusal_says_its_code_the_value_and_the_bound(venue):
    venue.broker.submit(intent("held"))
    cases = {
        "DUPLICATE": intent("held"),
        "NO_QUOTE": intent("n1", symbol="NOPE"),
        "TICK": intent("n2", limit_price="95.005"),
        "FRACTION": intent("n3", quantity="0.5", **GTC),
        "QUANTITY": intent("n4", Side.SELL, quantity="11"),
        "BUYING_POWER": intent("n5", quantity="5000"),
    }
    answers = {code: venue.broker.submit(wanted) for code, wanted in cases.items()}
    assert {code: answer.code for code, answer in answers.items()} == {code: code for code in cases}
    assert answers["BUYING_POWER"].message == "cost 500050 at 100.01 is above buying power 98999.9"
    assert answers["TICK"].message == "limit_price 95.005 is not a multiple of 0.01"
    assert answers["QUANTITY"].message.startswith("sell 11 AAPL is above available 10, held 10")


def test_an_order_type_that_is_not_taken_is_refused():
    venue = opened(order_types=["limit"])
    assert refused(venue, "m1") == "ORDER_TYPE"
    assert venue.broker.capabilities.order_types == {OrderType.LIMIT}


@pytest.mark.parametrize(
    ("terms", "fields", "code"),
    [
        ({"fractions": False}, {"quantity": "0.4"}, "FRACTION"),
        ({"fractions": False}, {"quantity": "1.9"}, "FRACTION"),
        ({}, {"quantity": "1.9"}, ""),
        ({}, {"quantity": "0.0000000001"}, "FRACTION"),
        ({}, {"quantity": "1.9", "time_in_force": TimeInForce.IOC}, "FRACTION"),
        ({"shorting": True}, {"quantity": "1.9", "side": Side.SELL}, "SHORT"),
        ({}, {"quantity": "1", "side": Side.SELL}, "SHORT"),
        ({"shorting": True}, {"quantity": "1", "side": Side.SELL}, ""),
    ],
)
def test_B14_B15_B18_rules_of_fractions_and_shorts(terms, fields, code):
    assert refused(opened(**terms), "x", **fields) == code


def test_G14_shares_behind_an_open_sale_are_spoken_for(venue):
    venue.broker.submit(intent("held"))
    venue.broker.submit(intent("first", Side.SELL, quantity="6", limit_price="120"))
    assert refused(venue, "second", Side.SELL, quantity="5", limit_price="120") == "QUANTITY"
    assert refused(venue, "third", Side.SELL, quantity="4", limit_price="120") == ""


def test_G15_one_order_never_turns_a_position():
    venue = opened(shorting=True, leverage="4")
    venue.broker.submit(intent("held"))
    assert refused(venue, "flip", Side.SELL, quantity="11") == "QUANTITY"
    venue.broker.submit(intent("out", Side.SELL))
    venue.broker.submit(intent("short", Side.SELL))
    assert refused(venue, "flop", quantity="11") == "QUANTITY"


@pytest.mark.parametrize(
    ("resting", "new", "code"),
    [
        ({"limit_price": "101"}, {}, "WASH_TRADE"),
        ({"limit_price": "101"}, {"limit_price": "100.99"}, ""),
        ({"limit_price": "101"}, {"limit_price": "101"}, "WASH_TRADE"),
        ({"type": OrderType.STOP, "stop_price": "90"}, {"limit_price": "80"}, "WASH_TRADE"),
        ({"type": OrderType.TRAILING_STOP, "trail": "5"}, {}, ""),
    ],
)
def test_G13_orders_that_could_trade_with_each_other_are_refused(venue, resting, new, code):
    venue.broker.submit(intent("held"))
    assert isinstance(venue.broker.submit(intent("resting", Side.SELL, **resting)), Accepted)
    assert refused(venue, "new", **new) == code


def test_a_refused_id_may_be_used_again(venue):
    assert refused(venue, "again", quantity="5000") == "BUYING_POWER"
    assert isinstance(venue.broker.submit(intent("again", quantity="5")), Accepted)


# --- prices that do not come -------------------------------------------------------------------------------------


class Silent:
    """Quotes that fail while told to."""

    def __init__(self, venue: PaperVenue) -> None:
        self.venue = venue
        self.down = False

    def __call__(self, symbols: Sequence[str], as_of):
        if self.down:
            raise FeedUnavailable("sample feed did not answer")
        return PaperVenue.newest(self.venue, symbols, as_of)


@pytest.fixture
def silent(venue) -> Silent:
    feed = Silent(venue)
    venue.newest = feed
    venue.broker = venue.another()
    venue.broker.submit(intent("resting", limit_price="95"))
    feed.down = True
    return feed


def test_without_prices_a_question_is_unavailable(venue, silent):
    with pytest.raises(BrokerUnavailable, match="paper account test has no prices: sample feed did not answer"):
        venue.broker.account()


def test_without_prices_an_order_is_refused_and_leaves_no_trace(venue, silent):
    assert refused(venue, "new") == "UNAVAILABLE"
    silent.down = False
    assert venue.broker.order("new") is None


def test_without_prices_a_cancel_still_works(venue, silent):
    assert isinstance(venue.broker.cancel("resting"), Accepted)
    silent.down = False
    assert venue.broker.order("resting").state is OrderState.CANCELED


def test_prices_are_asked_for_once_per_look_and_not_while_the_ledger_is_held(venue):
    venue.broker.submit(intent("m1"))
    venue.broker.account()
    asked = []

    def newest(symbols, as_of):
        asked.append((*symbols, venue.ledger._lock.locked()))
        return PaperVenue.newest(venue, symbols, as_of)

    venue.broker._quotes = newest
    venue.broker.account()
    assert asked == [(SYMBOL, False)]


# --- facts -------------------------------------------------------------------------------------------------------


def test_instruments_carry_the_terms_of_the_account():
    venue = opened(leverage="3", shorting=True, fractions=False, currency="EUR")
    venue.quote("BTC/USD", "0.5", "0.51")
    facts = venue.broker.instruments([SYMBOL, "BTC/USD"])
    apple = facts[SYMBOL]
    assert (apple.tick, apple.max_leverage, apple.shortable, apple.fractionable) == (D("0.01"), 3, True, False)
    assert (apple.currency, apple.asset_class, facts["BTC/USD"].asset_class) == ("EUR", "equity", "crypto")
    assert facts["BTC/USD"].tick == D("0.0001")


def test_D18_a_holding_without_a_quote_is_known_but_not_tradable_and_equity_is_unknown(venue):
    venue.broker.submit(intent("m1"))
    assert venue.broker.account().reported_equity == D("99999.90")
    del venue.prices[SYMBOL]
    assert not venue.broker.instruments([SYMBOL])[SYMBOL].tradable
    account = venue.broker.account()
    assert (account.quantity(SYMBOL), account.reported_equity) == (10, None)


def test_a_closed_position_is_not_listed(venue):
    venue.broker.submit(intent("in"))
    venue.broker.submit(intent("out", Side.SELL))
    assert dict(venue.broker.account().positions) == {}


def test_looking_changes_nothing_that_has_not_changed(venue):
    venue.broker.submit(intent("held"))
    venue.broker.submit(intent("trail", Side.SELL, type=OrderType.TRAILING_STOP, trail="5", **GTC))
    kept = deepcopy(venue.ledger._accounts)
    venue.broker.account(), venue.broker.open_orders(), venue.broker.fills(START)
    assert venue.ledger._accounts == kept
