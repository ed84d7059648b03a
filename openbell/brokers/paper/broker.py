"""A venue of our own: real prices, pretended money, and the habits of real venues."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from openbell.brokers.paper import checks
from openbell.brokers.paper.fills import tick_at
from openbell.brokers.paper.look import Look
from openbell.brokers.paper.progress import Progress
from openbell.brokers.paper.settings import PaperSettings
from openbell.errors import BrokerUnavailable, DataError
from openbell.ports import (
    Accepted,
    BrokerClock,
    Capabilities,
    PaperBook,
    PaperLedger,
    Rejected,
    Submission,
)
from openbell.values.account import Account
from openbell.values.instrument import Instrument
from openbell.values.legs import legs_of
from openbell.values.orders import Fill, Order, OrderClass, OrderIntent, OrderState, OrderType, TimeInForce
from openbell.values.quote import Quote

Quotes = Callable[[Sequence[str], datetime], Mapping[str, Quote]]


class PaperBroker:
    """The Broker port over a ledger, quotes and a clock; the same inputs always lead to the same fills.

    Everything kept is in the ledger, so that processes may come and go. Each method is one transaction. A look
    first lets resting orders meet the newest quotes at ``now()``; a time earlier than an order's last change
    leaves it alone. ``session_end`` tells when a DAY order sent at an instant dies. A market order on its way
    while the venue is closed waits for it to open.
    """

    def __init__(
        self,
        settings: PaperSettings,
        ledger: PaperLedger,
        quotes: Quotes,
        now: Callable[[], datetime],
        is_open: Callable[[datetime], bool],
        session_end: Callable[[datetime], datetime],
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._quotes = quotes
        self._now = now
        self._is_open = is_open
        self._session_end = session_end
        self._watched: frozenset[str] = frozenset()

    @property
    def account_id(self) -> str:
        """The account's name in the books."""
        return self._settings.account

    @property
    def environment(self) -> str:
        """Always ``paper``."""
        return "paper"

    @property
    def capabilities(self) -> Capabilities:
        """As the settings have them; client ids are unique for ever."""
        terms = self._settings
        legs = {OrderType.LIMIT, OrderType.STOP} <= terms.order_types
        classes = frozenset(OrderClass) if legs else frozenset({OrderClass.SIMPLE})
        return Capabilities(True, terms.fractions, terms.shorting, terms.order_types, classes)

    def clock(self) -> BrokerClock:
        """The clock that the account lives by."""
        now = self._now()
        return BrokerClock(now, self._is_open(now))

    def account(self) -> Account:
        """Cash, open positions, buying power; equity only when every position has a quote."""
        with self._question() as look:
            return _shown(look)

    def open_orders(self) -> tuple[Order, ...]:
        """Orders that are not terminal, oldest first."""
        with self._ledger.peek(self.account_id) as book:
            if not book.open_orders():
                return ()  # neither time nor prices bring one in
        with self._question() as look:
            return look.book.open_orders()

    def order(self, client_id: str) -> Order | None:
        """The order with our id, or None; a rejected order was never here."""
        with self._question() as look:
            return look.book.order(client_id)

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Executions at or after ``since``, oldest first."""
        with self._ledger.peek(self.account_id) as book:
            if not book.open_orders():
                return book.fills(since)  # neither time nor prices bring one in
        with self._question() as look:
            return look.book.fills(since)

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Every symbol asked for that has a quote or is held; one that is only held cannot be traded."""
        try:
            quotes = self._usable(symbols, self._now())
        except DataError as error:
            raise self._no_prices(error) from error
        held = self._held() if any(symbol not in quotes for symbol in symbols) else frozenset()
        return {s: self._instrument(s, quotes.get(s)) for s in symbols if s in quotes or s in held}

    def submit(self, intent: OrderIntent) -> Submission:
        """Check, keep, and fill what the quote of this moment fills."""
        if part := self.capabilities.beyond(intent):
            return Rejected("ORDER_CLASS", f"{part} are not taken here")
        try:
            with self._look(self._quotes, intent.symbol) as look:
                return checks.refusal(look, intent) or self._place(look, intent)
        except DataError as error:
            return Rejected("UNAVAILABLE", f"no prices, nothing was sent: {error}")

    def take(self, intents: Sequence[OrderIntent]) -> None:
        """Place orders of which it is certain that no check refuses them, in one look."""
        with self._look(self._quotes, *(intent.symbol for intent in intents)) as look:
            for intent in intents:
                self._place(look, intent)

    def cancel(self, client_id: str) -> Submission:
        """Cancel the rest of an order; it may have filled just before."""
        try:
            with self._look(self._quotes) as look:
                return _canceled(look, client_id)
        except DataError:
            # Stopping an order must not hang on prices.
            with self._look(_unpriced) as look:
                return _canceled(look, client_id)

    def _place(self, look: Look, intent: OrderIntent) -> Accepted:
        legs = legs_of(intent)
        ids = tuple(each.id for each in (intent, *legs)) if legs else ()
        made = [(_taken(each, look.now), self._begun(look, each, ids)) for each in (intent, *legs)]
        placed = look.place(*made[0], made[1:])
        return Accepted(
            placed, tuple(look.book.order(leg.id) or order for leg, (order, _) in zip(legs, made[1:], strict=True))
        )

    def _begun(self, look: Look, intent: OrderIntent, ids: tuple[str, ...]) -> Progress:
        """What is remembered of an order when it comes in."""
        expires = self._session_end(look.now) if intent.time_in_force is TimeInForce.DAY else None
        worth = checks.worth(look, intent, look.quotes[intent.symbol])
        return Progress(expires=expires, worth=worth, kin=tuple(each for each in ids if each != intent.id))

    def _instrument(self, symbol: str, quote: Quote | None) -> Instrument:
        terms = self._settings
        return Instrument(
            symbol=symbol,
            asset_class="crypto" if "/" in symbol else "equity",
            venue="paper",
            currency=terms.currency,
            tick=tick_at(quote.last if quote else Decimal(1)),
            fractionable=terms.fractions,
            tradable=quote is not None,
            shortable=terms.shorting,
            max_leverage=terms.leverage,
        )

    @contextmanager
    def _question(self) -> Iterator[Look]:
        try:
            with self._ledger.peek(self.account_id) as book:
                account = book.account()
                if account is not None and not book.open_orders():
                    yield self._glance(book, account)
                    return
            with self._look(self._quotes) as look:
                yield look
        except DataError as error:
            raise self._no_prices(error) from error

    def _no_prices(self, error: DataError) -> BrokerUnavailable:
        return BrokerUnavailable(f"paper account {self.account_id} has no prices: {error}")

    def _usable(self, symbols: Sequence[str], now: datetime) -> Mapping[str, Quote]:
        """Quotes that are known by now."""
        quotes = self._quotes(symbols, now) if symbols else {}
        return {symbol: quote for symbol, quote in quotes.items() if quote.time <= now}

    def _held(self) -> frozenset[str]:
        with self._ledger.peek(self.account_id) as book:
            account = book.account()
        return frozenset(symbol for symbol in account.positions if account.quantity(symbol)) if account else frozenset()

    def _glance(self, book: PaperBook, account: Account) -> Look:
        """The account as it stands: where no order rests, neither time nor prices move it."""
        now = self._now()
        usable = self._usable(sorted(_needed(book, account)), now)
        return Look(book, account, self._settings, usable, now, self._is_open(now))

    @contextmanager
    def _look(self, ask: Quotes, *symbols: str) -> Iterator[Look]:
        """The account after its resting orders have met the newest quotes, inside one transaction.

        Prices of the symbols seen last time are fetched before the transaction, so that a slow feed seldom
        holds the ledger; only what turns out to be missing is fetched inside.
        """
        likely = self._watched | {*symbols}
        quotes = dict(ask(sorted(likely), self._now())) if likely else {}
        with self._ledger.open(self.account_id) as book:
            # Read under the lock, so that of two fills the later one never carries the earlier time.
            now = self._now()
            account = book.account() or self._opened(book)
            needed = _needed(book, account)
            if missing := needed - likely:
                quotes |= ask(sorted(missing), now)
            self._watched = needed
            usable = {symbol: quote for symbol, quote in quotes.items() if quote.time <= now}
            look = Look(book, account, self._settings, usable, now, self._is_open(now))
            look.advance_all()
            yield look

    def _opened(self, book: PaperBook) -> Account:
        cash, terms = self._settings.cash, self._settings
        account = Account(self.account_id, "paper", terms.currency, cash, {}, cash * terms.leverage)
        book.save_account(account)
        return account


def _needed(book: PaperBook, account: Account) -> frozenset[str]:
    held = {symbol for symbol, position in account.positions.items() if position.quantity}
    return frozenset(held | {order.symbol for order in book.open_orders()})


def _unpriced(symbols: Sequence[str], now: datetime) -> Mapping[str, Quote]:  # noqa: ARG001
    return {}


def _shown(look: Look) -> Account:
    account, prices = look.account, look.marks()
    priced = all(symbol in look.quotes for symbol in prices)
    return replace(
        account,
        positions={symbol: account.positions[symbol] for symbol in prices},
        buying_power=look.buying_power(),
        reported_equity=account.equity(prices) if priced else None,
        blocked=look.breach(),
    )


def _canceled(look: Look, client_id: str) -> Submission:
    order = look.book.order(client_id)
    if order is None:
        return Rejected("UNKNOWN_ORDER", f"no order has the client id {client_id}")
    if order.state.terminal:
        return Rejected("NOT_OPEN", f"order {client_id} is already {order.state}")
    return Accepted(look.cancel(order))


def _taken(intent: OrderIntent, now: datetime) -> Order:
    return Order(
        client_id=intent.id,
        symbol=intent.symbol,
        side=intent.side,
        quantity=intent.quantity,
        type=intent.type,
        state=OrderState.ACKED,
        updated=now,
        broker_id=f"paper-{intent.id}",
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        trail=intent.trail,
        time_in_force=intent.time_in_force,
    )
