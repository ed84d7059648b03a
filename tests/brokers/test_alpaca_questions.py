"""Questions to Alpaca: an answer in doubt is no answer, all pages are read, and nothing unknown reads as nothing."""

import json
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from openbell.brokers.alpaca.broker import AlpacaBroker
from openbell.brokers.alpaca.rows import blocked
from openbell.errors import BrokerError, KeysRefused
from openbell.ports import Accepted
from openbell.values.orders import OrderState
from tests.contracts.alpaca_venue import opened
from tests.contracts.venue import intent

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
READS = {
    "clock": lambda broker: broker.clock(),
    "account": lambda broker: broker.account(),
    "open_orders": lambda broker: broker.open_orders(),
    "order": lambda broker: broker.order("never-sent"),
    "fills": lambda broker: broker.fills(LONG_AGO),
    "instruments": lambda broker: broker.instruments(["AAPL"]),
}
DOUBTS = {
    "server error": {"status": 500},
    "closed": {"drop": "before"},
    "html": {"status": 200, "body": "<html>"},
    "half": {"mangle": "half"},
    "empty": {"mangle": "empty"},
    "wrong kind": {"status": 200, "body": "7"},
    "limited": {"status": 429},
    "somebody else's 404": {"status": 404, "body": "<html>not found</html>"},
    "redirect": {"status": 301, "headers": {"Location": "/v2/account"}},
}


@pytest.fixture
def broker(double) -> AlpacaBroker:
    return opened(double.url)


@pytest.mark.parametrize("doubt", list(DOUBTS))
@pytest.mark.parametrize("read", list(READS))
def test_I14_an_answer_in_doubt_is_an_error_and_not_asked_for_again(broker, double, read, doubt):
    before = len(double.requests())
    double.script(DOUBTS[doubt] | {"verb": "GET", "times": 0})
    with pytest.raises(BrokerError):
        READS[read](broker)
    # A line that was kept open may have been closing anyway: a new one is tried, once.
    assert len(double.requests()) == before + (2 if doubt == "closed" else 1)


@pytest.mark.parametrize("read", list(READS))
def test_B24_refused_keys_are_told_apart(broker, double, read):
    double.keys("other", "keys")
    with pytest.raises(KeysRefused, match="refuses the keys"):
        READS[read](broker)


# --- account -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 200, "body": "[]"},
        {"status": 200, "body": "{}"},
        {"status": 200, "body": "null"},
        {"mangle": "half"},
        {"remove": ["qty"]},
        {"patch": {"qty": "NaN"}},
        {"patch": {"qty": None}},
        {"patch": {"market_value": "1"}},
    ],
)
def test_B20_positions_that_are_empty_or_broken_by_an_error_never_read_as_flat(broker, double, fault):
    broker.submit(intent("b20"))
    double.script({"path": "/v2/positions", "times": 0} | fault)
    with pytest.raises(BrokerError):
        broker.account()


@pytest.mark.parametrize("times", [1, 2])
def test_B19_B20_a_fill_that_positions_do_not_show_at_once_is_asked_about_again(broker, double, times):
    broker.submit(intent("b20"))
    double.script({"path": "/v2/positions", "times": times, "status": 200, "body": "[]"})
    assert broker.account().quantity("AAPL") == 10


def test_B20_a_flat_account_is_flat(broker):
    assert broker.account().positions == {}


def test_reported_equity_is_the_venues_own_word(broker, double):
    broker.submit(intent("e1"))
    assert broker.account().reported_equity == Decimal("99999.90")


GOOD = {"trading_blocked": False, "account_blocked": False, "trade_suspended_by_user": False, "status": "ACTIVE"}


def test_B23_an_account_that_may_trade_is_not_blocked():
    assert blocked(GOOD) == ""


@pytest.mark.parametrize("flag", ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
@pytest.mark.parametrize("value", [True, None, "false", 0, ""])
def test_B23_a_flag_that_is_anything_but_false_blocks(flag, value):
    assert blocked(GOOD | {flag: value}) == f"{flag} is {value}"


def test_B23_a_flag_or_status_that_is_missing_blocks():
    assert blocked({}).count("missing") == 3
    assert "account status is ACCOUNT_CLOSED_PENDING" in blocked(GOOD | {"status": "ACCOUNT_CLOSED_PENDING"})


# --- orders --------------------------------------------------------------------------------------------------


def test_B33_an_unknown_status_is_named_and_spoils_no_other_order(broker, double):
    for name in ("b33", "good"):
        broker.submit(intent(name, limit_price="95"))
    double.script({"path": "/v2/orders:by*", "patch": {"status": "quantum"}})
    order = broker.order("b33")
    assert (order.state, order.reason) == (OrderState.UNKNOWN, "status 'quantum' is not known")
    double.script({"path": "/v2/orders", "patch": {"status": "quantum"}})
    assert {order.state for order in broker.open_orders()} == {OrderState.UNKNOWN}


def test_B33_an_unknown_status_in_the_answer_to_a_post_is_an_accepted_order_of_unknown_state(broker, double):
    double.script({"verb": "POST", "patch": {"status": "quantum"}})
    answer = broker.submit(intent("b33"))
    assert isinstance(answer, Accepted)
    assert answer.order.state is OrderState.UNKNOWN


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("pending_new", "0", OrderState.ACKED),
        ("accepted", "0", OrderState.ACKED),
        ("done_for_day", "0", OrderState.ACKED),
        ("done_for_day", "3", OrderState.PARTIAL),
        ("partially_filled", "3", OrderState.PARTIAL),
        ("pending_replace", "3", OrderState.PARTIAL),
        ("pending_cancel", "3", OrderState.PENDING_CANCEL),
        ("replaced", "3", OrderState.CANCELED),
        ("expired", "3", OrderState.EXPIRED),
        ("rejected", "0", OrderState.REJECTED),
        (["new"], "0", OrderState.UNKNOWN),
        (None, "0", OrderState.UNKNOWN),
    ],
)
def test_G08_each_status_has_its_state_and_keeps_what_is_filled(broker, double, status, filled, state):
    broker.submit(intent("g8", limit_price="95"))
    double.script({"path": "/v2/orders:by*", "patch": {"status": status, "filled_qty": filled}})
    order = broker.order("g8")
    assert (order.state, order.filled) == (state, Decimal(filled))


def test_B36_a_notional_order_of_a_person_has_no_quantity_and_an_unknown_state(broker, double):
    broker.submit(intent("b36", limit_price="95"))
    double.script({"path": "/v2/orders", "patch": {"qty": None, "notional": "500.75"}})
    order = broker.open_orders()[0]
    assert order.state is OrderState.UNKNOWN
    assert "500.75" in order.reason


def test_G43_fields_that_nobody_knows_do_no_harm(broker, double):
    broker.submit(intent("g43", limit_price="95"))
    double.script(
        {"verb": "GET", "patch": {"brand_new": {"a": [1.5]}}, "remove": ["subtag", "hwm", "legs"], "times": 0}
    )
    assert [order.client_id for order in broker.open_orders()] == ["g43"]


@pytest.fixture
def crowded(double) -> AlpacaBroker:
    """501 open orders, one more than a page; the first three share the instant at its edge."""
    broker = opened(double.url)
    double.set(frozen=time.time())
    for number in range(501):
        if number == 3:
            double.set(frozen=None)
        broker.submit(intent(f"o{number:03d}", quantity="1", limit_price="1"))
    return broker


def test_B38_G09_all_pages_of_open_orders_are_read(crowded, double):
    found = [order.client_id for order in crowded.open_orders()]
    assert sorted(found) == [f"o{number:03d}" for number in range(501)]
    assert found[3:] == sorted(found)[3:]


def test_B38_a_page_that_does_not_get_on_is_an_error_and_no_end(crowded, double):
    double.script({"path": "/v2/orders", "patch": {"submitted_at": "2199-01-01T00:00:00Z"}, "times": 0})
    with pytest.raises(BrokerError, match="500 orders share one instant"):
        crowded.open_orders()


def test_B38_I2_an_order_is_missing_only_when_no_page_has_it(crowded, double):
    double.script({"path": "/v2/orders:by*", "status": 404, "code": 40410000, "times": 0})
    assert crowded.order("o000").client_id == "o000"
    assert crowded.order("never-sent") is None


def test_B38_all_pages_of_fills_are_read_and_each_is_known_by_our_id(broker, double):
    for number in range(203):
        broker.submit(intent(f"f{number:03d}", quantity="1"))
    fills = broker.fills(LONG_AGO)
    assert [fill.client_id for fill in fills] == [f"f{number:03d}" for number in range(203)]
    assert len({fill.id for fill in fills}) == 203
    assert double.requests("GET").count("GET /v2/account/activities/FILL") == 3


def test_B38_a_list_that_shows_its_rows_twice_counts_them_once(broker, double):
    broker.submit(intent("d1", limit_price="95"))
    broker.submit(intent("d2"))
    double.script({"verb": "GET", "repeat": True, "times": 0})
    assert [order.client_id for order in broker.open_orders()] == ["d1"]
    assert [fill.client_id for fill in broker.fills(LONG_AGO)] == ["d2"]


# --- what other accounts have that we do not trade -----------------------------------------------------------


def test_G43_an_order_of_several_legs_has_no_symbol_and_spoils_no_list(broker, double):
    broker.submit(intent("ours", limit_price="95"))
    row = next(row for row in double.orders() if row["client_order_id"] == "ours")
    legs = row | {"id": "x", "client_order_id": "spread", "symbol": "", "side": "", "order_class": "mleg", "qty": "1"}
    double.script({"verb": "GET", "path": "/v2/orders", "times": 0, "status": 200, "body": json.dumps([row, legs])})
    spread, ours = broker.open_orders()
    assert (ours.client_id, ours.state) == ("ours", OrderState.ACKED)
    assert (spread.symbol, spread.state, spread.remaining) == ("MULTI.LEG", OrderState.UNKNOWN, 0)
    assert "several legs" in spread.reason


def test_an_account_with_options_is_blocked_and_its_shares_are_told(broker, double):
    share = {"symbol": "AAPL", "qty": "2", "side": "long", "avg_entry_price": "100", "market_value": "200"}
    option = share | {"symbol": "AAPL261218C00200000", "asset_class": "us_option", "qty": "1", "market_value": "500"}
    positions = [share | {"asset_class": "us_equity"}, option]
    values = {"long_market_value": "700", "short_market_value": "0"}
    answers(double, "/v2/account", account(double) | values)
    answers(double, "/v2/positions", positions)
    found = broker.account()
    assert set(found.positions) == {"AAPL"}
    assert found.blocked == "it holds what is neither a share nor a coin: AAPL261218C00200000 (us_option)"


@pytest.mark.parametrize("missing", ["long_market_value", "short_market_value", "currency"])
def test_B20_an_account_without_some_fields_is_read_by_the_others(broker, double, missing):
    row = {name: value for name, value in account(double).items() if name != missing}
    answers(double, "/v2/account", row)
    found = broker.account()
    assert (found.currency, found.positions, found.blocked) == ("USD", {}, "")
    double.script()
    answers(double, "/v2/account", row | {"equity": "105000"})
    if missing != "currency":
        with pytest.raises(BrokerError, match="positions are worth 0, the account says 5000"):
            broker.account()


def test_G43_an_asset_that_cannot_be_read_is_no_asset_and_spoils_no_other(broker, double):
    names = [f"S{number}" for number in range(25)]
    plain = {"class": "us_equity", "exchange": "NASDAQ", "status": "active", "tradable": True}
    rows = [plain | {"symbol": name} for name in names]
    rows[3]["min_trade_increment"], rows[4]["class"] = "a few", "us_moon"
    answers(double, "/v2/assets", rows)
    assert set(broker.instruments(names)) == set(names) - {"S3", "S4"}


def account(double):
    """The account as the double tells it."""
    transport = opened(double.url)._transport
    return transport.row("/account")


def answers(double, path, body):
    double.script({"verb": "GET", "path": path, "times": 0, "status": 200, "body": json.dumps(body)})
