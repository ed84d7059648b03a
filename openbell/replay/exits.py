"""The exits job of a replay: it looks where the tape has a new price, by the rules and functions of the live one.

A bar has one price inside a session that a run could have known: its open. So a stop is seen at the first ring of the
exits job at or after the open of each bar, and with daily bars once a session; what happened between two opens is not.
Stops that rest at a broker are not replayed.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np

from openbell.calendar.slots import slot_at
from openbell.exits.holdings import Holdings
from openbell.exits.judge import judge_exits
from openbell.ports.exits import Entry
from openbell.replay.grid import bells, place
from openbell.replay.tape import Floats, Indices, Instants, Tape
from openbell.replay.trading import Trading, since
from openbell.risk.gate import judge
from openbell.stages.exits import (
    Wanted,
    holdings_of,
    named,
    needs,
    priced,
    really_held,
    timed,
    wanted_exits,
    wishing,
)
from openbell.stages.fetch import equity, marks
from openbell.stages.judge import Gated, book_of
from openbell.stages.resolve import Resolved
from openbell.stages.sessions import instant_of
from openbell.values.account import Account
from openbell.values.bars import empty_bars
from openbell.values.job import EXITS
from openbell.values.market import Checked, Market
from openbell.values.money import ZERO
from openbell.values.orders import Order, Purpose
from openbell.values.signal import Signal
from openbell.values.slot import Slot
from openbell.values.verdict import Decision

#: By how much money, or by what part of a price, the middle of a quote may lie elsewhere.
MARGIN, NOISE = 0.0051, 1e-9


def looks_of(desk: Resolved, tape: Tape, start: date, end: date) -> Instants:
    """The rings of the exits job that may find something new.

    Those that follow the open of a bar or a slot, and those that everything is closed at before a session ends.
    """
    nightly = [rule.limit for rule in desk.exits if rule.name == "end_of_session"]
    before = [tape.closes - np.timedelta64(int(limit * 1e9), "ns") for limit in nightly]
    first = desk.exchange.session_bounds(tape.sessions[0], tape.sessions[0])[0][0]
    begun = tape.history.starts[tape.history.starts >= first]
    after = np.unique(np.concatenate((begun, tape.slots.times + np.timedelta64(1, "us"), *before)))
    found = bells(desk, EXITS, after if desk.exits else after[:0], start, end)
    return place(desk, tape.history, [instant_of(time) for time in found], tape.closes)


@dataclass(frozen=True, slots=True, eq=False)
class Exits:
    """The looks of a replay at what is held."""

    trading: Trading
    at: Instants

    def look(self, number: int) -> None:
        """One look: nothing where no rule can fire, else as the exits job does it."""
        state, tape = self.trading.state, self.trading.tape
        columns = np.flatnonzero(state.held)
        if len(columns):
            prices = tape.prices(self.at, number)
            self._mark(columns[tape.trades(self.at, number)[columns]], prices)
            if self._may_fire(number, columns, prices):
                self._sweep(number)

    # --- told in floats ---

    def _mark(self, columns: Indices, prices: Floats) -> None:
        """Keep the prices seen of what is held."""
        state = self.trading.state
        state.high[columns] = np.fmax(state.high[columns], prices[columns])
        state.low[columns] = np.fmin(state.low[columns], prices[columns])
        for symbol in (self.trading.tape.symbols[column] for column in columns.tolist()):
            if symbol not in state.first:
                state.first[symbol] = state.account.positions[symbol].average_price

    def _may_fire(self, number: int, columns: Indices, prices: Floats) -> bool:
        """Whether a rule fires at prices a little lower, as they are, or a little higher."""
        state, rules = self.trading.state, self.trading.desk.exits
        if needs(rules, "leaving"):
            return True
        symbols = [self.trading.tape.symbols[column] for column in columns.tolist()]
        held = self._roughly(symbols * 3, np.tile(columns, 3), prices)
        if any(needs(rules, column) for column in ("age", "sessions", "left")):
            entries = [Entry(symbol, {}, state.opened[symbol]) for symbol in symbols]  # by name, so once for all three
            held = timed(held, entries, self.trading.desk.exchange, self.at.when[number])
        margin = np.maximum(MARGIN, held.mark * NOISE) * np.repeat((0.0, -1.0, 1.0), len(columns))
        held = replace(held, mark=held.mark + margin)
        measures = ((rule, rule.measure(held)) for rule in rules)
        return any(bool((rule.reached(measured) & np.isfinite(measured)).any()) for rule, measured in measures)

    def _roughly(self, symbols: list[str], columns: Indices, prices: Floats) -> Holdings:
        state, unknown = self.trading.state, np.full(len(columns), np.nan)
        positions = state.account.positions
        return Holdings(
            symbols=tuple(symbols),
            quantity=state.held[columns],
            average=np.array([float(positions[symbol].average_price) for symbol in symbols]),
            mark=prices[columns],
            high=np.fmax(state.high[columns], np.array([float(state.first.get(s, ZERO)) for s in symbols])) + MARGIN,
            low=state.low[columns] - MARGIN,
            age=unknown,
            sessions=unknown,
            leaving=unknown,
            left=unknown,
        )

    # --- as the exits job does it ---

    def _sweep(self, number: int) -> None:
        trading, now = self.trading, self.at.when[number]
        trading.floor.move(self.at, number)
        account, open_orders = trading.broker.account(), trading.broker.open_orders()
        entries = self._entries()
        symbols = [entry.symbol for entry in entries]
        seen = priced(trading.floor.seen(symbols), symbols, now, trading.desk.plan.freshness.quotes)
        quantities = really_held(entries, account)
        held = timed(holdings_of(entries, quantities, account, seen.marks), entries, trading.desk.exchange, now)
        fired = judge_exits(trading.desk.exits, wishing(held, entries, self._signals(number)))
        slot = slot_at(trading.desk.plan, EXITS.name, now)
        wanted = wanted_exits(fired, entries, quantities, self._working(), slot, account, seen.marks)
        if wanted.intents:
            session = int(self.at.session[number])
            market = self._market(trading.valued(account, session), open_orders, symbols, now)
            if trading.surely(market, wanted.intents, session) or self._send(market, wanted, slot, session):
                trading.finished(market, session)

    def _send(self, market: Market, wanted: Wanted, slot: Slot, session: int) -> bool:
        """Exit by exit through the gate; whether it let any pass."""
        trading = self.trading
        book = book_of(trading.desk, market, trading.broker.capabilities)
        verdicts = named(wanted.fired, judge(wanted.intents, trading.desk.rules, book))
        trading.send(market, Gated(wanted.intents, (), verdicts, trading.broker.capabilities), slot, session)
        return any(verdict.decision is not Decision.DENIED for verdict in verdicts)

    def _entries(self) -> tuple[Entry, ...]:
        """What the strategies hold, with the prices seen since it was opened."""
        state = self.trading.state
        books: dict[str, dict[str, Decimal]] = {}
        for (label, symbol), part in state.books.items():
            books.setdefault(symbol, {})[label] = part
        held = sorted(symbol for symbol, parts in books.items() if sum(parts.values(), ZERO))
        return tuple(self._entry(symbol, books[symbol]) for symbol in held)

    def _entry(self, symbol: str, parts: dict[str, Decimal]) -> Entry:
        state, column = self.trading.state, self.trading.tape.symbols.index(symbol)
        ends = (self.trading.floor.priced(symbol, float(end[column])) for end in (state.high, state.low))
        seen = [price for price in (*ends, state.first.get(symbol)) if price is not None]
        parts = dict(sorted(parts.items()))
        if not seen:
            return Entry(symbol, parts, state.opened[symbol])
        return Entry(symbol, parts, state.opened[symbol], max(seen), min(seen))

    def _signals(self, number: int) -> tuple[Signal, ...]:
        """What the strategies say of what is held, if a rule wants to know."""
        tape, row = self.trading.tape, int(self.at.row[number])
        if not needs(self.trading.desk.exits, "leaving") or row < 0:
            return ()
        columns = np.flatnonzero(tape.fit(self.at, number) & (self.trading.state.held != 0)).tolist()
        return tuple(
            Signal(seat.label, tape.symbols[column], float(opinion[column]), 0.0, "")
            for seat, opinion in zip(self.trading.desk.seats, tape.target[:, row], strict=True)
            for column in columns
        )

    def _working(self) -> dict[str, tuple[Order, Purpose | None]]:
        state = self.trading.state
        return {key: (order, state.intents[key].purpose) for key, order in state.orders.items()}

    def _market(self, account: Account, open_orders: tuple[Order, ...], symbols: list[str], now: datetime) -> Market:
        """What the gate judges, as ``lastgate.market_of`` puts it together."""
        trading, desk = self.trading, self.trading.desk
        quotes = trading.floor.seen(sorted({*symbols, *account.positions}))
        known = sorted({*account.positions, *(order.symbol for order in open_orders), *quotes})
        market = Market(
            as_of=now,
            checked=Checked(empty_bars((), desk.timeframe, "none")),
            quotes=quotes,
            account=account,
            open_orders=open_orders,
            instruments=trading.broker.instruments(known),
            activity=trading.activity(now - timedelta(days=1), now),
        )
        return replace(market, account=since(account, equity(account, marks(market))))
