"""Slots of which it is certain that the gate lets every order pass whole, and that the paper account fills it at once.

What is wanted was sized and netted exactly by then. Whether all of it passes, the rules tell for the slot as a whole,
as they do for a leap; where that is not certain, each order is judged by itself. Both come to the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from openbell.brokers.paper.fills import FillModel
from openbell.brokers.paper.settings import PaperTerms
from openbell.ports import Capabilities
from openbell.replay.leap_gate import CENT, NOISE, accepted
from openbell.replay.tape import Floats
from openbell.risk.block import Block
from openbell.stages.resolve import Resolved
from openbell.values.market import Market
from openbell.values.money import STEP, ZERO
from openbell.values.orders import OrderIntent, Purpose
from openbell.values.quote import Quote


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """The orders of one slot and what they meet: ``dealt`` are the quotes that the paper account fills at.

    ``today`` and ``minute`` count the orders before them, of the day and of the last 60 seconds.
    """

    market: Market
    intents: Sequence[OrderIntent]
    dealt: Mapping[str, Quote]
    today: int
    minute: int


@dataclass(frozen=True, slots=True)
class _Row:
    """One order beside its quote: what it pays, what that costs against the middle, and what it takes off."""

    met: float
    lost: float
    fee: float
    held: Decimal
    turns: bool

    @property
    def flat(self) -> bool:
        """Whether nothing is held when it is sent."""
        return self.turns or not self.held


@dataclass(frozen=True, slots=True, eq=False)
class Sure:
    """The plan, the terms of the paper account, and what it can do."""

    desk: Resolved
    terms: PaperTerms
    capabilities: Capabilities

    def passes(self, wanted: Wanted) -> bool:
        """Whether all of it surely fills, in the order of sending; False says nothing."""
        market, intents = wanted.market, wanted.intents
        held = {symbol: position.quantity for symbol, position in market.account.positions.items()}
        if self.terms.fill_share != 1 or market.open_orders or any(symbol not in wanted.dealt for symbol in held):
            return False
        closed = {one.symbol for one in intents if one.purpose is Purpose.EXIT and one.quantity == abs(_of(held, one))}
        found = [self._row(intent, _of(held, intent), wanted.dealt, closed) for intent in intents]
        rows = [row for row in found if row is not None]
        if len(rows) < len(intents) or market.account.reported_equity is None:
            return False
        block = self._block(wanted, rows, _exposure(held, wanted.dealt), len(held) - len(closed))
        fees, met = sum(row.fee for row in rows), np.array([row.met for row in rows])
        cleared = all(bool(rule.clears(block)[0]) for rule in self.desk.rules)
        return cleared and bool(accepted(self.terms, block, met, np.array([fees]))[0])

    def _row(self, intent: OrderIntent, held: Decimal, dealt: Mapping[str, Quote], closed: set[str]) -> _Row | None:
        """None where the account may refuse the order or not fill it whole."""
        quote, sign, entry = dealt.get(intent.symbol), intent.side.sign, intent.purpose is Purpose.ENTRY
        parts = bool(intent.quantity % 1)
        if quote is None or quote.bid > quote.ask or intent.quantity % STEP or (parts and not self.terms.fractions):
            return None
        turns = held * sign < 0 and intent.symbol in closed
        if not (turns or held * sign >= 0 if entry else intent.quantity <= -sign * held):
            return None
        if entry and sign < 0 and (parts or not self.terms.shorting):
            return None
        price = FillModel(self.terms.slippage_bps).market_price(intent.side, quote)
        fee = self.terms.fee.total(intent.quantity, intent.quantity * price)
        lost = sign * intent.quantity * (price - quote.mid)
        return _Row(float(price), float(lost), float(fee), held, turns and entry)

    def _block(self, wanted: Wanted, rows: Sequence[_Row], exposed: tuple[float, float], occupied: int) -> Block:
        """The slot as rules see it, at the gate of a run and at the last one before each order."""
        market, intents, account = wanted.market, wanted.intents, wanted.market.account
        symbols = tuple(dict.fromkeys(intent.symbol for intent in intents))
        quotes = [wanted.dealt[intent.symbol] for intent in intents]
        mid = np.array([float(quote.mid) for quote in quotes])
        quantity = np.array([float(intent.quantity) for intent in intents])
        sign = np.array([float(intent.side.sign) for intent in intents])
        entry = np.array([intent.purpose is Purpose.ENTRY for intent in intents], np.bool_)
        gross, net = exposed
        gone, moved = _sums(~entry, quantity * mid, sign)
        lost = sum(row.lost + row.fee for row in rows)
        equity = float(account.reported_equity or ZERO) - lost - CENT - NOISE * gross
        power = min(float(account.buying_power), float(self.terms.leverage) * equity - gross) - CENT
        after = (gross - gone) * (1 + NOISE) + NOISE * gross
        return Block(
            slots=1,
            symbols=symbols,
            instruments=market.instruments,
            capabilities=self.capabilities,
            currency=account.currency,
            breaks=market.activity.breaks,
            quote_limit=self.desk.plan.freshness.quotes,
            slot=np.zeros(len(intents), np.intp),
            column=np.array([symbols.index(intent.symbol) for intent in intents], np.intp),
            sign=sign,
            quantity=quantity,
            entry=entry,
            leaves=~entry,
            lots=np.array([not intent.quantity % 1 for intent in intents], np.bool_),
            steps=np.ones(len(intents), np.bool_),
            price=mid,
            reference=np.array([float(intent.reference) for intent in intents]),
            confidence=np.array([intent.confidence for intent in intents]),
            age=np.array([quote.age(market.as_of).total_seconds() for quote in quotes]),
            spread=np.array([float(quote.spread) for quote in quotes]),
            reach=np.array([0.0 if row.flat else abs(float(row.held)) for row in rows]) * mid * (1 + NOISE),
            opens=entry & np.array([row.flat for row in rows], np.bool_),
            repeats=_repeats(market, intents),
            meets=np.zeros(len(intents), np.bool_),
            equity=np.array([equity]),
            power=np.array([power]),
            start=_amount(account.equity_at_open),
            peak=_amount(account.peak_equity),
            gross=np.array([after]),
            high=np.array([net + moved + NOISE * gross]),
            low=np.array([net + moved - NOISE * gross]),
            occupied=np.array([occupied]),
            today=np.array([max(wanted.today, market.activity.orders_today)]),
            minute=np.array([wanted.minute]),
        )


def _of(held: Mapping[str, Decimal], intent: OrderIntent) -> Decimal:
    return held.get(intent.symbol, ZERO)


def _exposure(held: Mapping[str, Decimal], dealt: Mapping[str, Quote]) -> tuple[float, float]:
    """Gross and net value of what is held."""
    values = [float(quantity) * float(dealt[symbol].mid) for symbol, quantity in held.items()]
    return sum(map(abs, values)), sum(values)


def _sums(which: np.ndarray, values: Floats, sign: Floats) -> tuple[float, float]:
    """Sum of some values, and with their signs."""
    return float(values[which].sum()), float((values * sign)[which].sum())


def _amount(reference: Decimal | None) -> Floats:
    return np.array([np.nan if reference is None else float(reference) * (1 + NOISE)])


def _repeats(market: Market, intents: Sequence[OrderIntent]) -> np.ndarray:
    """Orders of a symbol and side that an order shortly before had, or an entry of the slot itself."""
    entered: set[tuple[str, str]] = set()
    found = []
    for intent in intents:
        key = intent.symbol, intent.side.value
        found.append(key in market.activity.recent or key in entered)
        entered |= {key} if intent.purpose is Purpose.ENTRY else set()
    return np.array(found, np.bool_)
