"""The gate: rules folded over the intents of a run, exits first."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from openbell.risk.base import UNKNOWN, Rule, amount
from openbell.risk.book import Book
from openbell.values.money import ZERO
from openbell.values.orders import OrderIntent, Purpose
from openbell.values.verdict import Decision, Ruling, Verdict

#: What denies an order of which clips leave less than the plan's smallest.
MIN_TRADE = "min_trade"
#: What cuts an exit to what can still be closed; rules for entries alone are not asked about one before it.
CUTS = "held_quantity"


def sending_order(intents: Iterable[OrderIntent]) -> tuple[OrderIntent, ...]:
    """Exits, then reductions, then entries, each by falling confidence; ties by symbol, leg and id."""
    return tuple(sorted(intents, key=_place))


def _place(intent: OrderIntent) -> tuple[int, float, str, int, str]:
    confidence = -intent.confidence if math.isfinite(intent.confidence) else math.inf
    return intent.purpose.rank, confidence, intent.symbol, intent.leg, intent.id


def judge(
    intents: Sequence[OrderIntent], rules: Sequence[Rule], book: Book, least: Decimal = ZERO
) -> tuple[Verdict, ...]:
    """One verdict per intent in the order of sending; what is approved changes the book for the next.

    The first denial ends an intent and names its rule. Each clip lowers the quantity that later rules see; the
    last one, which is the smallest, names the verdict. What clips leave of anything but an exit is denied where it
    is worth less than ``least``. Without any rule nothing passes.
    """
    verdicts, ordered = [], sending_order(intents)
    for intent in ordered:
        left, rulings = _worthwhile(intent, *_ask(intent, rules, book), book, least)
        verdicts.append(_verdict(intent, left, rulings))
        if left is not None and intent is not ordered[-1]:
            book = book.after(left, left.quantity)
    return tuple(verdicts)


def _ask(intent: OrderIntent, rules: Sequence[Rule], book: Book) -> tuple[OrderIntent | None, tuple[Ruling, ...]]:
    left, exempt = intent, _leaves(intent, book)
    cut_at = 0 if exempt else _cut_at(intent, rules, book)
    rulings: list[Ruling] = []
    for place, rule in enumerate(rules):
        spared = exempt or place < cut_at
        ruling = _not_asked(rule, left) if spared and not rule.applies_to_exits else rule.judge(left, book)
        granted = _granted(ruling, left.quantity)
        if granted == 0:
            return None, (*rulings, replace(ruling, decision=Decision.DENIED, quantity=ZERO))
        if granted is left.quantity or granted == left.quantity:
            rulings.append(ruling)
        else:
            rulings.append(replace(ruling, decision=Decision.CLIPPED, quantity=granted))
            left = replace(left, quantity=granted)
            exempt = _leaves(left, book)
    return (left if rules else None), tuple(rulings)


def _worthwhile(
    intent: OrderIntent, left: OrderIntent | None, rulings: tuple[Ruling, ...], book: Book, least: Decimal
) -> tuple[OrderIntent | None, tuple[Ruling, ...]]:
    if left is None or left.quantity == intent.quantity or not too_small(left, book, least):
        return left, rulings
    return None, (*rulings, Ruling(MIN_TRADE, Decision.DENIED, amount(_worth(left, book)), amount(least), ZERO))


def too_small(intent: OrderIntent, book: Book, least: Decimal) -> bool:
    """The plan's minimum trade holds for what is left as it does for what was wanted; exits have none."""
    return intent.purpose is not Purpose.EXIT and _worth(intent, book) < least


def _worth(intent: OrderIntent, book: Book) -> Decimal:
    return intent.quantity * (book.price(intent.symbol) or intent.reference)


def _leaves(intent: OrderIntent, book: Book) -> bool:
    """The intent says that it takes off a position, and the book confirms it."""
    return intent.purpose is not Purpose.ENTRY and book.shrinks(intent)


def _cut_at(intent: OrderIntent, rules: Sequence[Rule], book: Book) -> int:
    """The place of the rule that leaves of an intent what takes off a position; 0 where nothing of it does."""
    if intent.purpose is Purpose.ENTRY or not book.closable(intent.symbol, intent.side):
        return 0
    return next((place for place, rule in enumerate(rules) if rule.name == CUTS), 0)


def _not_asked(rule: Rule, intent: OrderIntent) -> Ruling:
    return Ruling(rule.name, Decision.APPROVED, intent.purpose.value, "entries only", intent.quantity)


def _granted(ruling: Ruling, asked: Decimal) -> Decimal:
    """What a ruling leaves of the quantity: a rule from elsewhere can neither raise it nor return nonsense."""
    quantity = ruling.quantity
    if quantity is asked and ruling.decision is Decision.APPROVED:
        return asked
    if ruling.decision is Decision.DENIED or not quantity.is_finite() or quantity <= 0:
        return ZERO
    return min(quantity, asked)


def _verdict(intent: OrderIntent, left: OrderIntent | None, rulings: tuple[Ruling, ...]) -> Verdict:
    quantity = left.quantity if left else ZERO
    decision, rule, measured, limit = _deciding(intent, quantity, rulings)
    return Verdict(intent.id, intent.symbol, decision, rule, measured, limit, intent.quantity, quantity, rulings)


def _deciding(intent: OrderIntent, quantity: Decimal, rulings: tuple[Ruling, ...]) -> tuple[Decision, str, str, str]:
    if not rulings:
        return Decision.DENIED, "gate", "no rule", "at least one rule"
    if quantity == intent.quantity:
        return Decision.APPROVED, "gate", f"{len(rulings)} rules passed", f"{len(rulings)} rules"
    decision = Decision.DENIED if quantity == 0 else Decision.CLIPPED
    clips = [ruling for ruling in rulings if ruling.decision is not Decision.APPROVED]
    return decision, clips[-1].rule, clips[-1].measured, clips[-1].limit


def latches(rules: Iterable[Rule], denied: Ruling | Verdict) -> str:
    """The breaker that a denial opens for good, empty for none: what could not be measured is no limit reached."""
    if denied.decision is not Decision.DENIED or denied.measured.endswith(UNKNOWN):
        return ""
    return next((rule.latches for rule in rules if rule.name == denied.rule), "")
