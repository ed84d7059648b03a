"""Plan files: TOML in, plans out. Every error names the file, the line and the key, and all are told at once."""

from dataclasses import dataclass
from pathlib import Path

from openbell import tomlfiles
from openbell.errors import InputError, OpenbellError, PlanError
from openbell.plugins import nearest
from openbell.settings import Settings
from openbell.tomlfiles import MAX_BYTES, Kind
from openbell.tomlfiles.telling import Source, there_are
from openbell.values.plan import Plan

__all__ = ["MAX_BYTES", "PlanFile", "examine", "find", "load", "load_all", "plan_paths", "plans_folder"]

_PLANS = Kind(Plan, "a plan", PlanError)


@dataclass(frozen=True, slots=True)
class PlanFile:
    """What a file holds: ``problems`` is all that reading found wrong, ``plan`` what is left without it.

    None when nothing is left. Only a plan without problems may run.
    """

    source: Source
    plan: Plan | None
    problems: tuple[str, ...]

    def named(self, error: OpenbellError) -> list[str]:
        """An error found later (by ``resolve``, say), one problem an item, each with file, line and key."""
        return [told for line in str(error).splitlines() for told in self.source.named(line)]


def plans_folder(settings: Settings) -> Path:
    """OPENBELL_PLANS, else deployments/plans here, else the plans of the installed ``deployments`` package."""
    return tomlfiles.folder_of(settings.plans, "OPENBELL_PLANS", "plans")


def plan_paths(folder: Path) -> dict[str, Path]:
    """The plan files of a folder by plan name, sorted."""
    return tomlfiles.paths(folder)


def find(name: str, folder: Path) -> Path:
    """The file of a plan; the error names the nearest plan and the folder."""
    known = plan_paths(folder)
    if name not in known:
        raise InputError(f"no plan {name[:60]!r} in {folder}{nearest(name, known)}{there_are(known)}")
    return known[name]


def load(path: Path) -> Plan:
    """The plan of a file; a PlanError lists all that is wrong with it, one line each."""
    file = examine(path)
    if file.plan is None or file.problems:
        raise PlanError("\n".join(file.problems))
    return file.plan


def load_all(folder: Path) -> tuple[Plan, ...]:
    """All plans of a folder by name; a PlanError lists what is wrong with any of them."""
    plans: list[Plan] = []
    problems: list[str] = []
    for path in plan_paths(folder).values():
        try:
            plans.append(load(path))
        except PlanError as error:
            problems.append(str(error))
    if problems:
        raise PlanError("\n".join(problems))
    return tuple(plans)


def examine(path: Path) -> PlanFile:
    """The plan of a file with all that is wrong with it so far; PlanError when there is nothing to examine."""
    file = tomlfiles.examine(path, _PLANS)
    source, plan = file.source, file.content
    if plan is None or file.problems or plan.name == path.stem:
        return PlanFile(source, plan, file.problems)
    return PlanFile(source, plan, (source.report(("name",), f"{plan.name!r} is not the file's name {path.stem!r}"),))
