"""Limits that, once reached, hold a job back until a person has looked."""

from collections.abc import Iterable, Sequence

from openbell.ports import Journal
from openbell.risk.base import Rule
from openbell.risk.gate import latches
from openbell.values.slot import Slot
from openbell.values.verdict import Ruling, Verdict


def latch(journal: Journal, slot: Slot, rules: Sequence[Rule], denied: Iterable[Ruling | Verdict]) -> None:
    """Latch the breakers of the slot's job that the denials are worth."""
    found = {name: ruling for ruling in denied if (name := latches(rules, ruling))}
    for name, ruling in found.items():
        journal.latch(slot.plan, slot.job, name, f"{ruling.rule}: {ruling.measured} against {ruling.limit}")
