"""I12, I13, I19 after any sequence of orders, quotes, cancels, closings and openings."""

from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from openbell.ports import Accepted
from openbell.values.order_states import TRANSITIONS
from openbell.values.orders import Order, OrderState, OrderType, Side, TimeInForce
from tests.contracts.paper_venue import START, PaperVenue
from tests.contracts.venue import intent

D = Decimal
SYMBOLS = ("AAPL", "IBM", "BTC/USD")
CASH = 20_000
prices = st.decimals("0.50", "300", places=2)
terms = st.fixed_dictionaries(
    {
        "slippage_bps": st.sampled_from(["0", "1", "37.5"]),
        "fill_share": st.sampled_from(["1", "0.5", "0.13"]),
        "leverage": st.sampled_from(["1", "2.5", "50"]),
        "shorting": st.booleans(),
        "fractions": st.booleans(),
        "fee": st.sampled_from([{}, {"per_order": "1", "per_share": "0.005", "bps": "1.7", "minimum": "1.13"}]),
    }
)
quantities = st.one_of(
    st.integers(1, 200).map(str), st.decimals("0.000000001", "9", places=9).filter(bool).map(lambda q: format(q, "f"))
)


class PaperSequences(RuleBasedStateMachine):
    """One account, looked at through two brokers in turn."""

    @initialize(terms=terms)
    def open_account(self, terms):
        self.venue = PaperVenue(cash=str(CASH), **terms)
        self.brokers = [self.venue.another(), self.venue.another()]
        self.seen: dict[str, Order] = {}
        self.sent = 0
        for symbol in SYMBOLS:
            self.venue.quote(symbol, "99.99", "100.01")

    @rule(symbol=st.sampled_from(SYMBOLS), bid=prices, spread=st.decimals("-0.02", "3", places=2))
    def quote(self, symbol, bid, spread):
        self.venue.quote(symbol, str(bid), str(max(D("0.01"), bid + spread)))

    @rule(
        symbol=st.sampled_from(SYMBOLS),
        side=st.sampled_from(Side),
        quantity=quantities,
        kind=st.sampled_from(OrderType),
        force=st.sampled_from(TimeInForce),
        first=prices,
        second=prices,
    )
    def submit(self, symbol, side, quantity, kind, force, first, second):
        self.sent += 1
        fields = {
            OrderType.MARKET: {},
            OrderType.LIMIT: {"limit_price": first},
            OrderType.STOP: {"stop_price": first},
            OrderType.STOP_LIMIT: {"stop_price": first, "limit_price": second},
            OrderType.TRAILING_STOP: {"trail": first / 10},
        }[kind]
        wanted = intent(f"o{self.sent}", side, quantity, symbol=symbol, type=kind, time_in_force=force, **fields)
        answer = self.broker().submit(wanted)
        if isinstance(answer, Accepted):
            self.seen[wanted.id] = answer.order
        else:
            assert self.broker().order(wanted.id) is None

    @rule(side=st.sampled_from(Side), symbol=st.sampled_from(SYMBOLS))
    def close(self, side, symbol):
        held = self.broker().account().quantity(symbol)
        if held:
            self.submit(symbol, Side.SELL if held > 0 else Side.BUY, str(abs(held)), OrderType.MARKET, TimeInForce.DAY,
                        D(1), D(1))  # fmt: skip

    @rule(number=st.integers(1, 30))
    def cancel(self, number):
        self.broker().cancel(f"o{number}")

    @rule()
    def shut_or_open(self):
        self.venue.is_open = not self.venue.is_open

    @rule()
    def next_session(self):
        self.venue.time = self.venue.close
        self.venue.close += timedelta(days=1)

    def broker(self):
        self.brokers.reverse()
        return self.brokers[0]

    @invariant()
    def books_agree(self):
        account, fills = self.broker().account(), self.broker().fills(START)
        cash = D(CASH) - sum(fill.signed * fill.price + fill.fee for fill in fills)
        held = {s: sum((f.signed for f in fills if f.symbol == s), D(0)) for s in SYMBOLS}
        assert account.cash == cash
        assert {s: p.quantity for s, p in account.positions.items()} == {s: q for s, q in held.items() if q}
        exact = Fraction(cash) + sum(Fraction(held[s]) * Fraction(self.venue.prices[s].mid) for s in SYMBOLS)
        assert abs(Fraction(account.reported_equity) - exact) <= Fraction(1, 200)
        assert account.reported_equity == account.reported_equity.quantize(D("0.01"), ROUND_HALF_EVEN)
        if not self.venue.settings.shorting:
            assert min(held.values()) >= 0

    @invariant()
    def orders_only_move_forward(self):
        fills = self.broker().fills(START)
        assert len({fill.id for fill in fills}) == len(fills)
        assert all(fill.fee >= 0 and fill.fee == fill.fee.quantize(D("0.01")) for fill in fills)
        for client_id, before in self.seen.items():
            after = self.broker().order(client_id)
            own = [fill for fill in fills if fill.client_id == client_id]
            assert before.filled <= after.filled <= after.quantity
            assert after.filled == sum((fill.quantity for fill in own), D(0))
            assert after.state is before.state or _reachable(before.state, after.state)
            if after.limit_price is not None:
                assert all((fill.price - after.limit_price) * after.side.sign <= 0 for fill in own)
            self.seen[client_id] = after
        open_ids = {order.client_id for order in self.broker().open_orders()}
        assert open_ids == {client_id for client_id, order in self.seen.items() if not order.state.terminal}


def _reachable(before: OrderState, after: OrderState) -> bool:
    """Whether listed steps lead there; one look may hide a step in between."""
    steps = TRANSITIONS.get(before, frozenset())
    return after in steps or any(after in TRANSITIONS.get(step, ()) for step in steps)


TestPaperSequences = PaperSequences.TestCase
TestPaperSequences.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
