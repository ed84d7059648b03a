"""A broker that shows something else than what is there, and what the positions job makes of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from openbell.jobs.reconciling import positions
from openbell.store.verify import verify
from openbell.values.account import Position
from openbell.values.orders import Fill, Side

D = Decimal


OLD = timedelta(minutes=10)


class Venue:
    """What the broker of a wire shows, of which a test makes something else than what is there.

    ``moves`` are signed quantities that positions differ by, ``prices`` their averages, ``cash`` by how much cash does.
    """

    def __init__(self, wire):
        self.moves, self.averages, self.cash, self.extra, self.answers = {}, {}, D(0), [], []
        self.doubled = []
        self._account, self._fills, self._orders = wire.account, wire.fills, wire.open_orders
        wire.account, wire.fills, wire.open_orders = self.account, self.fills, self.open_orders

    def account(self):
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer(self._account())
        real = self._account()
        if not (self.moves or self.averages or self.cash):
            return real
        held = dict(real.positions)
        for symbol in {*self.moves, *self.averages}:
            known = held.get(symbol) or next(iter(held.values()))
            quantity = real.quantity(symbol) + self.moves.get(symbol, D(0))
            average = self.averages.get(symbol, known.average_price)
            held[symbol] = replace(known, symbol=symbol, quantity=quantity, average_price=average)
        return replace(real, positions=held, cash=real.cash + self.cash, reported_equity=None)

    def fills(self, since):
        return (*self._fills(since), *self.extra)

    def open_orders(self):
        return (*self._orders(), *self.doubled)

    def trade_by_hand(self, symbol, quantity, price="100", name="hand-1", client_id="by-hand"):
        """A trade that somebody made on the broker's own page ten minutes ago."""
        side = Side.BUY if D(quantity) > 0 else Side.SELL
        fill = Fill(name, client_id, symbol, side, abs(D(quantity)), D(price), D(0), datetime.now(UTC) - OLD)
        self.extra.append(fill)
        self.moves[symbol] = self.moves.get(symbol, D(0)) + fill.signed
        self.cash -= fill.signed * fill.price
        return fill


def open_breaks(desk):
    return [(found.kind, found.subject) for found in desk.breaks.breaks()]


def in_order(desk):
    return [(check.code, found.row, found.detail) for check in verify(desk.settings.url) for found in check.findings]


def look(desk, clock, name):
    """A look five minutes after the one before, in a slot of its own."""
    clock["ahead"] += timedelta(minutes=5)
    return positions(desk, name)


def nothing_of(symbol):
    return Position(symbol, D(0), D(0))
