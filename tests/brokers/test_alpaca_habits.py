"""What is true of Alpaca and easily forgotten: fields that went, answers of several kinds, facts that change."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from openbell.brokers.alpaca.broker import AlpacaBroker
from openbell.errors import BrokerError, BrokerUnavailable, KeysRefused
from openbell.ports import Rejected
from openbell.values.orders import OrderState, TimeInForce
from tests.contracts.alpaca_venue import opened
from tests.contracts.venue import intent

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
#: Fields of the rule about pattern day traders, gone in 2026.
GONE = ("daytrade_count", "pattern_day_trader", "daytrading_buying_power", "dtbp_check", "pdt_check")


@pytest.fixture
def broker(double) -> AlpacaBroker:
    return opened(double.url)


def answers(double, path, body, status=200, verb="GET"):
    double.script({"verb": verb, "path": path, "times": 0, "status": status, "body": json.dumps(body)})


def test_G01_nothing_is_asked_of_the_fields_about_day_traders(broker, double):
    row = broker._transport.row("/account")
    assert not set(GONE) & set(row)
    without = broker.account()
    answers(double, "/v2/account", row | dict.fromkeys(GONE, None))
    assert broker.account() == without
    answers(double, "/v2/account", row | {"pattern_day_trader": True, "daytrade_count": 9})
    assert broker.account() == without


def test_G01_B17_an_old_refusal_of_a_day_trade_is_a_refusal(broker, double):
    answers(double, "/v2/orders", {"code": 40310100, "message": "trade denied due to PDT protection"}, 403, "POST")
    answer = broker.submit(intent("pdt"))
    assert (type(answer), answer.code) == (Rejected, "40310100")


@pytest.mark.parametrize("said", [True, False, None, "yes"])
def test_G16_B18_who_may_sell_short_is_the_accounts_own_word(broker, double, said):
    row = broker._transport.row("/account")
    answers(double, "/v2/account", row | {"shorting_enabled": said})
    assert opened(double.url).capabilities.shorting is (said is True)


def test_G18_a_quantity_keeps_its_nine_decimals(broker, double):
    broker.submit(intent("fine", quantity="0.123456789"))
    (sent,) = [line for line in double.ledger("request") if line["method"] == "POST"]
    assert (sent["body"]["qty"], "notional" in sent["body"]) == ("0.123456789", False)


@pytest.mark.parametrize("term", ["opg", "cls", "fok", "gtd"])
def test_G21_an_order_of_a_person_with_terms_that_we_never_send_is_read(broker, double, term):
    broker.submit(intent("theirs", limit_price="95"))
    (row,) = double.orders()
    answers(double, "/v2/orders", [row | {"time_in_force": term}])
    (found,) = broker.open_orders()
    assert (found.state, found.time_in_force) == (OrderState.ACKED, TimeInForce.DAY)


def test_G23_facts_are_those_of_the_run(broker, double):
    assert broker.instruments(["AAPL"])["AAPL"].tradable
    double.asset("AAPL", tradable=False)
    assert not opened(double.url).instruments(["AAPL"])["AAPL"].tradable


@pytest.mark.parametrize("fields", [{"filled_avg_price": None}, {"filled_avg_price": None, "filled_qty": "0"}])
def test_G38_an_average_that_is_null_is_no_price_and_no_error(broker, double, fields):
    broker.submit(intent("empty", limit_price="95"))
    (row,) = double.orders()
    answers(double, "/v2/orders", [row | fields])
    (found,) = broker.open_orders()
    assert (found.average_price, found.filled) == (None, Decimal(0))


@pytest.mark.parametrize("number", [10, 10.5, "10", "10.50"])
def test_G38_an_amount_may_be_a_text_or_a_number(broker, double, number):
    broker.submit(intent("amount", limit_price="95"))
    (row,) = double.orders()
    answers(double, "/v2/orders", [row | {"qty": number}])
    assert broker.open_orders()[0].quantity == Decimal(str(number))


@pytest.mark.parametrize(
    "body", ['{"message": "unauthorized."}', "<html>401 Authorization Required</html>", '{"code": 40110000}', ""]
)
def test_G40_refused_keys_have_several_bodies(broker, double, body):
    double.script({"times": 0, "status": 401, "body": body})
    with pytest.raises(KeysRefused):
        broker.account()
    answer = broker.submit(intent("keys"))
    assert (type(answer), answer.code) == (Rejected, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ('{"message": "forbidden."}', True),
        ('{"message": "account is restricted"}', False),
        ('{"code": 40310000, "message": "forbidden."}', False),
        ("<html>403 Forbidden</html>", False),
    ],
)
def test_G40_bad_keys_are_told_by_a_403_with_one_word_too(broker, double, body, refused):
    double.script({"times": 0, "status": 403, "body": body})
    with pytest.raises(BrokerUnavailable) as caught:
        broker.account()
    assert isinstance(caught.value, KeysRefused) is refused


def test_G41_a_flat_account_is_asked_for_as_a_list_and_never_by_symbol(broker, double):
    assert broker.account().quantity("AAPL") == 0
    assert not [path for path in double.requests("GET") if path.startswith("GET /v2/positions/")]


def test_G42_G46_what_answers_in_parts_or_leaves_holes_is_never_asked(broker, double):
    """Cancel-all and close-all answer item by item, portfolio history may be empty: neither is needed."""
    broker.submit(intent("one", limit_price="95"))
    broker.cancel("one")
    broker.account()
    broker.fills(LONG_AGO)
    asked = double.requests()
    assert not [each for each in asked if each in ("DELETE /v2/orders", "DELETE /v2/positions")]
    assert not [each for each in asked if "portfolio" in each]


def test_G36_X03_the_calendar_has_clock_times_of_new_york_and_leaves_out_days_without_a_session(broker, double):
    friday = {"date": "2026-11-27", "open": "09:30", "close": "13:00", "session_open": "0400", "session_close": "1700"}
    summer = {"date": "2026-07-06", "open": "09:30", "close": "16:00"}
    answers(double, "/v2/calendar", [friday, summer])
    told = broker.sessions(date(2026, 11, 26), date(2026, 11, 27))
    assert told == {
        date(2026, 11, 26): None,
        date(2026, 11, 27): (datetime(2026, 11, 27, 14, 30, tzinfo=UTC), datetime(2026, 11, 27, 18, tzinfo=UTC)),
    }


@pytest.mark.parametrize("row", [{"date": "2026-11-27"}, {"date": "soon", "open": "09:30", "close": "13:00"}])
def test_X03_a_calendar_that_cannot_be_read_is_an_error(broker, double, row):
    answers(double, "/v2/calendar", [row])
    with pytest.raises(BrokerError):
        broker.sessions(date(2026, 11, 26), date(2026, 11, 27))


def test_B33_an_execution_that_names_no_order_is_told_as_that(broker, double):
    fill = {"id": "20261120::1", "type": "fill", "transaction_time": "2026-11-20T15:00:00Z", "order_id": None}
    answers(double, "/v2/account/activities/FILL", [fill])
    with pytest.raises(BrokerError, match="order_id is None, not a text"):
        broker.fills(datetime(2026, 11, 20, tzinfo=UTC))
