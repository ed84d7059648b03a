"""Interactive Brokers: stocks over TWS or IB Gateway, paper or live."""

from openbell.brokers.ibkr.broker import IBKRBroker
from openbell.brokers.ibkr.ids import OrderIds
from openbell.brokers.ibkr.terms import Terms
from openbell.ports import Broker, MarketFeed, PaperLedger
from openbell.specs import BrokerSpec, Surroundings

__all__ = ["IBKR", "IBKRBroker"]


class IBKR(Terms, BrokerSpec):
    """Terms of an Interactive Brokers account, as ``[account.params]`` of a plan has them.

    There is no key: whoever logged in to the gateway decides which account this is, and its number must agree with
    the mode and the port.
    """

    @property
    def environment(self) -> str:
        """As the terms have it; the account's number must bear it out."""
        return self.mode

    def open(self, account: str, around: Surroundings, feed: MarketFeed, ledger: PaperLedger) -> Broker:  # noqa: ARG002
        """The account behind the gateway, connected and complete; InputError when it is not of this mode."""
        return IBKRBroker(self, OrderIds(around.kept))
