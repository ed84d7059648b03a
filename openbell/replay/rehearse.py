"""Two plans over the same sessions: which decisions of the one the other would have taken differently."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from openbell import tomlfiles
from openbell.calendar.exchange import exchange
from openbell.errors import CalendarError, InputError, PlanError
from openbell.replay.asking import Wish, request
from openbell.replay.request import Progress, Request, silent
from openbell.replay.result import Replayed
from openbell.replay.run import replay
from openbell.settings import Settings
from openbell.tomlfiles import Kind
from openbell.values.orders import OrderIntent
from openbell.values.plan import Plan
from openbell.values.slot import Slot
from openbell.values.verdict import Decision, Verdict

#: More sessions than any calendar has.
MOST_SESSIONS = 20_000


class Kinds(StrEnum):
    """How a decision differs; the value is how a person is told."""

    DROPPED = "dropped"
    ADDED = "added"
    SIDE = "other side"
    QUANTITY = "other quantity"
    VERDICT = "other verdict"


@dataclass(frozen=True, slots=True)
class Choice:
    """What one plan decided on a symbol at a slot, with the word of the gate."""

    intent: OrderIntent
    verdict: Verdict | None

    @property
    def words(self) -> str:
        """In one line."""
        wanted = f"{self.intent.side} {self.intent.quantity.normalize():f}"
        if self.verdict is None:
            return wanted
        if self.verdict.decision is Decision.APPROVED:
            return f"{wanted}, approved"
        left = f" to {self.verdict.quantity.normalize():f}" if self.verdict.decision is Decision.CLIPPED else ""
        why = f"{self.verdict.rule}: {self.verdict.measured} against {self.verdict.limit}"
        return f"{wanted}, {self.verdict.decision}{left} by {why}"


@dataclass(frozen=True, slots=True)
class Change:
    """One decision that differs: ``now`` is that of the plan as it is, ``then`` that of the new one."""

    slot: Slot
    symbol: str
    kind: Kinds
    now: Choice | None
    then: Choice | None


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsed:
    """Both replays, and every decision that differs, oldest first. ``slots`` is how many either of them decided."""

    now: Replayed
    then: Replayed
    changes: tuple[Change, ...]
    slots: int

    @property
    def counts(self) -> Mapping[Kinds, int]:
        """How many of each kind, the most frequent first."""
        return dict(Counter(change.kind for change in self.changes).most_common())


def new_plan(path: Path, name: str) -> Plan:
    """The plan of any file, under the name of the one it is to take the place of."""
    file = tomlfiles.examine(path, Kind(Plan, "a plan", PlanError))
    if file.content is None or file.problems:
        raise PlanError("\n".join(file.problems))
    return file.content.model_copy(update={"name": name})


def requests(
    now: Plan, then: Plan, sessions: int, wish: Wish, settings: Settings, progress: Progress = silent
) -> tuple[Request, Request]:
    """Both plans over the last ``sessions`` sessions up to ``wish.end``, by the calendar of the plan as it is."""
    if not 1 <= sessions <= MOST_SESSIONS:
        raise InputError(f"sessions {sessions} is not between 1 and {MOST_SESSIONS:,}")
    first = request(now, wish, settings, progress)
    market = exchange(now.window.exchange)
    try:
        start = market.offset(first.end, 1 - sessions)
    except CalendarError as error:
        raise InputError(f"sessions {sessions}: {error}") from None
    span = replace(wish, start=start, end=first.end)
    other = request(then, replace(span, given={}), settings, progress)
    return replace(first, start=start, keep=True), replace(other, start=start, end=first.end, keep=True)


def rehearse(now: Request, then: Request) -> Rehearsed:
    """Replay both and lay their decisions beside each other; both begin flat with their opening cash."""
    before, after = replay(replace(now, keep=True)), replay(replace(then, keep=True))
    ours, theirs = _choices(before), _choices(after)
    keys = sorted({*ours, *theirs})
    changes = tuple(change for key in keys if (change := _change(ours.get(key), theirs.get(key))) is not None)
    slots = {decided.slot.planned for side in (before, after) for decided in side.decisions}
    return Rehearsed(before, after, changes, len(slots))


_Key = tuple[datetime, str, str, int]


def _choices(replayed: Replayed) -> dict[_Key, tuple[Slot, Choice]]:
    return dict(_told(replayed))


def _told(replayed: Replayed) -> Iterator[tuple[_Key, tuple[Slot, Choice]]]:
    for decided in replayed.decisions:
        verdicts = {verdict.intent_id: verdict for verdict in decided.verdicts}
        for intent in decided.intents:
            key = (decided.slot.planned, decided.slot.job, intent.symbol, intent.leg)
            yield key, (decided.slot, Choice(intent, verdicts.get(intent.id)))


def _change(now: tuple[Slot, Choice] | None, then: tuple[Slot, Choice] | None) -> Change | None:
    slot, choice = now or then or (None, None)
    if slot is None or choice is None:
        return None
    kind = _kind(now[1] if now else None, then[1] if then else None)
    if kind is None:
        return None
    return Change(slot, choice.intent.symbol, kind, now[1] if now else None, then[1] if then else None)


def _kind(now: Choice | None, then: Choice | None) -> Kinds | None:
    if now is None or then is None:
        return Kinds.ADDED if now is None else Kinds.DROPPED
    if now.intent.side is not then.intent.side:
        return Kinds.SIDE
    if now.intent.quantity != then.intent.quantity:
        return Kinds.QUANTITY
    return Kinds.VERDICT if _word(now.verdict) != _word(then.verdict) else None


def _word(verdict: Verdict | None) -> tuple[object, ...]:
    """What of a verdict is a decision: what was let through, and which rule and limit held back the rest."""
    if verdict is None or verdict.decision is Decision.APPROVED:
        return (verdict and verdict.decision,)
    return verdict.decision, verdict.quantity, verdict.rule, verdict.limit
