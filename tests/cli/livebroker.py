"""An account that calls itself live and is a stub: one order rests there until it is cancelled."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from openbell.ports import Accepted, BrokerClock, Capabilities, MarketFeed, PaperLedger, Rejected, Submission
from openbell.specs import BrokerSpec, Surroundings
from openbell.values.account import Account
from openbell.values.instrument import Instrument
from openbell.values.orders import Fill, Order, OrderIntent, OrderState, OrderType, Side


class LiveDouble(BrokerSpec):
    """As a plan may name it by its dotted path."""

    def open(self, account: str, around: Surroundings, feed: MarketFeed, ledger: PaperLedger) -> "Live":
        return Live()


class Live:
    """A cancel leaves a file in the home of the installation."""

    account_id, environment = "U7654321", "live"
    capabilities = Capabilities(True, True, False, frozenset(OrderType))

    def clock(self) -> BrokerClock:
        return BrokerClock(datetime.now(UTC), True)

    def account(self) -> Account:
        return Account(self.account_id, "live", "USD", Decimal(100), {}, Decimal(100))

    def open_orders(self) -> tuple[Order, ...]:
        order = Order(
            "by-hand", "IBM", Side.BUY, Decimal(1), OrderType.MARKET, OrderState.ACKED, datetime.now(UTC), broker_id="1"
        )
        return () if self._canceled.exists() else (order,)

    def order(self, client_id: str) -> Order | None:
        return next((order for order in self.open_orders() if order.client_id == client_id), None)

    def submit(self, intent: OrderIntent) -> Submission:
        return Rejected("STUB", "takes no orders")

    def cancel(self, client_id: str) -> Submission:
        (order,) = self.open_orders()
        self._canceled.touch()
        return Accepted(order)

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        return ()

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        return {}

    @property
    def _canceled(self) -> Path:
        return Path(os.environ["OPENBELL_HOME"]) / "canceled"
