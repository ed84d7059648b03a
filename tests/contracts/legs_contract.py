"""What every broker must do with orders that stand or fall together: each leg is an order with an id of its own.

A subclass supplies the fixture ``venue`` as for the broker contract, and ``another``: a broker as another process opens
it on the same account.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from openbell.ports import Accepted, Broker, Rejected
from openbell.values.legs import legs_of
from openbell.values.orders import Order, OrderIntent, OrderState, OrderType, Purpose, Side, TimeInForce
from tests.contracts.venue import SYMBOL, Venue, intent

EXITS = {"take_profit": Decimal(110), "stop_loss": Decimal(95)}
PROFIT, LOSS = ("110.10", "110.12"), ("94.90", "94.92")
#: A price at which one of the exits fills, the leg that fills and the one that goes.
WAYS = [(PROFIT, "b1-tp", "b1-sl"), (LOSS, "b1-sl", "b1-tp")]


def bracket(**fields) -> OrderIntent:
    return intent("b1", **({"time_in_force": TimeInForce.GTC} | EXITS | fields))


def oco(**fields) -> OrderIntent:
    terms = {"purpose": Purpose.EXIT, "limit_price": "110", "time_in_force": TimeInForce.GTC}
    return intent("b1", Side.SELL, **(terms | {"stop_loss": Decimal(95)} | fields))


class LegsContract:
    """Tests of brackets, OTO and OCO."""

    @pytest.fixture
    def venue(self) -> Venue:
        raise NotImplementedError

    @pytest.fixture
    def another(self, venue: Venue) -> Callable[[], Broker]:
        raise NotImplementedError

    @pytest.fixture
    def broker(self, venue: Venue) -> Broker:
        venue.quote(SYMBOL, "99.99", "100.01")
        return venue.broker

    @pytest.fixture
    def held(self, venue: Venue, broker: Broker) -> Order:
        broker.submit(intent("opening"))
        return venue.settle("opening")

    def test_B37_each_leg_is_found_as_an_order_of_its_own(self, venue, broker, another):
        wanted = bracket(limit_price="98")
        answer = broker.submit(wanted)
        assert isinstance(answer, Accepted)
        assert [leg.client_id for leg in answer.legs] == ["b1-tp", "b1-sl"]
        for leg in legs_of(wanted):
            for looking in (broker, another()):
                found = looking.order(leg.id)
                sent = ("symbol", "side", "quantity", "type", "limit_price", "stop_price", "time_in_force")
                assert {name: getattr(found, name) for name in sent} == {name: getattr(leg, name) for name in sent}
                assert (found.state, found.filled) == (OrderState.ACKED, 0)
        assert len({broker.order(name).broker_id for name in ("b1", "b1-tp", "b1-sl")}) == 3

    @pytest.mark.parametrize(("price", "filled", "gone"), WAYS)
    def test_B37_the_fill_of_a_leg_is_that_of_its_own_id(self, venue, broker, another, price, filled, gone):
        broker.submit(bracket())
        assert venue.settle("b1").state is OrderState.FILLED
        venue.quote(SYMBOL, *price)
        assert broker.account().quantity(SYMBOL) == 0
        for looking in (broker, another()):
            assert looking.open_orders() == ()
            fills = looking.fills(broker.clock().now - timedelta(days=1))
            assert [(fill.client_id, fill.signed) for fill in fills] == [("b1", 10), (filled, -10)]
            assert (looking.order(filled).state, looking.order(filled).filled) == (OrderState.FILLED, 10)
            assert (looking.order(gone).state, looking.order(gone).filled) == (OrderState.CANCELED, 0)

    def test_open_orders_name_the_legs(self, venue, broker, another):
        broker.submit(bracket())
        venue.settle("b1")
        for looking in (broker, another()):
            # A venue may keep the stop asleep, and does not list it then.
            assert {order.client_id for order in looking.open_orders()} in ({"b1-tp", "b1-sl"}, {"b1-tp"})

    def test_G26_the_exits_sleep_until_the_entry_has_filled_whole(self, venue, broker):
        broker = venue.fill_share("0.5")
        broker.submit(bracket())
        venue.quote(SYMBOL, "99.99", "100.01")
        assert venue.settle("b1").state is OrderState.FILLED
        assert (broker.order("b1-tp").filled, broker.order("b1-sl").filled) == (0, 0)

    def test_G30_canceling_the_entry_takes_its_legs_along(self, venue, broker):
        broker.submit(bracket(limit_price="98"))
        assert isinstance(broker.cancel("b1"), Accepted)
        assert [venue.settle(name).state for name in ("b1", "b1-tp", "b1-sl")] == [OrderState.CANCELED] * 3
        assert broker.open_orders() == ()

    def test_the_exits_can_be_canceled_once_the_entry_has_filled(self, venue, broker):
        broker.submit(bracket())
        venue.settle("b1")
        assert isinstance(broker.cancel("b1"), Rejected)
        assert isinstance(broker.cancel("b1-sl"), Accepted)
        broker.cancel("b1-tp")
        venue.quote(SYMBOL, *LOSS)
        assert {venue.settle(name).state for name in ("b1-tp", "b1-sl")} == {OrderState.CANCELED}
        assert (broker.open_orders(), broker.account().quantity(SYMBOL)) == ((), 10)

    @pytest.mark.parametrize(("name", "leg"), [("take_profit", "b1-tp"), ("stop_loss", "b1-sl")])
    def test_G30_an_entry_may_have_one_exit(self, venue, broker, name, leg):
        answer = broker.submit(intent("b1", **{name: EXITS[name]}))
        assert [each.client_id for each in answer.legs] == [leg]
        venue.quote(SYMBOL, *(PROFIT if name == "take_profit" else LOSS))
        assert venue.settle(leg).state is OrderState.FILLED
        assert broker.account().quantity(SYMBOL) == 0

    @pytest.mark.parametrize(("price", "filled", "gone"), [(PROFIT, "b1", "b1-sl"), (LOSS, "b1-sl", "b1")])
    def test_B37_one_price_of_an_oco_cancels_the_other(self, venue, broker, held, another, price, filled, gone):
        answer = broker.submit(oco())
        assert isinstance(answer, Accepted)
        assert [leg.client_id for leg in answer.legs] == ["b1-sl"]
        assert (another().order("b1-sl").type, another().order("b1").type) == (OrderType.STOP, OrderType.LIMIT)
        venue.quote(SYMBOL, *price)
        assert (broker.account().quantity(SYMBOL), broker.open_orders()) == (0, ())
        assert (venue.settle(filled).state, venue.settle(gone).state) == (OrderState.FILLED, OrderState.CANCELED)
        assert broker.fills(broker.clock().now - timedelta(days=1))[-1].client_id == filled

    def test_both_prices_of_an_oco_can_be_canceled(self, venue, broker, held):
        broker.submit(oco())
        assert isinstance(broker.cancel("b1"), Accepted)
        broker.cancel("b1-sl")
        venue.quote(SYMBOL, *LOSS)
        assert {venue.settle(name).state for name in ("b1", "b1-sl")} == {OrderState.CANCELED}
        assert broker.account().quantity(SYMBOL) == 10

    @pytest.mark.parametrize("wanted", [bracket(quantity="1.5"), oco(), bracket(stop_loss=Decimal("95.001"))], ids=str)
    def test_what_cannot_be_a_group_is_refused_whole(self, broker, wanted):
        assert isinstance(broker.submit(wanted), Rejected)
        assert [broker.order(name) for name in ("b1", "b1-tp", "b1-sl")] == [None] * 3
