"""Slots and orders of a replay, decided by the functions that live runs call, on an account that is in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from openbell.brokers.paper import PaperBroker
from openbell.calendar.slots import slot_at
from openbell.ports import Accepted, Exposure, Forbidden, Rejected
from openbell.replay.floor import Floor
from openbell.replay.result import Decided
from openbell.replay.state import Sent, State
from openbell.replay.sure import Sure, Wanted
from openbell.replay.tape import Flags, Instants, Tape
from openbell.risk.gate import latches, sending_order
from openbell.stages.due import evaluate_due, goes_by_looks
from openbell.stages.fetch import RECENT, equity, marks
from openbell.stages.judge import Gated, account_limits, judge_wanted, want
from openbell.stages.lastgate import Asked, last_gate
from openbell.stages.resolve import Resolved
from openbell.values.account import Account
from openbell.values.job import TRADE
from openbell.values.market import Activity, Checked, DropCode, Dropped, Market
from openbell.values.orders import OrderIntent
from openbell.values.signal import Signal
from openbell.values.slot import Slot
from openbell.values.verdict import Decision

#: Why a slot came to no decision although its window was open.
BLIND, BLOCKED, LIMITED = "DATA", "ACCOUNT_BLOCKED", "ACCOUNT_RISK"
_DAY, _MINUTE = timedelta(days=1), timedelta(seconds=60)


@dataclass(frozen=True, slots=True, eq=False)
class Trading:
    """Everything that a replay trades with; ``keep``: every slot's intents and verdicts are kept."""

    desk: Resolved
    tape: Tape
    state: State
    floor: Floor
    broker: PaperBroker
    sure: Sure
    keep: bool = False

    # --- a slot ---

    def slot(self, number: int, columns: Flags) -> None:
        """Decide at a slot about some symbols, and send what the gate lets pass."""
        at, planned = self.tape.slots, self.tape.slots.when[number]
        session = int(at.session[number])
        self.floor.move(at, number)
        slot = slot_at(self.desk.plan, TRADE.name, planned)
        account = self.valued(self.broker.account(), session)
        if code := self.stopped(account, planned):
            self.state.skips[code] += 1
            return
        market = self._market(number, columns, account, slot)
        signals = self._signals(number, columns, market, planned)
        wanted = want(self.desk, market, signals, slot)
        if not self.surely(market, wanted.intents, session):
            self.send(market, judge_wanted(self.desk, market, wanted, self.broker.capabilities), slot, session)
        self.finished(market, session)
        self.state.decided += 1

    def stopped(self, account: Account, now: datetime) -> str:
        """The code of the account's own limits, empty while it may trade; with something held a run goes on."""
        if any(position.quantity for position in account.positions.values()):
            return ""
        if not (why := account_limits(self.desk, since(account, account.reported_equity))):
            return ""
        self.state.latched.setdefault(why.partition(":")[0], now)
        return BLOCKED if account.blocked else LIMITED

    def valued(self, account: Account, session: int) -> Account:
        """The account with the equities that losses are measured from."""
        at_open, peak = self.state.reference(session)
        return replace(account, equity_at_open=at_open, peak_equity=peak)

    def finished(self, market: Market, session: int) -> None:
        """What the account is worth after a run."""
        worth = equity(self.state.account, marks(replace(market, account=self.state.account)))
        if worth is not None:
            self.state.valued(session, worth)

    def _market(self, number: int, columns: Flags, account: Account, slot: Slot) -> Market:
        planned, open_orders = slot.planned, self.broker.open_orders()
        some = [self.tape.symbols[at] for at in np.flatnonzero(columns).tolist()]
        wanted = self.desk.symbols if self._whole else some
        symbols = sorted({*wanted, *account.positions, *(order.symbol for order in open_orders)})
        midnight = datetime.combine(slot.session, datetime.min.time(), self.desk.exchange.zone)
        market = Market(
            as_of=planned,
            checked=self._checked(number),
            quotes=self.floor.seen(symbols),
            account=account,
            open_orders=open_orders,
            instruments=self.broker.instruments(symbols),
            activity=self.activity(midnight, planned),
        )
        return replace(market, account=since(account, equity(account, marks(market))))

    def _checked(self, number: int) -> Checked:
        """The bars that a run at the slot sees; symbols that it would have dropped only where that matters."""
        tape, row = self.tape, int(self.tape.slots.row[number])
        bars = tape.bars.rows(max(0, row + 1 - self.desk.history), row + 1)
        fit = tape.fit(tape.slots, number)
        if not self._whole or fit.all():
            return Checked(bars)
        kept = [symbol for symbol, fine in zip(bars.symbols, fit.tolist(), strict=True) if fine]
        out = [symbol for symbol in self.desk.symbols if symbol not in kept]
        return Checked(bars.select(kept), tuple(Dropped(symbol, DropCode.STALE, "") for symbol in out))

    @property
    def _whole(self) -> bool:
        """Whether a slot is evaluated anew as a live run does it, to the last bit."""
        return self.keep or goes_by_looks(self.desk.plan)

    def _signals(self, number: int, columns: Flags, market: Market, planned: datetime) -> tuple[Signal, ...]:
        if not self._whole:
            return self._said(number, columns)
        evaluation = evaluate_due(self.desk, market, planned)
        self.state.looks.update(dict.fromkeys(evaluation.looked, planned))
        return evaluation.signals

    def _said(self, number: int, columns: Flags) -> tuple[Signal, ...]:
        """The opinions of the slot's row; one without an opinion keeps what is held, as none at all does."""
        tape, row = self.tape, int(self.tape.slots.row[number])
        found: list[Signal] = []
        for seat, opinion, trust in zip(self.desk.seats, tape.target[:, row], tape.confidence[:, row], strict=True):
            says = np.flatnonzero(columns & ~np.isnan(opinion)).tolist()
            found += [Signal(seat.label, tape.symbols[at], float(opinion[at]), float(trust[at]), "") for at in says]
        return tuple(found)

    def activity(self, day_start: datetime, now: datetime) -> Activity:
        """What the plan has done so far, by the times of its orders."""
        sent = self.state.sent
        while sent and sent[0].time < now - _DAY:
            sent.popleft()
        return Activity(
            books=self.state.books,
            orders_today=sum(one.time >= day_start for one in sent),
            recent=frozenset((one.symbol, one.side) for one in sent if one.time >= now - RECENT),
            looks=self.state.looks,
        )

    # --- orders ---

    def surely(self, market: Market, intents: Sequence[OrderIntent], session: int) -> bool:
        """Fill all of it at once where nothing of it can be denied, clipped or refused; false where that is open."""
        state, now = self.state, self.floor.now
        if self.keep or not intents:
            return False
        exposure = self._exposure(session)
        dealt = self.floor.quotes(sorted({*state.account.positions, *(intent.symbol for intent in intents)}), now)
        wanted = Wanted(market, intents, dealt, exposure.orders_today, exposure.orders_last_minute)
        if state.orders or not self.broker.clock().is_open or not self.sure.passes(wanted):
            return False
        ordered = sending_order(intents)
        state.intents.update({intent.id: intent for intent in ordered})
        state.sent.extend(Sent(now, session, intent.symbol, intent.side.value) for intent in ordered)
        self.broker.take(ordered)
        return True

    def send(self, market: Market, gated: Gated, slot: Slot, session: int) -> None:
        """Count what the gate said, and take the rest through the last gate to the paper account, exits first."""
        state, allowed = self.state, []
        asked = {intent.id: intent for intent in gated.intents}
        for verdict in gated.verdicts:
            if verdict.decision is Decision.DENIED:
                state.denials[verdict.rule] += 1
                if latches(self.desk.rules, verdict):
                    state.latched.setdefault(verdict.rule, slot.planned)
                continue
            if verdict.decision is Decision.CLIPPED:
                state.clipped[verdict.rule] += 1
            allowed.append(replace(asked[verdict.intent_id], quantity=verdict.quantity))
        if self.keep:
            state.decisions.append(Decided(slot, gated.intents, gated.verdicts))
        sent = 0
        for intent in () if self.surely(market, allowed, session) else sending_order(allowed):
            sent += self._send(market, intent, session, sent)

    def _send(self, market: Market, intent: OrderIntent, session: int, sent: int) -> bool:
        """One order; tells whether it went out to the account."""
        state, broker = self.state, self.broker
        references = {name: getattr(market.account, name) for name in ("equity_at_open", "peak_equity")}
        account = replace(broker.account(), **references)
        turn = Asked(
            replace(market, account=account, open_orders=broker.open_orders()), intent, broker.capabilities, sent
        )
        said = last_gate(self.desk, turn, lambda: None)(self._exposure(session))
        if isinstance(said, Forbidden):
            state.denials[said.code] += 1
            return False
        less = replace(intent, quantity=said.quantity) if said else intent
        state.intents[less.id] = less
        state.sent.append(Sent(self.floor.now, session, intent.symbol, intent.side.value))
        match broker.submit(less):
            case Accepted():
                return True
            case Rejected(code, _):
                state.refused[code] += 1
                state.intents.pop(less.id, None)
        return True

    def _exposure(self, session: int) -> Exposure:
        state, now = self.state, self.floor.now
        return Exposure(
            positions={symbol: position.quantity for symbol, position in state.account.positions.items()},
            working=tuple(state.orders.values()),
            orders_today=sum(one.session == session for one in state.sent),
            orders_last_minute=sum(now - _MINUTE < one.time <= now for one in state.sent),
        )


def since(account: Account, now: Decimal | None) -> Account:
    """The account; where nothing was measured before, losses are measured from now on."""
    at_open, peak = account.equity_at_open, account.peak_equity
    return replace(
        account, equity_at_open=now if at_open is None else at_open, peak_equity=now if peak is None else peak
    )


def look(trading: Trading, at: Instants, number: int) -> None:
    """Let the orders that rest meet the market of an instant."""
    trading.floor.move(at, number)
    trading.broker.open_orders()
