"""risk-gate: size and net the signals once, then let every rule judge every wanted order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from openbell.ports import Capabilities
from openbell.risk.book import Book
from openbell.risk.gate import judge
from openbell.stages.fetch import equity, marks
from openbell.stages.net import Netted, net
from openbell.stages.resolve import Resolved
from openbell.values.account import Account
from openbell.values.legs import independent
from openbell.values.market import Market
from openbell.values.orders import OrderIntent, Purpose, Side
from openbell.values.signal import Signal
from openbell.values.slot import Slot
from openbell.values.verdict import Decision, Ruling, Unplaced, Verdict


@dataclass(frozen=True, slots=True)
class Gated:
    """What is wanted, what was said of it, and why the rest was not wanted."""

    intents: tuple[OrderIntent, ...]
    unplaced: tuple[Unplaced, ...]
    verdicts: tuple[Verdict, ...]
    capabilities: Capabilities


def judge_signals(
    desk: Resolved, market: Market, signals: Sequence[Signal], slot: Slot, capabilities: Capabilities
) -> Gated:
    """Intents and verdicts; the same inputs give the same answer to the byte."""
    return judge_wanted(desk, market, want(desk, market, signals, slot), capabilities)


def want(desk: Resolved, market: Market, signals: Sequence[Signal], slot: Slot) -> Netted:
    """What the signals come to, sized and netted, before anything is judged."""
    return net(desk.seats, signals, desk.sizer, desk.plan.sizing, market, slot, desk.plan.mode)


def judge_wanted(desk: Resolved, market: Market, wanted: Netted, capabilities: Capabilities) -> Gated:
    """What the rules say of each order."""
    intents = capabilities.termed(wanted.intents)
    book = book_of(desk, market, capabilities)
    verdicts = judge(intents, desk.rules, book, desk.plan.sizing.min_trade)
    return Gated(intents, wanted.unplaced, verdicts, capabilities)


def book_of(desk: Resolved, market: Market, capabilities: Capabilities) -> Book:
    """The account before the first intent. Equity stays unknown while any price of what is held is."""
    account, priced = market.account, marks(market)
    held = {symbol: position.quantity for symbol, position in account.positions.items() if position.quantity}
    return Book(
        as_of=market.as_of,
        cash=account.cash,
        equity=equity(account, priced),
        buying_power=account.buying_power,
        positions=held,
        prices=_prices(market),
        price_ages=_ages(market),
        open_orders=independent(market.open_orders),
        instruments=market.instruments,
        capabilities=capabilities,
        equity_at_open=account.equity_at_open,
        peak_equity=account.peak_equity,
        orders_this_run=0,
        orders_today=market.activity.orders_today,
        recent=market.activity.recent,
        quote_limit=desk.plan.freshness.quotes,
        breaks=market.activity.breaks,
        currency=account.currency,
        spreads={symbol: quote.spread for symbol, quote in market.quotes.items()},
    )


def _prices(market: Market) -> dict[str, Decimal]:
    """Every price that ``Market.price`` knows, in one pass."""
    bars, quotes = market.bars, market.quotes
    closes = zip(bars.symbols, bars.close[-1].tolist(), strict=True) if len(bars) else ()
    found = {symbol: Decimal(repr(close)) for symbol, close in closes if symbol not in quotes and close == close}
    return found | {symbol: quote.mid for symbol, quote in quotes.items()}


def _ages(market: Market) -> dict[str, timedelta]:
    return {symbol: quote.age(market.as_of) for symbol, quote in market.quotes.items()}


#: The smallest entry there could be: what it would be denied for is a limit of the account as a whole.
_PROBE = OrderIntent("probe", "probe", 0, "PROBE", Side.BUY, Decimal(1), Purpose.ENTRY, Decimal(1))


def account_limits(desk: Resolved, account: Account) -> str:
    """Why the account as a whole may open nothing, before any price is asked for; empty when it may."""
    denied = account_denials(desk, account)
    return account.blocked or "; ".join(f"{ruling.rule}: {ruling.measured} against {ruling.limit}" for ruling in denied)


def account_denials(desk: Resolved, account: Account) -> tuple[Ruling, ...]:
    """The rulings of the rules that the account as a whole breaks."""
    book = Book(
        as_of=datetime.min.replace(tzinfo=UTC),
        cash=account.cash,
        equity=account.reported_equity,
        buying_power=account.buying_power,
        positions={},
        prices={},
        price_ages={},
        open_orders=(),
        instruments={},
        capabilities=Capabilities(False, False, False, frozenset()),
        equity_at_open=account.equity_at_open,
        peak_equity=account.peak_equity,
        orders_this_run=0,
        orders_today=0,
        recent=frozenset(),
        quote_limit=desk.plan.freshness.quotes,
    )
    rulings = [rule.judge(_PROBE, book) for rule in desk.rules if rule.account_wide]
    return tuple(ruling for ruling in rulings if ruling.decision is Decision.DENIED)
