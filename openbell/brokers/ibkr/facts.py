"""Facts of a contract, and what of an order does not fit them."""

from typing import Any

from openbell.brokers.ibkr import rows
from openbell.errors import BrokerError
from openbell.ports import Rejected
from openbell.values.instrument import Instrument
from openbell.values.money import text
from openbell.values.orders import OrderIntent


def unfit(intent: OrderIntent, details: Any) -> Rejected | None:
    """What the venue would refuse anyway: parts of shares, and prices between ticks."""
    if intent.quantity != intent.quantity.to_integral_value():
        return Rejected("10243", f"quantity {text(intent.quantity)} of {intent.symbol} is not a whole number of shares")
    tick = rows.amount(details.minTick, "the tick")
    prices = (intent.limit_price, intent.stop_price, intent.take_profit, intent.stop_loss)
    off = next((price for price in prices if price is not None and tick > 0 and price % tick), None)
    return Rejected("110", f"price {off} of {intent.symbol} is not a multiple of {text(tick)}") if off else None


def instrument(symbol: str, details: Any, shorting: bool) -> Instrument:
    """Facts of a contract; one that is not routed to SMART is not tradable here."""
    tick = rows.maybe(details.minTick)
    if not tick or tick < 0:
        raise BrokerError(f"ibkr: the tick of {symbol} is {details.minTick!r}")
    return Instrument(
        symbol=symbol,
        venue=str(details.contract.primaryExchange),
        currency=str(details.contract.currency),
        tick=tick,
        fractionable=False,
        tradable="SMART" in (details.validExchanges or "SMART").split(","),
        shortable=shorting,
    )
