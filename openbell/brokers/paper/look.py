"""One look at a paper account: resting orders meet the newest quotes, and what follows is booked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from openbell.brokers.paper import kin, margin, progress
from openbell.brokers.paper.fills import Execution, FillModel, watch
from openbell.brokers.paper.margin import Working
from openbell.brokers.paper.progress import Progress
from openbell.brokers.paper.settings import PaperTerms
from openbell.ports import PaperBook
from openbell.values.account import Account
from openbell.values.legs import independent
from openbell.values.orders import Fill, Order, OrderState, TimeInForce
from openbell.values.quote import Quote


@dataclass(slots=True)
class Look:
    """The account inside one transaction at one instant; ``account`` moves as fills are booked."""

    book: PaperBook
    account: Account
    terms: PaperTerms
    quotes: Mapping[str, Quote]
    now: datetime
    is_open: bool

    @property
    def model(self) -> FillModel:
        """How this venue fills."""
        return FillModel(self.terms.slippage_bps, self.terms.fill_share)

    def advance_all(self) -> None:
        """Every open order, oldest first, as far as time and quotes take it."""
        for order in self.book.open_orders():
            self.advance(order)

    def advance(self, order: Order) -> None:
        """One order, as far as this instant takes it; kept only when something changed."""
        known = progress.load(self.book, order.client_id)
        if known.kin:
            order = self.book.order(order.client_id) or order  # one that it stands or falls with may have moved it
            if order.state.terminal or kin.asleep(self.book, order):
                return
        after, known_after = self._step(order, known)
        if after != order:
            self.book.save_order(after)
        if known_after != known:
            progress.save(self.book, order.client_id, known_after)
        kin.move(self.book, order, after, known.kin)

    def place(self, order: Order, known: Progress, legs: Sequence[tuple[Order, Progress]] = ()) -> Order:
        """Keep a new order after its first meeting with the market, and its legs as they are."""
        placed, known = self._step(order, known)
        for kept, of_it in ((placed, known), *legs):
            self.book.save_order(kept)
            progress.save(self.book, kept.client_id, of_it)
        kin.move(self.book, order, placed, known.kin)
        return placed

    def cancel(self, order: Order) -> Order:
        """What is filled stays filled, the rest is canceled, and so is what stands or falls with it."""
        canceled = _ended(order, OrderState.CANCELED, self.now, "canceled on request")
        self.book.save_order(canceled)
        kin.move(self.book, order, canceled, progress.load(self.book, order.client_id).kin)
        return canceled

    def working(self) -> list[Working]:
        """Open orders that can all fill, with what they hold back, oldest first."""
        return [Working(o, progress.load(self.book, o.client_id).worth) for o in independent(self.book.open_orders())]

    def marks(self) -> dict[str, Decimal]:
        """A price of every symbol held."""
        return margin.marks(self.account, self.quotes)

    def buying_power(self) -> Decimal:
        """Notional that may still be opened."""
        return margin.buying_power(self.account, self.marks(), self.working(), self.terms.leverage)

    def breach(self) -> str:
        """Why nothing more may be opened, empty while the margin holds."""
        return margin.breach(self.account, self.marks(), self.terms.least_margin)

    def _step(self, order: Order, known: Progress) -> tuple[Order, Progress]:
        """Expired, filled in part or whole, its rest canceled, or as it was."""
        if self.now < order.updated:
            return order, known
        if known.expires is not None and self.now >= known.expires:
            at = max(known.expires, order.updated)
            return _ended(order, OrderState.EXPIRED, at, "its session has ended"), known
        order, known = self._trade(order, known)
        if order.time_in_force is TimeInForce.IOC and not order.state.terminal:
            order = _ended(order, OrderState.CANCELED, self.now, "the rest could not be filled at once")
        return order, known

    def _trade(self, order: Order, known: Progress) -> tuple[Order, Progress]:
        quote = self.quotes.get(order.symbol)
        if quote is None or not self.is_open:
            return order, known
        seen = watch(order, known.trigger, quote)
        fresh = known.quoted is None or quote.time > known.quoted
        execution = self.model.match(order, seen, quote) if fresh else None
        known = known.model_copy(update={"extreme": seen.extreme, "hit": seen.hit})
        return self._fill(order, known, execution, quote.time) if execution else (order, known)

    def _fill(self, order: Order, known: Progress, execution: Execution, quoted: datetime) -> tuple[Order, Progress]:
        notional = known.notional + execution.quantity * execution.price
        filled = order.filled + execution.quantity
        fees = self.terms.fee.total(filled, notional)
        fill = self._execution(order, known, execution, fees)
        self.account = self.account.apply(fill)
        self.book.add_fill(fill)
        self.book.save_account(self.account)
        state = OrderState.PARTIAL if filled < order.quantity else OrderState.FILLED
        order = replace(order, state=state, filled=filled, average_price=notional / filled, updated=self.now)
        after = {"fills": known.fills + 1, "notional": notional, "fees": fees, "quoted": quoted}
        return order, known.model_copy(update=after)

    def _execution(self, order: Order, known: Progress, execution: Execution, fees: Decimal) -> Fill:
        """Its id is the order's with a running number, so that the same look always makes the same fill."""
        return Fill(
            id=f"{order.client_id}-{known.fills + 1}",
            client_id=order.client_id,
            symbol=order.symbol,
            side=order.side,
            quantity=execution.quantity,
            price=execution.price,
            fee=fees - known.fees,
            time=self.now,
        )


def _ended(order: Order, state: OrderState, at: datetime, reason: str) -> Order:
    return replace(order, state=state, updated=at, reason=reason)
