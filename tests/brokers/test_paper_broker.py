"""What is special to the paper venue: memory across processes, expiry, refusals by code, one transaction each."""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from openbell.ports import Accepted, Rejected
from openbell.values.orders import OrderState, OrderType, Side, TimeInForce
from tests.contracts.paper_venue import CLOSE, START, PaperVenue
from tests.contracts.venue import SYMBOL, intent

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
