"""The Broker port over the API of TWS and IB Gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from openbell.brokers.ibkr import codes, hours, look, outcomes, rows, statement
from openbell.brokers.ibkr.facts import instrument, unfit
from openbell.brokers.ibkr.ids import OrderIds
from openbell.brokers.ibkr.look import Sent
from openbell.brokers.ibkr.sending import Sending, Watch, Word, cancel, waits
from openbell.brokers.ibkr.terms import Terms
from openbell.errors import BrokerError, BrokerUnavailable, InputError
from openbell.ports import Accepted, BrokerClock, Capabilities, Rejected, Submission, Unknown, VenueDays
from openbell.values.account import Account
from openbell.values.instrument import Instrument
from openbell.values.legs import independent, legs_of
from openbell.values.money import ZERO, text
from openbell.values.orders import Bust, Fill, Order, OrderClass, OrderIntent, OrderType, Side
from openbell.venues.ibkr.contracts import Contracts
from openbell.venues.ibkr.gateway import environment_of
from openbell.venues.ibkr.line import Line
from openbell.venues.ibkr.session import Session

#: Reason of a refusal that the gateway never saw.
NOT_SENT = "NOT_SENT"


class IBKRBroker:
    """One account; who it is was asked when it was opened, and a login that changes later is an error.

    Our client id travels as ``orderRef``. The venue takes a second order with the same one, so nothing is ever sent
    again here, and before an order is sent it is asked whether the gateway knows one with its id.
    """

    def __init__(self, terms: Terms, ids: OrderIds | None = None) -> None:
        self._terms = terms
        self._ids = ids or OrderIds()
        self._line = Line(terms, terms.client_id, BrokerUnavailable, orders=True)
        self._contracts = Contracts(terms)
        #: What this process sent, and what of it was refused with a clear word, by client id.
        self._sent: dict[str, Sent] = {}
        self._refused: set[str] = set()
        self._told = "", ""
        try:
            self._number = self._line.ask(_account_number)
        except (BrokerError, InputError):
            self._line.close()
            raise

    def __repr__(self) -> str:
        return f"IBKRBroker({self.environment} {self._number})"

    @property
    def account_id(self) -> str:
        """The account's number."""
        return self._number

    @property
    def environment(self) -> str:
        """``paper`` or ``live``, by the account's number."""
        return environment_of(self._number)

    @property
    def capabilities(self) -> Capabilities:
        """All order types and classes, whole shares; a client id is not unique at the venue."""
        return Capabilities(
            unique_client_ids=False,
            fractions=False,
            shorting=self._terms.shorting,
            order_types=frozenset(OrderType),
            order_classes=frozenset(OrderClass),
        )

    def close(self) -> None:
        """Hang up; it also happens by itself when the object goes."""
        self._line.close()

    # --- questions -------------------------------------------------------------------------------------------

    def clock(self) -> BrokerClock:
        """The gateway's clock, to the second, and the regular trading hours of the reference symbol."""
        return self._line.ask(self._clock)

    def sessions(self, first: date, last: date) -> VenueDays:
        """The days that the reference symbol's trading hours speak of: this week and the next, at most.

        What the clock was told of them is not asked for again.
        """
        known = hours.sessions(*self._told)
        told = known if first in known else hours.sessions(*self._line.ask(self._hours))
        return {day: span for day, span in told.items() if first <= day <= last}

    def account(self) -> Account:
        """Values and positions; BrokerUnavailable while the two do not agree."""
        return self._line.ask(lambda session: statement.account_of(session, self._terms.currency))

    def open_orders(self) -> tuple[Order, ...]:
        """Every open order of the account, whichever client or person placed it."""
        return self._line.ask(self._open_orders)

    def order(self, client_id: str) -> Order | None:
        """The order with our id among open orders, executions and completed orders; None when none has it."""
        found = self._line.ask(lambda session: look.find(session, client_id, self._sent.get(client_id)))
        refused = found is not None and client_id in self._refused and found.state.terminal and not found.filled
        return None if refused else found

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Executions of the account at or after ``since``, oldest first; the gateway knows those of the day only."""
        made = self._line.ask(look.executions)
        return tuple(each.as_fill() for each in made if each.time >= since)

    def busts(self, since: datetime) -> tuple[Bust, ...]:
        """Executions at or after ``since`` that were corrected down to nothing, oldest first."""
        told = self._line.ask(look.told_executions)
        gone = (each for each in told if each.quantity <= 0 and each.time >= since)
        return tuple(Bust(name, each.client_id, each.time) for each in gone for name in each.earlier)

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Facts of each symbol; what is no contract, or an ambiguous one, is absent."""
        found = self._line.ask(lambda session: self._contracts.find(session, symbols))
        return {
            symbol: instrument(symbol, details, self._terms.shorting)
            for symbol, details in found.items()
            if not isinstance(details, str)
        }

    # --- orders ----------------------------------------------------------------------------------------------

    def submit(self, intent: OrderIntent) -> Submission:
        """Send once; only a clear word counts, and everything else is Unknown."""
        if part := self.capabilities.beyond(intent):
            return Rejected(NOT_SENT, f"nothing was sent: {part} are not taken here")
        try:
            ready = self._line.ask(lambda session: self._prepared(session, intent))
        except (BrokerError, InputError) as error:
            return Rejected(NOT_SENT, f"nothing was sent: {error}")
        return ready if isinstance(ready, (Accepted, Rejected, Unknown)) else self._send(intent, ready)

    def _send(self, intent: OrderIntent, contract: Any) -> Submission:
        sending = Sending(intent, contract, self._terms.ack_timeout, self._ids)
        try:
            word, watch = self._line.ask(sending.go, again=False)
        except (BrokerError, InputError) as error:
            if not sending.sent:
                return Rejected(NOT_SENT, f"nothing was sent: {error}")
            return Unknown(f"the connection ended while the order was sent: {error}")
        self._sent[intent.id] = Sent(watch.number, watch.serial, intent.quantity)
        return self._outcome(intent, word, watch)

    def _outcome(self, intent: OrderIntent, word: Word, watch: Watch) -> Submission:
        if word is Word.TAKEN:
            order = outcomes.taken(intent, watch)
            return self._called_off(order) if waits(intent, watch) else Accepted(order, self._legs(intent))
        if word is Word.REFUSED and watch.refusal:
            self._refused.add(intent.id)
            code, said = watch.refusal
            return self._alone(intent) or Rejected(str(code), said or codes.REFUSALS[code])
        if word is Word.ENDED:
            return self._confirmed(intent, watch)
        if word is Word.LOST:
            return Unknown("the connection was lost after the order was sent")
        return outcomes.silent(watch, self._terms.ack_timeout)

    def _legs(self, intent: OrderIntent) -> tuple[Order, ...]:
        """The legs that the gateway lists as open; of the others nothing is said here."""
        wanted = [leg.id for leg in legs_of(intent)]
        try:
            there = {order.client_id: order for order in self.open_orders()} if wanted else {}
        except BrokerError:
            return ()
        return tuple(there[name] for name in wanted if name in there)

    def _alone(self, intent: OrderIntent) -> Unknown | None:
        """The stop of an OCO whose limit was refused is taken back: nothing works of what is rejected."""
        if intent.order_class is not OrderClass.OCO:
            return None
        (stop,) = legs_of(intent)
        gone = self.cancel(stop.id)
        left = isinstance(gone, Unknown) or (isinstance(gone, Accepted) and not gone.order.state.terminal)
        return Unknown(f"it is refused, but its stop {stop.id} may work") if left else None

    def _called_off(self, order: Order) -> Submission:
        """An order for the day that the venue holds back until it opens again is canceled at once."""
        told = f"{order.reason}; taken back, since it would have waited for the next session"
        outcome = self.cancel(order.client_id)
        found = outcome.order if isinstance(outcome, Accepted) else order
        return Accepted(replace(found, reason=told), concern=told)

    def _confirmed(self, intent: OrderIntent, watch: Watch) -> Submission:
        """A status claims an end without a reason: the lists of the gateway must bear it out."""
        try:
            found = self.order(intent.id)
        except BrokerError as error:
            return outcomes.claimed(watch, f"the look-up failed: {error}")
        return Accepted(found) if found else outcomes.claimed(watch, "no list of the gateway has it")

    def cancel(self, client_id: str) -> Submission:
        """Ask for a cancel; the order may still fill, and stays PENDING_CANCEL until the venue says more."""
        try:
            trade = self._line.ask(lambda session: self._open_trade(session, client_id))
            if isinstance(trade, Rejected):
                return trade
            word, watch = self._line.ask(
                lambda session: cancel(session, trade.order.orderId, self._terms.ack_timeout), again=False
            )
            found = self.order(client_id)
        except (BrokerError, InputError) as error:
            return Unknown(f"whether the order is canceled is not known: {error}")
        return outcomes.canceled(client_id, word, watch, found)

    # --- behind the doors ------------------------------------------------------------------------------------

    async def _clock(self, session: Session) -> BrokerClock:
        now = await session.named("its clock", session.ib.reqCurrentTimeAsync)
        return BrokerClock(now.astimezone(UTC), hours.is_open(*await self._hours(session), now))

    async def _hours(self, session: Session) -> tuple[str, str]:
        """The regular hours of the reference symbol, and their zone."""
        found = await self._contracts.find(session, [self._terms.reference], anew=True)
        details = found[self._terms.reference]
        if isinstance(details, str):
            raise BrokerError(f"ibkr: no trading hours: {details}; name another symbol in reference")
        self._told = str(details.liquidHours or details.tradingHours), str(details.timeZoneId)
        return self._told

    async def _open_orders(self, session: Session) -> tuple[Order, ...]:
        now, found = datetime.now(UTC), []
        for trade in await look.open_trades(session):
            refusal = look.refusal(session, self._sent.get(trade.order.orderRef))
            found.append(rows.open_order(trade, look.status_of(session, trade), (), refusal, now))
        return tuple(order for order in found if not order.state.terminal)

    async def _prepared(self, session: Session, intent: OrderIntent) -> Any:
        """The contract to send the order for, or why it is not sent; also shows that the line is alive."""
        details = (await self._contracts.find(session, [intent.symbol]))[intent.symbol]
        if isinstance(details, str):
            return Rejected("200", details)
        if problem := unfit(intent, details):
            return problem
        found = await look.find(session, intent.id, self._sent.get(intent.id), ended=False)
        if found is not None:
            return outcomes.recovered(found, intent)
        if intent.side is Side.SELL and not self._terms.shorting:
            free = await self._free(session, intent.symbol)
            if intent.quantity > free:
                return Rejected("SHORT", f"{text(intent.quantity)} to sell, {text(free)} held and not on offer yet")
        return details.contract

    async def _free(self, session: Session, symbol: str) -> Decimal:
        """What is held and not offered by an open order."""
        account = await statement.account_of(session, self._terms.currency)
        orders = independent(await self._open_orders(session))
        working = [order for order in orders if (order.symbol, order.side) == (symbol, Side.SELL)]
        return max(ZERO, account.quantity(symbol) - sum((order.remaining for order in working), ZERO))

    async def _open_trade(self, session: Session, client_id: str) -> Any:
        """The order to cancel, or why there is none to cancel from here."""
        trades = [trade for trade in await look.open_trades(session) if rows.named(trade.order) == client_id]
        if not trades:
            found = await look.find(session, client_id, self._sent.get(client_id))
            if found is None:
                return Rejected("UNKNOWN_ORDER", f"no order has the client id {client_id}")
            return Rejected("NOT_OPEN", f"the order is {found.state}: {found.reason or 'nothing is left to cancel'}")
        order = trades[0].order
        if order.clientId != self._terms.client_id or order.orderId <= 0:
            return Rejected("OTHER_CLIENT", f"only client {order.clientId}, which placed the order, can cancel it")
        return trades[0]


async def _account_number(session: Session) -> str:
    return session.account
