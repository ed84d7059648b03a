"""A stored run held against what its own inputs lead to now: the same to the byte, or what differs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openbell.calendar.window import decide_for
from openbell.errors import CalendarError, InputError
from openbell.ports import Frozen, History
from openbell.stages.rerun import Again, rerun, rerun_exits, rerun_flatten, slot_of
from openbell.stages.seal import versions
from openbell.values import canonical
from openbell.values.bars import Bars
from openbell.values.job import EXITS, FLATTEN, JOBS, TRADE
from openbell.values.orders import OrderIntent, client_order_id
from openbell.values.plan import Plan, Window
from openbell.values.record import Outcome, RunRecord
from openbell.values.slot import Slot

#: How the store gives the plan that was committed for a slot.
Committed = Callable[[Slot], Frozen | None]
#: How each job that decides on orders decides again.
_AGAIN: Mapping[str, Callable[[RunRecord, Bars], Again]] = {
    TRADE.name: rerun,
    EXITS.name: rerun_exits,
    FLATTEN.name: rerun_flatten,
}
#: What the other jobs do instead.
DECIDES_NOTHING = {
    "alerts": "the alerts job tells people what its rules find and decides on no order",
    "orders": "the orders job writes down what became of orders and decides on none",
    "positions": "the positions job compares books with the broker and decides on no order",
    "prices": "the prices job looks at prices and decides on no order",
    "snapshot": "the snapshot job writes down the account and decides on no order",
    "recover": "the recover job closes what died and decides on no order",
    "heartbeat": "the heartbeat job says that the desk lives and decides on no order",
    "notify": "the notify job delivers messages and decides on no order",
}
#: A lap that a run which executes the committed plan of an earlier attempt never makes.
_DECIDING = "evaluate-strategies"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what it was: which part, whose, which field, and both in canonical JSON.

    A thing that is only on one side has an empty ``field``, and its text is empty on the other side.
    """

    part: str
    key: str
    field: str
    stored: str
    again: str


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of decision: how many are stored, how many came out, and where they differ."""

    name: str
    stored: int
    again: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of it. ``how`` says what was compared, ``notes`` what could not be and why."""

    record: RunRecord
    how: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All of them."""
        return tuple(found for part in self.parts for found in part.differences)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def rerun_stored(history: History, committed: Committed, run: str) -> Compared:
    """A run by id or slot decided again; InputError when there is none, or when its panel is gone."""
    record = history.run(run)
    if record is None:
        raise InputError(f"no run or slot {run[:80]!r} in the store; `openbell history` lists them")
    return compare(record, history.bars, committed)


def compare(record: RunRecord, panels: Callable[[str], Bars | None], committed: Committed) -> Compared:
    """A record held against its own inputs, as far as its job and its end allow."""
    how, parts, notes = _decisions(record, panels, committed)
    return Compared(record, how, (*_window(record), *parts), (*notes, *_versions(record)))


Decisions = tuple[str, tuple[Part, ...], tuple[str, ...]]


def _decisions(record: RunRecord, panels: Callable[[str], Bars | None], committed: Committed) -> Decisions:
    if record.job not in _AGAIN:
        return DECIDES_NOTHING.get(record.job, f"the job {record.job} decides on no order"), (), ()
    if record.data is not None and record.inputs and _decided(record):
        again = _AGAIN[record.job](record, _panel(record, panels))
        return "decided again from the stored panel and inputs", _again(record, again), ()
    if record.intents:
        return _committed(record, committed(slot_of(record)))
    return "nothing to decide again", (), (_why_nothing(record),)


def _decided(record: RunRecord) -> bool:
    """Whether the run decided itself: one that was resumed executes what an attempt before it had committed."""
    if record.job == EXITS.name:
        return "look" in record.inputs
    return record.job == FLATTEN.name or _DECIDING in record.timings


def _panel(record: RunRecord, panels: Callable[[str], Bars | None]) -> Bars:
    digest = record.data.digest if record.data else ""
    bars = panels(digest)
    if bars is None:
        why = "it was archived or removed; put it back and ask again"
        raise InputError(f"the panel {digest[:12]} that run {record.id} was decided on is not in the store: {why}")
    return bars


def _why_nothing(record: RunRecord) -> str:
    blocked = next((guard for guard in record.guards if not guard.passed), None)
    if blocked is not None:
        return f"guard {blocked.name} stopped the run ({blocked.code}): it came to no decision"
    if record.outcome in (Outcome.MISSED, Outcome.INTERRUPTED, Outcome.FAILED):
        return f"the run is {record.outcome}: it ended before it had decided"
    return "the run sent nothing"


def _versions(record: RunRecord) -> Iterator[str]:
    now = versions()
    for name, then in record.versions.items():
        if name in now and now[name] != then:
            yield f"decided with {name} {then}, again with {now[name]}"


# --- parts ---------------------------------------------------------------------------------------------------


def _again(record: RunRecord, again: Again) -> tuple[Part, ...]:
    gated = again.gated
    return (
        part("signals", record.signals, again.signals, ("strategy", "symbol")),
        part("intents", record.intents, gated.intents, ("id",)),
        part("verdicts", record.verdicts, gated.verdicts, ("intent_id",)),
        part("unplaced", record.unplaced, gated.unplaced, ("symbol",)),
    )


def _committed(record: RunRecord, frozen: Frozen | None) -> Decisions:
    """Orders that an attempt before had committed, or whose inputs no record keeps: ids, and the committed plan."""
    told = "its inputs went with the attempt that decided: signals and verdicts cannot be decided again"
    if frozen is None:
        return "compared with its slot", (_ids(record),), (told, "the store has no committed plan of its slot")
    parts = (
        _ids(record),
        part("intents", frozen.intents, record.intents, ("id",)),
        part("verdicts", frozen.verdicts, record.verdicts, ("intent_id",)),
    )
    return "compared with its slot and the plan that was committed for it", parts, (told,)


def _ids(record: RunRecord) -> Part:
    """The ids that slot, symbol and leg lead to."""
    names, environment = [record.job], record.environment
    if record.job == TRADE.name:
        plan = Plan.model_validate(record.plan_body)
        names, environment = [use.label for use in plan.strategies if use.enabled], plan.mode
    slot = slot_of(record)

    def again(intent: OrderIntent) -> dict[str, str]:
        found = client_order_id(record.account, environment, names, slot, intent.symbol, intent.leg)
        return {"order": f"{intent.symbol}, leg {intent.leg}", "id": found}

    stored = [{"order": f"{intent.symbol}, leg {intent.leg}", "id": intent.id} for intent in record.intents]
    return part("ids", stored, [again(intent) for intent in record.intents], ("order",))


def _window(record: RunRecord) -> Iterator[Part]:
    """The guard that asks the calendar, asked again; not where the horizon of the calendar stopped the run."""
    guard = next((guard for guard in record.guards if guard.name == "window"), None)
    body = record.plan_body.get("window")
    if guard is None or body is None or guard.code == "CALENDAR_HORIZON" or record.job not in JOBS:
        return
    try:
        found = decide_for(JOBS[record.job].hours, Window.model_validate(body), record.as_of)
        again = {"name": guard.name, "passed": found.open, "code": "" if found.open else found.code}
    except CalendarError:
        again = {"name": guard.name, "passed": False, "code": "CALENDAR"}
    # Its words may tell of the moment, and are no decision.
    yield part("window", [guard.model_dump(include={"name", "passed", "code"})], [again], ("name",))


# --- differences ---------------------------------------------------------------------------------------------


def part(name: str, stored: Sequence[Any], again: Sequence[Any], key: tuple[str, ...]) -> Part:
    """One kind of decision, compared in canonical form; ``key`` names the fields that tell one from another."""
    if canonical.dumps(stored) == canonical.dumps(again):
        return Part(name, len(stored), len(again), ())
    before, after = _by_key(stored, key), _by_key(again, key)
    found = [one for key_ in dict.fromkeys((*before, *after)) for one in _fields(name, key_, before, after)]
    if not found:
        found = [Difference(name, "all", "order", canonical.dumps(list(before)), canonical.dumps(list(after)))]
    return Part(name, len(stored), len(again), tuple(found))


def _by_key(items: Sequence[Any], key: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    plain = [canonical.plain(item) for item in items]
    return {" ".join(str(item[field]) for field in key): item for item in plain}


def _fields(name: str, key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    one, other = before.get(key), after.get(key)
    if one is None or other is None:
        yield Difference(name, key, "", canonical.dumps(one) if one else "", canonical.dumps(other) if other else "")
        return
    for field in dict.fromkeys((*one, *other)):
        stored, again = canonical.dumps(one.get(field)), canonical.dumps(other.get(field))
        if stored != again:
            yield Difference(name, key, field, stored, again)
