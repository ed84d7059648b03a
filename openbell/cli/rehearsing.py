"""A rehearsal for a person: how many decisions differ, which, and what it comes to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openbell.cli.output import emit, say, table
from openbell.cli.replaying import plan_of
from openbell.cli.watching import watched
from openbell.cli.zones import zone_of
from openbell.replay import telling
from openbell.replay.asking import Wish
from openbell.replay.rehearse import Change, Choice, Rehearsed, new_plan, rehearse, requests
from openbell.replay.result import Replayed
from openbell.replay.statistics import statistics
from openbell.settings import load_settings
from openbell.stages.wording import clean, count, when

#: Changes that a person is shown.
SHOWN = 40


def show(name: str, new: Path, sessions: int, asked: Mapping[str, Any], as_json: bool) -> None:
    """Rehearse a changed plan and tell what it would decide otherwise."""
    now = plan_of(name)
    then = new_plan(new, now.name)
    with watched("rehearsing", "slots", quiet=as_json) as progress:
        found = rehearse(*requests(now, then, sessions, Wish(**asked), load_settings(), progress))
    if as_json:
        emit(_machine(found, new))
    else:
        _tell(found, new)


def _tell(found: Rehearsed, new: Path) -> None:
    now, then = found.now, found.then
    zone = zone_of(now.plan.window)
    say(f"{now.plan.name} beside {new}, {now.start} to {now.end}, {telling.source(now)}")
    for note in dict.fromkeys((*now.notes, *then.notes)):
        say(f"  {clean(note)}")
    shown = found.changes[:SHOWN]
    if shown:
        rows = [(when(c.slot.planned, zone), c.symbol, c.kind, _words(c.now), _words(c.then)) for c in shown]
        table("Decisions that differ", ("slot", "symbol", "how", "now", "with the new plan"), rows)
    kinds = ", ".join(f"{number} {kind}" for kind, number in found.counts.items())
    more = f"; the first {SHOWN} are shown" if len(found.changes) > SHOWN else ""
    changed = f"{count(len(found.changes), 'decision')} of {count(found.slots, 'slot')}: {kinds}{more}."
    say(f"The new plan changes {changed}" if kinds else f"All decisions of {count(found.slots, 'slot')} are the same.")
    say()
    table("What it comes to", ("figure", ">now", ">with the new plan"), _beside(now, then))


def _words(choice: Choice | None) -> str:
    return clean(choice.words) if choice else ""


def _beside(now: Replayed, then: Replayed) -> list[tuple[str, ...]]:
    columns = [_figures(side) for side in (now, then)]
    return [(name, *(column[name] for column in columns)) for name in columns[0]]


def _figures(side: Replayed) -> dict[str, str]:
    found = statistics(side)
    return {
        "Slots, decided": f"{side.slots:,}, {side.decided:,}",
        "Denied, clipped": f"{sum(side.denials.values()):,}, {sum(side.clipped.values()):,}",
        "Fills": f"{len(side.fills):,}",
        "Costs": telling.amount(found.costs, side.currency),
        "Closing cash": telling.amount(float(side.closing_cash), side.currency),
        "Closing equity": telling.amount(found.closing, side.currency),
        "Total return": telling.percent(found.total_return, signed=True),
    }


def _machine(found: Rehearsed, new: Path) -> dict[str, Any]:
    return {
        "plan": found.now.plan.name,
        "with": str(new),
        "from": found.now.start,
        "to": found.now.end,
        "slots": found.slots,
        "differ": len(found.changes),
        "counts": {kind.name.lower(): number for kind, number in found.counts.items()},
        "changes": [_change(change) for change in found.changes],
        "now": _side(found.now),
        "then": _side(found.then),
    }


def _change(change: Change) -> dict[str, Any]:
    place = {"slot": change.slot.key, "session": change.slot.session, "symbol": change.symbol}
    return {**place, "how": change.kind.name.lower(), "now": change.now, "then": change.then}


def _side(side: Replayed) -> dict[str, Any]:
    return {
        "plan_hash": side.plan.hash,
        "decided": side.decided,
        "fills": len(side.fills),
        "denied": side.denials,
        "clipped": side.clipped,
        "closing_cash": side.closing_cash,
        "closing_equity": statistics(side).closing,
        "notes": side.notes,
    }
