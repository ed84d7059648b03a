"""The plan files, and whether they can run."""

from pathlib import Path
from typing import Any

import click

from openbell import planfiles
from openbell.cli.checking import Checked, check_file
from openbell.cli.output import emit, machine, say, table
from openbell.settings import load_settings
from openbell.values.plan import Plan


@click.command(epilog="Example: openbell plans --json")
@machine
def plans(as_json: bool) -> None:
    """List the plan files: what each trades, where, when, and whether it can run."""
    folder = planfiles.plans_folder(load_settings())
    found = [check_file(path) for path in planfiles.plan_paths(folder).values()]
    if as_json:
        emit([_summary(checked) for checked in found])
    elif found:
        columns = ("plan", "can run", "mode", "broker", "feed", ">symbols", "strategies", "schedule", "description")
        table(f"Plans in {folder}", columns, (_row(checked) for checked in found))
        say("`openbell validate` tells what is wrong with a plan, `openbell preview PLAN` when it runs.")
    else:
        say(f"no plan in {folder}: put a file such as demo.toml there")


@click.command(epilog="Example: openbell validate demo ./draft.toml")
@click.argument("targets", metavar="[PLAN|PATH]...", nargs=-1)
@machine
@click.pass_context
def validate(ctx: click.Context, targets: tuple[str, ...], as_json: bool) -> None:
    """Check plan files, by default all of them; exit code 1 when anything is wrong with any."""
    found = [check_file(path) for path in _paths(targets)]
    problems = [problem for checked in found for problem in checked.problems]
    if as_json:
        emit([{"plan": c.name, "path": str(c.path), "valid": not c.problems, "problems": c.problems} for c in found])
    else:
        for problem in problems:
            click.echo(f"error: {problem}", err=True)
        for checked in found:
            if not checked.problems:
                say(f"{checked.path}: valid")
        if not found:
            say("no plan to check")
    ctx.exit(1 if problems else 0)


def _paths(targets: tuple[str, ...]) -> list[Path]:
    files = [Path(target) for target in targets if _is_path(target)]
    if targets and len(files) == len(targets):
        return files
    folder = planfiles.plans_folder(load_settings())
    if not targets:
        return list(planfiles.plan_paths(folder).values())
    return [Path(target) if _is_path(target) else planfiles.find(target, folder) for target in targets]


def _is_path(target: str) -> bool:
    return target.endswith(".toml") or "/" in target


def _summary(checked: Checked) -> dict[str, Any]:
    body = checked.plan.model_dump(mode="json") if checked.plan else None
    summary = {"plan": checked.name, "path": str(checked.path), "valid": not checked.problems}
    return {**summary, "problems": checked.problems, "body": body}


def _row(checked: Checked) -> tuple[Any, ...]:
    plan = checked.plan
    state = f"invalid ({len(checked.problems)})" if checked.problems else _state(plan)
    if plan is None:
        return (checked.name, state, *([None] * 7))
    strategies = ", ".join(use.label if use.enabled else f"({use.label})" for use in plan.strategies)
    rings = {"trade": plan.rings("trade"), **plan.schedule}
    schedule = "; ".join(f"{job} {bell.words}" for job, bell in rings.items())
    venue = (plan.mode, plan.account.broker, plan.feed.provider, len(plan.universe))
    return (checked.name, state, *venue, strategies, f"{schedule} on {plan.window.exchange}", plan.description)


def _state(plan: Plan | None) -> str:
    return "valid" if plan and plan.enabled else "valid, disabled"
