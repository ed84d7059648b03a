"""What every broker must refuse, and that a refusal leaves no trace."""

from decimal import Decimal

import pytest

from openbell.ports import Accepted, Rejected
from openbell.values.orders import OrderState, Side
from tests.contracts.venue import SYMBOL, UNKNOWN_SYMBOL, intent


class RefusalContract:
    """Part of ``BrokerContract``."""

    def test_a_refused_order_leaves_no_trace(self, broker):
        before = broker.account()
        answer = broker.submit(intent("dear", quantity="1000000"))
        assert isinstance(answer, Rejected)
        assert answer.code
        assert answer.message
        assert broker.order("dear") is None
        assert broker.account() == before

    def test_B16_more_than_the_buying_power_is_refused(self, broker):
        most = broker.account().buying_power // 100
        assert isinstance(broker.submit(intent("over", quantity=str(most + 1), limit_price="100")), Rejected)
        assert isinstance(broker.submit(intent("under", quantity=str(most * 9 // 10), limit_price="90")), Accepted)

    def test_G12_open_orders_hold_back_buying_power(self, broker):
        power = broker.account().buying_power
        broker.submit(intent("hold", quantity="100", limit_price="95"))
        assert broker.account().buying_power == power - 9500
        broker.cancel("hold")
        assert broker.account().buying_power == power

    def test_an_unknown_symbol_is_refused(self, broker):
        assert isinstance(broker.submit(intent("zz", symbol=UNKNOWN_SYMBOL)), Rejected)

    def test_G19_an_off_tick_price_is_refused(self, broker):
        assert isinstance(broker.submit(intent("tick", limit_price="95.001")), Rejected)

    def test_B18_a_sale_of_more_than_is_held_never_makes_a_short(self, broker, held):
        if broker.capabilities.shorting:
            pytest.skip("the venue sells short")
        assert isinstance(broker.submit(intent("o1", Side.SELL, quantity="11")), Rejected)
        assert broker.account().quantity(SYMBOL) == 10

    def test_B18_nothing_held_nothing_sold(self, broker):
        if broker.capabilities.shorting:
            pytest.skip("the venue sells short")
        assert isinstance(broker.submit(intent("o2", Side.SELL)), Rejected)

    def test_a_short_is_a_negative_position(self, venue, broker):
        if not broker.capabilities.shorting:
            pytest.skip("the venue does not sell short")
        assert isinstance(broker.submit(intent("short", Side.SELL)), Accepted)
        assert venue.settle("short").state is OrderState.FILLED
        assert broker.account().quantity(SYMBOL) == -10

    def test_B14_a_fraction_is_filled_exactly_or_refused(self, venue, broker):
        answer = broker.submit(intent("half", quantity="0.4"))
        if not broker.capabilities.fractions:
            assert isinstance(answer, Rejected)
            return
        assert venue.settle("half").filled == Decimal("0.4")
        assert broker.account().quantity(SYMBOL) == Decimal("0.4")

    def test_B15_more_than_nine_decimals_are_refused(self, broker):
        assert isinstance(broker.submit(intent("fine", quantity="0.1234567891")), Rejected)
