"""Is everything fit to trade? Each line says ok, warning or failed, and what to do."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from openbell import planfiles
from openbell.cli.checking import Checked, check_file
from openbell.cli.checks import installation, plans, schedules, venue
from openbell.cli.checks.findings import Finding, failed, masked, ok, warning
from openbell.cli.checks.prefect_api import Server, server
from openbell.cli.output import emit, machine, say, table
from openbell.errors import InputError, SettingsError
from openbell.settings import Settings, load_settings
from openbell.values.condition import Condition
from openbell.values.plan import Plan

COLUMNS = ("state", "check", "plan", "found", "what to do")


@click.command(epilog="Example: openbell doctor demo")
@click.argument("plan", required=False)
@machine
@click.pass_context
def doctor(ctx: click.Context, plan: str | None, as_json: bool) -> None:
    """Look at everything that a plan, or all enabled plans, depend on: broker, prices, store, Prefect, people.

    Nothing is changed and no order is sent. Each look takes at most five seconds. Exit code 1 when any line failed.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        _print([failed("settings", str(error))], as_json)
        ctx.exit(1)
    found = masked(_findings(_checked(plan, settings), settings, datetime.now(UTC)), settings)
    _print(found, as_json)
    if any(each.state is Condition.FAILED for each in found):
        ctx.exit(1)


def _checked(name: str | None, settings: Settings) -> list[Checked]:
    if name is not None:
        return [check_file(planfiles.find(name, planfiles.plans_folder(settings)))]
    try:
        folder = planfiles.plans_folder(settings)
    except InputError:
        return []
    return [check_file(path) for path in planfiles.plan_paths(folder).values()]


def _findings(checked: list[Checked], settings: Settings, now: datetime) -> Iterator[Finding]:
    yield ok("settings", f"home is {settings.home.expanduser()}")
    yield installation.environment(settings)
    yield installation.exposure(os.environ)
    yield from installation.versions(installation.installed())
    yield from installation.store_and_disk(
        settings, live=any(each.plan and each.plan.mode == "live" for each in checked)
    )
    yield (reached := schedules.reach(at := server()))
    up = at if reached.state is Condition.OK else None
    if not checked:
        yield warning("plan", "there is no plan")
    for each in checked:
        yield plans.file(each)
        if each.runnable:
            yield from _of_plan(each.runnable, settings, up, now)


def _of_plan(plan: Plan, settings: Settings, up: Server | None, now: datetime) -> Iterator[Finding]:
    yield plans.enabled(plan, settings, now)
    if not plan.enabled:
        return
    yield plans.calendar(plan, now)
    yield from venue.broker(plan, settings)
    yield from plans.feeds(plan, settings, now)
    yield from plans.people(plan)
    if up is None:
        yield warning("deployments", "not looked at, since server failed", plan.name, "put server right first")
    else:
        yield from schedules.blocks(plan, up)
        yield from schedules.schedules(plan, up, now)
    yield plans.slots(plan, settings, now)


def _print(found: list[Finding], as_json: bool) -> None:
    bad = sum(each.state is Condition.FAILED for each in found)
    if as_json:
        emit({"ok": not bad, "findings": found})
        return
    table("", COLUMNS, [(each.state.value, each.check, each.plan, each.detail, each.advice) for each in found])
    odd = sum(each.state is Condition.WARNING for each in found)
    say(f"{len(found)} looks: {bad} failed, {odd} warnings")
