"""What every broker must do, whatever venue is behind it.

A subclass supplies one fixture, ``venue``, that opens an account with at least 50,000 in cash and no position.
"""

from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from openbell.ports import Accepted, Broker, Rejected
from openbell.values.orders import Order, OrderClass, OrderState, OrderType, Purpose, Side, TimeInForce
from tests.contracts.refusal_contract import RefusalContract
from tests.contracts.venue import SECOND, SYMBOL, UNKNOWN_SYMBOL, Venue, intent

#: An order of each type that rests at 99.99 / 100.01, and a price at which it fills.
RESTING = {
    OrderType.LIMIT: ({"limit_price": "95"}, ("94.98", "95.00")),
    OrderType.STOP: ({"stop_price": "105"}, ("105.00", "105.02")),
    OrderType.STOP_LIMIT: ({"stop_price": "105", "limit_price": "106"}, ("105.00", "105.02")),
    OrderType.TRAILING_STOP: ({"trail": "5"}, ("105.10", "105.12")),
}


class BrokerContract(RefusalContract):
    """Tests of the Broker port."""

    @pytest.fixture
    def venue(self) -> Venue:
        raise NotImplementedError

    @pytest.fixture
    def broker(self, venue: Venue) -> Broker:
        venue.quote(SYMBOL, "99.99", "100.01")
        return venue.broker

    @pytest.fixture
    def held(self, venue: Venue, broker: Broker) -> Order:
        """Ten shares, bought and filled."""
        assert isinstance(broker.submit(intent("opening")), Accepted)
        order = venue.settle("opening")
        assert order.state is OrderState.FILLED
        return order

    # --- account, clock, instruments -------------------------------------------------------------------------

    def test_names_its_account_and_environment(self, venue, broker):
        account = broker.account()
        assert (broker.account_id, broker.environment) == (venue.account_id, venue.environment)
        assert (account.id, account.environment) == (venue.account_id, venue.environment)

    def test_a_new_account_has_cash_and_nothing_else(self, broker):
        account = broker.account()
        assert account.cash >= 50_000
        assert account.buying_power >= account.cash
        assert account.blocked == ""
        assert (dict(account.positions), broker.open_orders()) == ({}, ())

    def test_amounts_are_decimals(self, broker, held):
        account, fill = broker.account(), broker.fills(held.updated - SECOND)[0]
        position = account.positions[SYMBOL]
        amounts = (account.cash, account.buying_power, position.quantity, position.average_price, fill.price, fill.fee)
        assert [type(amount) for amount in amounts] == [Decimal] * len(amounts)

    def test_clock_is_aware_and_knows_whether_the_venue_is_open(self, venue, broker):
        clock = broker.clock()
        assert clock.now.utcoffset() == timedelta(0)
        assert clock.is_open
        venue.shut()
        assert not broker.clock().is_open

    def test_instruments_has_known_symbols_and_leaves_out_others(self, broker):
        facts = broker.instruments([SYMBOL, UNKNOWN_SYMBOL])
        assert set(facts) == {SYMBOL}
        assert facts[SYMBOL].symbol == SYMBOL
        assert facts[SYMBOL].tradable
        assert facts[SYMBOL].tick > 0
        assert facts[SYMBOL].fractionable is broker.capabilities.fractions

    # --- orders of each type ---------------------------------------------------------------------------------

    def test_a_market_buy_moves_cash_and_position_by_its_fills(self, venue, broker):
        before = broker.account().cash
        answer = broker.submit(intent("m1"))
        assert isinstance(answer, Accepted)
        order = venue.settle("m1")
        fills = broker.fills(order.updated - timedelta(hours=1))
        paid = sum(fill.quantity * fill.price + fill.fee for fill in fills)
        assert (order.state, order.filled, order.remaining) == (OrderState.FILLED, 10, 0)
        assert order.average_price >= Decimal("100.01")
        assert broker.account().cash == before - paid
        assert broker.account().quantity(SYMBOL) == 10

    def test_a_market_sell_closes_the_position(self, venue, broker, held):
        assert isinstance(broker.submit(intent("s1", Side.SELL, purpose=Purpose.EXIT)), Accepted)
        assert venue.settle("s1").average_price <= Decimal("99.99")
        assert broker.account().quantity(SYMBOL) == 0

    @pytest.mark.parametrize("kind", list(RESTING))
    def test_an_order_rests_until_its_price_comes(self, venue, broker, kind):
        if kind not in broker.capabilities.order_types:
            pytest.skip(f"{kind} is not in the capabilities")
        prices, there = RESTING[kind]
        wanted = intent("r1", type=kind, **prices)
        assert isinstance(broker.submit(wanted), Accepted)
        resting = venue.settle("r1")
        assert (resting.state, resting.filled, resting.average_price) == (OrderState.ACKED, 0, None)
        assert [order.client_id for order in broker.open_orders()] == ["r1"]
        venue.quote(SYMBOL, *there)
        filled = venue.settle("r1")
        assert (filled.state, filled.filled) == (OrderState.FILLED, 10)
        assert broker.open_orders() == ()
        if wanted.limit_price is not None:
            assert filled.average_price <= wanted.limit_price

    @pytest.mark.parametrize("kind", list(RESTING))
    def test_an_order_is_found_as_it_was_sent(self, venue, broker, kind):
        if kind not in broker.capabilities.order_types:
            pytest.skip(f"{kind} is not in the capabilities")
        wanted = intent("same", type=kind, **RESTING[kind][0])
        broker.submit(wanted)
        found = venue.settle("same")
        sent = ("symbol", "side", "quantity", "type", "limit_price", "stop_price", "trail", "time_in_force")
        assert {name: getattr(found, name) for name in sent} == {name: getattr(wanted, name) for name in sent}
        assert found.broker_id

    def test_a_bracket_leaves_nothing_when_one_of_its_exits_has_filled(self, venue, broker):
        if OrderClass.BRACKET not in broker.capabilities.order_classes:
            pytest.skip("no brackets")
        legs = {"take_profit": Decimal(110), "stop_loss": Decimal(95)}
        assert isinstance(broker.submit(intent("b1", **legs)), Accepted)
        assert venue.settle("b1").state is OrderState.FILLED
        assert broker.account().quantity(SYMBOL) == 10
        venue.quote(SYMBOL, "110.10", "110.12")
        assert broker.account().quantity(SYMBOL) == 0
        assert broker.open_orders() == ()

    @pytest.mark.parametrize(
        "terms",
        [{"take_profit": Decimal(110), "stop_loss": Decimal(95)}, {"limit_price": "95", "extended_hours": True}],
    )
    def test_what_is_beyond_the_capabilities_is_refused_whole(self, broker, terms):
        wanted = intent("part", **terms)
        if not broker.capabilities.beyond(wanted):
            pytest.skip("the venue takes it")
        assert isinstance(broker.submit(wanted), Rejected)
        assert broker.order("part") is None

    def test_a_trailing_sell_follows_the_price_up_and_sells_on_the_way_down(self, venue, broker, held):
        if OrderType.TRAILING_STOP not in broker.capabilities.order_types:
            pytest.skip("no trailing stops")
        trail = intent("t1", Side.SELL, type=OrderType.TRAILING_STOP, trail="5", time_in_force=TimeInForce.GTC)
        broker.submit(trail)
        for bid, ask in (("110.00", "110.02"), ("120.00", "120.02"), ("116.00", "116.02")):
            venue.quote(SYMBOL, bid, ask)
            assert venue.settle("t1").state is OrderState.ACKED
        venue.quote(SYMBOL, "114.90", "114.92")
        assert venue.settle("t1").state is OrderState.FILLED

    def test_an_immediate_order_never_rests(self, venue, broker):
        broker.submit(intent("i1", limit_price="95", time_in_force=TimeInForce.IOC))
        assert venue.settle("i1").state is OrderState.CANCELED
        assert broker.open_orders() == ()

    def test_G10_a_lasting_order_sent_after_the_close_waits_for_the_open(self, venue, broker):
        venue.shut()
        assert isinstance(broker.submit(intent("late", time_in_force=TimeInForce.GTC)), Accepted)
        assert venue.settle("late").state is OrderState.ACKED
        venue.reopen()
        venue.quote(SYMBOL, "101.00", "101.02")
        assert venue.settle("late").state is OrderState.FILLED

    # --- parts, cancels --------------------------------------------------------------------------------------

    def test_a_partial_fill_grows_until_it_is_whole(self, venue, broker):
        broker = venue.fill_share("0.4")
        broker.submit(intent("p1", time_in_force=TimeInForce.GTC))
        seen = [venue.settle("p1")]
        for _ in range(2):
            venue.quote(SYMBOL, "99.99", "100.01")
            seen.append(venue.settle("p1"))
        assert [order.filled for order in seen] == [4, 8, 10]
        assert [order.state for order in seen] == [OrderState.PARTIAL, OrderState.PARTIAL, OrderState.FILLED]
        assert sum(f.quantity for f in broker.fills(seen[0].updated - timedelta(hours=1))) == 10

    def test_I13_asking_often_fills_no_more(self, venue, broker):
        broker = venue.fill_share("0.4")
        broker.submit(intent("p1", time_in_force=TimeInForce.GTC))
        first = venue.settle("p1")
        assert [broker.order("p1").filled for _ in range(3)] == [first.filled] * 3

    def test_a_cancel_ends_a_resting_order(self, venue, broker):
        broker.submit(intent("c1", limit_price="95"))
        assert isinstance(broker.cancel("c1"), Accepted)
        assert venue.settle("c1").state is OrderState.CANCELED
        venue.quote(SYMBOL, "94.00", "94.02")
        assert venue.settle("c1").filled == 0

    def test_B09_a_cancel_after_a_partial_fill_keeps_what_is_filled(self, venue, broker):
        broker = venue.fill_share("0.37")
        broker.submit(intent("c2", quantity="100", time_in_force=TimeInForce.GTC))
        broker.cancel("c2")
        order = venue.settle("c2")
        venue.quote(SYMBOL, "99.99", "100.01")
        assert (order.state, order.filled) == (OrderState.CANCELED, 37)
        assert venue.settle("c2") == order
        assert broker.account().quantity(SYMBOL) == 37

    def test_G06_a_finished_order_cannot_be_canceled(self, venue, broker, held):
        assert isinstance(broker.cancel(held.client_id), Rejected)
        assert venue.settle(held.client_id) == held

    def test_G06_an_unknown_order_cannot_be_canceled(self, broker):
        assert isinstance(broker.cancel("never-sent"), Rejected)

    # --- look-up, duplicates ---------------------------------------------------------------------------------

    def test_an_id_that_was_never_sent_is_none(self, broker):
        assert broker.order("never-sent") is None

    def test_G02_a_client_id_is_unique_for_ever(self, venue, broker):
        if not broker.capabilities.unique_client_ids:
            pytest.skip("the venue does not enforce unique ids")
        first = intent("twice", limit_price="95")
        broker.submit(first)
        resting = venue.settle("twice")
        # A venue may say that it has this very order already, and never that it took another one.
        again = broker.submit(first)
        assert isinstance(again, Rejected) or (
            isinstance(again, Accepted) and again.order.broker_id == resting.broker_id
        )
        assert broker.open_orders() == (resting,)
        broker.cancel("twice")
        venue.settle("twice")
        assert not isinstance(broker.submit(replace(first, quantity=Decimal(1))), Accepted)
        assert broker.order("twice").quantity == 10

    # --- fills -----------------------------------------------------------------------------------------------

    def test_fills_since_is_inclusive_and_oldest_first(self, venue, broker):
        for number in range(3):
            broker.submit(intent(f"f{number}"))
            venue.settle(f"f{number}")
            venue.quote(SYMBOL, "99.99", "100.01")
        everything = broker.fills(broker.clock().now - timedelta(days=1))
        assert [fill.client_id for fill in everything] == ["f0", "f1", "f2"]
        assert all(before.time <= after.time for before, after in pairwise(everything))
        assert broker.fills(everything[1].time) == everything[1:]
        assert broker.fills(everything[2].time + SECOND) == ()

    def test_I19_every_execution_has_an_id_of_its_own(self, venue, broker):
        broker = venue.fill_share("0.4")
        broker.submit(intent("parts", time_in_force=TimeInForce.GTC))
        for _ in range(3):
            venue.settle("parts")
            venue.quote(SYMBOL, "99.99", "100.01")
        fills = broker.fills(broker.clock().now - timedelta(days=1))
        assert len({fill.id for fill in fills}) == len(fills) == 3
        assert {fill.time.tzinfo for fill in fills} == {UTC}

    # --- refusals --------------------------------------------------------------------------------------------
