"""Where everything stands on one screen, and what can be done next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click

from openbell import planfiles, store
from openbell.calendar.preview import Coming
from openbell.cli.checking import Checked, check_file
from openbell.cli.output import amount, emit, machine, say, table
from openbell.cli.place import reading, shown
from openbell.cli.preview import coming
from openbell.cli.zones import UTC_ZONE, zone_of
from openbell.errors import InputError, OpenbellError
from openbell.ports import EquityPoint, Level, RunSummary, Switch
from openbell.ports.permits import Standing
from openbell.settings import Settings, load_settings
from openbell.stages.permits import unarmed
from openbell.stages.wording import count, when
from openbell.store.connect import exists
from openbell.values.plan import Plan

#: How far ahead the next slot of a plan is looked for.
AHEAD_DAYS = 14


@dataclass(frozen=True, slots=True)
class Next:
    """The next slot of a plan that will run, or the next one at all when each of them will be a skip."""

    slot: str
    planned: datetime
    runs: bool
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class PlanStatus:
    """One plan: whether it can run, its last run, its next slot, its account's equity."""

    plan: str
    state: str
    mode: str
    account: str
    zone: str
    last: RunSummary | None
    next: Next | None
    equity: EquityPoint | None


@dataclass(frozen=True, slots=True)
class Status:
    """The whole installation; ``switch`` and the counts are None while there is no store."""

    store: str
    ready: bool
    plans_folder: str
    plans: tuple[PlanStatus, ...]
    switch: Switch | None = None
    open_orders: int | None = None
    positions: int | None = None


@click.command(epilog="Example: openbell status --json")
@machine
def status(as_json: bool) -> None:
    """Show store, kill switch, plans with last run and next slot, open orders, positions and equity."""
    found = gather(load_settings(), datetime.now(UTC))
    if as_json:
        emit(found)
        return
    _print(found)
    for step in next_steps(found):
        say(f"  {step}")


def gather(settings: Settings, now: datetime) -> Status:
    """Read everything that the screen shows; nothing is made or changed."""
    ready = exists(settings.url)
    history = reading() if ready else None
    permits = store.open_permits(settings.url) if ready else None
    folder, checked = _plans(settings)
    plans = []
    for item in checked:
        runs = history.runs(plan=item.name, limit=1) if history else ()
        points = history.equity(item.plan.account.name, 1) if history and item.plan else ()
        standing = permits.standing(item.name) if permits else Standing()
        plans.append(_plan(item, runs[0] if runs else None, points[-1] if points else None, standing, now))
    if history is None:
        return Status(shown(settings.url), False, folder, tuple(plans))
    return Status(
        store=shown(settings.url),
        ready=True,
        plans_folder=folder,
        plans=tuple(plans),
        switch=store.open_journal(settings.url, settings.halt_file).switch(),
        open_orders=len(history.orders(limit=1000, open_only=True)),
        positions=len(history.positions()),
    )


def _plans(settings: Settings) -> tuple[str, list[Checked]]:
    try:
        folder = planfiles.plans_folder(settings)
    except InputError as error:
        return str(error), []
    return str(folder), [check_file(path) for path in planfiles.plan_paths(folder).values()]


def _plan(
    checked: Checked, last: RunSummary | None, equity: EquityPoint | None, standing: Standing, now: datetime
) -> PlanStatus:
    plan, state = checked.plan, _state(checked, standing, now)
    ahead = next_slot(checked.runnable, now) if checked.runnable else None
    zone = zone_of(checked.runnable.window) if checked.runnable else UTC_ZONE
    mode, account = (plan.mode, plan.account.name) if plan else ("", "")
    return PlanStatus(checked.name, state, mode, account, zone.key, last, ahead, equity)


def _state(checked: Checked, standing: Standing, now: datetime) -> str:
    """invalid, disabled (by file or store), not armed, armed until when, or ready."""
    plan = checked.runnable
    if plan is None:
        return "invalid"
    if not plan.enabled or "" in standing.off:
        return "disabled"
    if unarmed(plan, standing, now):
        return "not armed"
    arming = standing.armed.arming if standing.armed and plan.mode == "live" else None
    return f"armed until {when(arming.expires, zone_of(plan.window))}" if arming else "ready"


def next_slot(plan: Plan, now: datetime) -> Next | None:
    """The next trading slot of a plan within two weeks."""
    if not plan.rings("trade").enabled:
        return None
    try:
        slots = _until_one_runs(plan, now)
    except OpenbellError:
        return None
    found = next((slot for slot in slots if slot.runs), slots[0] if slots else None)
    if found is None:
        return None
    return Next(found.slot.key, found.slot.planned, found.runs, found.code, found.detail)


def _until_one_runs(plan: Plan, now: datetime) -> list[Coming]:
    found: list[Coming] = []
    for day in range(AHEAD_DAYS):
        found += coming(plan, "trade", now + timedelta(days=day), 1)
        if any(slot.runs for slot in found):
            break
    return found


def next_steps(found: Status) -> Iterator[str]:
    """What can be done next, most useful first."""
    if not found.ready:
        yield "make demo                run the demo plan over recent sessions and see what it decides"
        yield "openbell migrate         make an empty store"
    if found.switch and found.switch.level is not Level.ACTIVE:
        yield f"the kill switch stands at {found.switch.level.value}: {found.switch.reason or 'no reason is recorded'}"
    if any(plan.state == "invalid" for plan in found.plans):
        yield "openbell validate        what is wrong with a plan, by file and line"
    for plan in found.plans:
        if plan.state == "not armed":
            yield f"openbell enable {plan.plan} --live    arm the live plan until midnight"
        if plan.last:
            yield f"openbell show {plan.last.id}    what the last run of {plan.plan} saw, decided and did"
    if runnable := [plan.plan for plan in found.plans if plan.state == "ready"]:
        yield f"openbell preview {runnable[0]:<7} each coming run and what will happen"
    yield "openbell --help          everything else"


def _print(found: Status) -> None:
    say(f"Store   {found.store}" if found.ready else f"Store   no store yet at {found.store}")
    if found.switch:
        say(f"Switch  {found.switch.level.value}")
        say(f"Books   {count(found.open_orders or 0, 'open order')}, {count(found.positions or 0, 'position')}")
    say(f"Plans   {found.plans_folder}")
    if found.plans:
        table("", ("plan", "state", "mode", "next slot", "last run", ">equity"), map(_row, found.plans))
    say("What can be done next:")


def _row(plan: PlanStatus) -> tuple[str | None, ...]:
    zone = ZoneInfo(plan.zone)
    last = f"{' '.join(_ending(plan.last))}, {when(plan.last.planned, zone)}" if plan.last else None
    equity = amount(plan.equity.equity) if plan.equity else None
    return plan.plan, plan.state, plan.mode, _ahead(plan.next, zone), last, equity


def _ahead(slot: Next | None, zone: ZoneInfo) -> str | None:
    if slot is None:
        return None
    return when(slot.planned, zone) + ("" if slot.runs else f", skip: {slot.code}")


def _ending(run: RunSummary) -> list[str]:
    return [run.outcome.value, run.code] if run.code else [run.outcome.value]
