"""Whether somebody looks after what a plan holds.

Entries wait while the exits job does not look, and while a strategy that is gone still has something in its book.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from openbell.ports.exits import Watch
from openbell.stages.exits import booked
from openbell.stages.guards import STALE
from openbell.stages.judge import Gated
from openbell.stages.resolve import Resolved
from openbell.values.job import EXITS
from openbell.values.money import ZERO, text
from openbell.values.orders import Purpose
from openbell.values.record import Guard
from openbell.values.time import iso
from openbell.values.verdict import Decision, Ruling, Verdict

#: Entries wait once this many looks in a row are missing.
MISSED = 3
#: A look may take this long before it counts as missing.
SLACK = timedelta(seconds=5)
#: Looks further back than this are not counted one by one.
_BACK = timedelta(days=7)
_TICK = timedelta(microseconds=1)


def stale(desk: Resolved, watch: Watch, now: datetime) -> str:
    """Why entries must wait; empty while what is held is looked at, nothing is held, or the plan wants no exits."""
    held = [entry for entry in watch.entries if booked(entry)]
    if not held or not desk.exits or not desk.plan.rings(EXITS.name).enabled:
        return ""
    since = watch.last or min(entry.opened for entry in held)
    start = max(since + _TICK, now - _BACK)
    missed = len(desk.grids[EXITS.name].between(start, now - SLACK)) if start < now - SLACK else 0
    if missed < MISSED:
        return ""
    return f"{len(held)} positions are not watched: {missed} looks of the exits job since {iso(since)} are missing"


def open_gap(desk: Resolved, last: datetime, now: datetime) -> timedelta:
    """How long before ``now`` the last look was, counted from the moment that the exchange opened."""
    hours = desk.exchange.hours(desk.exchange.session_of(now))
    spans = hours.spans if hours else ()
    opened = next((start for start, end in spans if start <= now < end), now)
    return now - max(last, opened)


def orphaned(desk: Resolved, books: Mapping[tuple[str, str], Decimal]) -> str:
    """What belongs to strategies that the plan does not name any more; empty for nothing. One that is off is named."""
    named = {use.label for use in desk.plan.strategies}
    left = [
        f"{text(held)} {symbol} of {label}" for (label, symbol), held in sorted(books.items()) if label not in named
    ]
    return ", ".join(left)


def without_orphans(gated: Gated, left: str) -> Gated:
    """No entry while strategies that are gone hold something."""
    return (
        _entries_denied(gated, Ruling("strategies", Decision.DENIED, left, "strategies that the plan names", ZERO))
        if left
        else gated
    )


def held_back(gated: Gated, guards: Iterable[Guard]) -> Gated:
    """What the gate said, but no entry when the guards found that nobody looks after what is held."""
    why = next((guard.detail for guard in guards if guard.code == STALE), "")
    last = Ruling("protection", Decision.DENIED, why, f"fewer than {MISSED} missing looks", ZERO)
    return _entries_denied(gated, last) if why else gated


def _entries_denied(gated: Gated, last: Ruling) -> Gated:
    entries = {intent.id for intent in gated.intents if intent.purpose is Purpose.ENTRY}
    verdicts = tuple(_denied(v, last) if v.intent_id in entries else v for v in gated.verdicts)
    return replace(gated, verdicts=verdicts)


def _denied(verdict: Verdict, last: Ruling) -> Verdict:
    if verdict.decision is Decision.DENIED:
        return verdict
    return replace(
        verdict,
        decision=Decision.DENIED,
        rule=last.rule,
        measured=last.measured,
        limit=last.limit,
        quantity=ZERO,
        rulings=(*verdict.rulings, last),
    )
