"""Whether a plan file can run: its words, its numbers, and everything that it names."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import openbell.brokers
from openbell import notifiers, planfiles, strictness
from openbell.calendar.horizon import horizon
from openbell.errors import OpenbellError, PlanError, SettingsError
from openbell.planfiles import PlanFile
from openbell.plugins import build, find
from openbell.settings import load_settings
from openbell.sources import check_feed
from openbell.specs import BrokerSpec
from openbell.stages.resolve import resolve
from openbell.values.plan import Plan

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Checked:
    """A plan file, the plan in it when it can be read as one, and all that is wrong, each with file and line."""

    path: Path
    plan: Plan | None
    problems: tuple[str, ...]

    @property
    def name(self) -> str:
        """The plan's name, which is the file's."""
        return self.path.stem

    @property
    def runnable(self) -> Plan | None:
        """The plan when nothing is wrong with it."""
        return None if self.problems else self.plan


def check_file(path: Path) -> Checked:
    """Read a plan file and build everything that it names."""
    try:
        file = planfiles.examine(path)
    except PlanError as error:
        return Checked(path, None, tuple(str(error).splitlines()))
    return Checked(path, file.plan, (*file.problems, *_problems(file)))


def require(path: Path) -> Plan:
    """The plan of a file that can run; else a PlanError with all that is wrong."""
    checked = check_file(path)
    if checked.plan is None or checked.problems:
        raise PlanError("\n".join(checked.problems))
    return checked.plan


def _problems(file: PlanFile) -> Iterator[str]:
    if file.plan is not None:
        for step in (resolve, _broker, check_feed, _targets, _calendar, _environment):
            yield from _told(file, partial(step, file.plan))


def _told(file: PlanFile, step: Callable[[], object]) -> list[str]:
    try:
        step()
    except OpenbellError as error:
        return file.named(error)
    return []


def _broker(plan: Plan) -> None:
    spec = _named("account.broker", partial(find, openbell.brokers, BrokerSpec, plan.account.broker, "broker"))  # type: ignore[type-abstract]
    if plan.account.block:
        return
    said = build(spec, plan.account.params, "account.params").environment
    if said and said != plan.mode:
        raise PlanError(f"mode: the plan says {plan.mode}, its account is a {said} one: they must agree")


def _calendar(plan: Plan) -> None:
    ahead = horizon(plan.window.exchange, datetime.now(UTC))
    if plan.mode == "live" and ahead.too_near:
        raise PlanError(f"window.exchange: {ahead.words}: too near for a live plan, update exchange-calendars")


def _targets(plan: Plan) -> None:
    for target in plan.notify.targets:
        try:
            notifiers.check_target(target, live=plan.mode == "live")
        except SettingsError as error:
            raise PlanError(f"notify.targets: {error}") from None


def _environment(plan: Plan) -> None:
    settings = load_settings()
    if problems := list(strictness.plan_problems(settings, plan)):
        raise PlanError("\n".join(problems))


def _named(key: str, look: Callable[[], T]) -> T:
    try:
        return look()
    except PlanError as error:
        raise PlanError(f"{key}: {error}") from None
