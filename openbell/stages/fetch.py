"""fetch-data: everything that the decisions of a run may depend on, as of one instant."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from openbell.crashpoints import reach
from openbell.errors import DataError, FeedKeysRefused
from openbell.ports import Broker, Journal, MarketFeed
from openbell.stages.due import goes_by_looks
from openbell.stages.resolve import Resolved
from openbell.values.account import Account
from openbell.values.market import Activity, DropCode, Market
from openbell.values.slot import Slot

#: Orders of the same symbol and side inside this span count as duplicates of each other.
RECENT = timedelta(minutes=5)


def fetch(desk: Resolved, feed: MarketFeed, broker: Broker, journal: Journal, slot: Slot, as_of: datetime) -> Market:
    """Bars, quotes, account, open orders and what the plan did so far; no symbol at all is a DataError."""
    checked = feed.bars(desk.symbols, desk.timeframe, desk.history, as_of)
    if not checked.bars.symbols:
        raise DataError(_nothing_left(desk, checked.dropped))
    reach("during-fetch")
    account, open_orders = broker.account(), broker.open_orders()
    symbols = sorted({*desk.symbols, *account.positions, *(order.symbol for order in open_orders)})
    market = Market(
        as_of=as_of,
        checked=checked,
        quotes=feed.quotes(symbols, as_of),
        account=account,
        open_orders=open_orders,
        instruments=broker.instruments(symbols),
        activity=_activity(desk, journal, account, slot, as_of),
    )
    _alert(market, journal)
    return replace(market, account=_with_history(market, journal, slot))


def _alert(market: Market, journal: Journal) -> None:
    """What a person must see of the data: refused keys, prices that are doubted, holdings without a price."""
    for failure in market.checked.failures:
        if failure.code == FeedKeysRefused.__name__:
            journal.alert("FEED_KEYS_REFUSED", failure.provider, failure.detail)
    for drop in market.checked.dropped:
        if drop.code is DropCode.SUSPECT:
            journal.alert(drop.code.value, drop.symbol, drop.detail)
    for symbol, held in market.account.positions.items():
        if held.quantity and market.price(symbol) is None:
            journal.alert("PRICE_UNKNOWN", symbol, f"{held.quantity} are held, and no feed has a price")


def _nothing_left(desk: Resolved, dropped: tuple[object, ...]) -> str:
    return f"no symbol of {len(desk.symbols)} has usable bars; first: {dropped[0] if dropped else 'no answer'}"


def _with_history(market: Market, journal: Journal, slot: Slot) -> Account:
    return with_history(market.account, equity(market.account, marks(market)), journal, slot)


def with_history(account: Account, now: Decimal | None, journal: Journal, slot: Slot) -> Account:
    """The account with the equity that losses are measured from; the first run of an account measures from now on."""
    at_open, peak = journal.reference_equity(account.id, slot.session)
    return replace(
        account, equity_at_open=now if at_open is None else at_open, peak_equity=now if peak is None else peak
    )


def equity(account: Account, prices: Mapping[str, Decimal]) -> Decimal | None:
    """Cash + sum(quantity x mark) to the cent, None when the price of anything held is unknown."""
    held = {symbol for symbol, position in account.positions.items() if position.quantity}
    return account.equity(prices) if held <= prices.keys() else None


def _activity(desk: Resolved, journal: Journal, account: Account, slot: Slot, as_of: datetime) -> Activity:
    midnight = datetime.combine(slot.session, datetime.min.time(), desk.exchange.zone)
    found = journal.activity(desk.plan.name, account.id, midnight, as_of - RECENT)
    return replace(found, looks=journal.looks(desk.plan.name)) if goes_by_looks(desk.plan) else found


def marks(market: Market) -> dict[str, Decimal]:
    """The price of each held symbol; a symbol without one is absent, not zero."""
    priced = {symbol: market.price(symbol) for symbol, held in market.account.positions.items() if held.quantity}
    return {symbol: price for symbol, price in priced.items() if price is not None}
