"""The account: exact, immutable; applying a fill returns a new one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from openbell.values.money import ZERO, cents
from openbell.values.orders import Fill


@dataclass(frozen=True, slots=True)
class Position:
    """Holding of one symbol: signed quantity, average entry price, P&L realised so far."""

    symbol: str
    quantity: Decimal
    average_price: Decimal
    realized: Decimal = ZERO

    def apply(self, fill: Fill) -> "Position":
        """The position after a fill; average price moves only when the position grows or turns."""
        after = self.quantity + fill.signed
        closing = min(abs(self.quantity), fill.quantity) if self.quantity * fill.signed < 0 else ZERO
        sign = 1 if self.quantity > 0 else -1
        realized = self.realized + (fill.price - self.average_price) * closing * sign
        return replace(self, quantity=after, average_price=self._average(fill, after), realized=realized)

    def _average(self, fill: Fill, after: Decimal) -> Decimal:
        if after == 0:
            return ZERO
        if self.quantity * fill.signed >= 0:
            cost = self.average_price * self.quantity + fill.price * fill.signed
            return cost / after
        return self.average_price if after * self.quantity > 0 else fill.price

    def resized(self, change: Decimal) -> "Position":
        """The position after its quantity moved without a trade, as by a split: what it cost stays."""
        after = self.quantity + change
        average = self.average_price * self.quantity / after if after else ZERO
        return replace(self, quantity=after, average_price=average)

    def unrealized(self, mark: Decimal) -> Decimal:
        """P&L that closing at ``mark`` would realise."""
        return (mark - self.average_price) * self.quantity


@dataclass(frozen=True, slots=True)
class Account:
    """Cash and positions of one account.

    ``buying_power`` and ``reported_equity`` are the venue's own word; ``blocked`` says why the venue lets the
    account trade no more. ``equity_at_open`` and ``peak_equity`` come from the store's own history.
    """

    id: str
    environment: str
    currency: str
    cash: Decimal
    positions: Mapping[str, Position]
    buying_power: Decimal
    equity_at_open: Decimal | None = None
    peak_equity: Decimal | None = None
    reported_equity: Decimal | None = None
    blocked: str = ""

    def quantity(self, symbol: str) -> Decimal:
        """Signed quantity held, zero when none."""
        held = self.positions.get(symbol)
        return held.quantity if held else ZERO

    def equity(self, marks: Mapping[str, Decimal]) -> Decimal:
        """Cash + sum(quantity x mark), to the cent; a held symbol without a mark is a KeyError, not zero."""
        value = sum((p.quantity * marks[p.symbol] for p in self.positions.values() if p.quantity), ZERO)
        return cents(self.cash + value)

    def apply(self, fill: Fill) -> "Account":
        """The account after a fill: cash moves by quantity x price and the fee, both exact."""
        held = self.positions.get(fill.symbol, Position(fill.symbol, ZERO, ZERO))
        positions = {**self.positions, fill.symbol: held.apply(fill)}
        cash = self.cash - fill.signed * fill.price - fill.fee
        return replace(self, cash=cash, positions=positions)
