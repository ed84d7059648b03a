"""Alert files: TOML in, alerts out. Every error names the file, the line and the key, and all are told at once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from openbell import tomlfiles
from openbell.alerts.definitions import Alert, AlertFile, Rule, Watch
from openbell.errors import AlertError
from openbell.plugins import nearest
from openbell.settings import Settings
from openbell.tomlfiles import Kind
from openbell.tomlfiles.lines import Key
from openbell.tomlfiles.telling import Source, there_are
from openbell.values.plan import Plan

#: The plan of a name, what is wrong with it in words, or None where plans are not looked at.
PlanOf = Callable[[str], Plan | str | None]

_ALERTS = Kind(AlertFile, "a file of alerts", AlertError)


@dataclass(frozen=True, slots=True)
class Examined:
    """A file of alerts and all that is wrong with it. Only one without problems may be judged."""

    path: Path
    content: AlertFile | None
    problems: tuple[str, ...]
    source: Source | None = None

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Its alerts, none when anything is wrong with it."""
        return self.content.alerts if self.content and not self.problems else ()


def alerts_folder(settings: Settings) -> Path:
    """OPENBELL_ALERTS, else deployments/alerts here, else those of the installed ``deployments`` package."""
    return tomlfiles.folder_of(settings.alerts, "OPENBELL_ALERTS", "alerts")


def examine_all(folder: Path, plan_of: PlanOf) -> tuple[Examined, ...]:
    """Every file of a folder, by name."""
    return examine(tuple(tomlfiles.paths(folder).values()), plan_of)


def examine(paths: Sequence[Path], plan_of: PlanOf) -> tuple[Examined, ...]:
    """Files that stand beside each other: of two alerts with one name the later one is a problem."""
    known: dict[str, str] = {}
    return tuple(_judged(_read(path), plan_of, known) for path in paths)


def _read(path: Path) -> Examined:
    try:
        file = tomlfiles.examine(path, _ALERTS)
    except AlertError as error:
        return Examined(path, None, tuple(str(error).splitlines()))
    return Examined(path, file.content, file.problems, file.source)


def _judged(file: Examined, plan_of: PlanOf, known: dict[str, str]) -> Examined:
    """The file with what can only be seen beside plans and other files."""
    if file.content is None or file.source is None:
        return file
    report = file.source.report
    problems = [report(key, words) for key, words in _doubled(file.content, file.source, known)]
    plan = plan_of(file.content.plan)
    if isinstance(plan, str):
        problems.append(report(("plan",), plan))
    elif plan is not None:
        problems += [report(key, words) for key, words in _strangers(file.content, plan)]
    return replace(file, problems=(*file.problems, *problems))


def _places(content: AlertFile) -> Iterator[tuple[Key, Alert]]:
    for table in ("above", "below", "change", "rule"):
        for number, alert in enumerate(getattr(content, table)):
            yield (table, number), alert


def _doubled(content: AlertFile, source: Source, known: dict[str, str]) -> Iterator[tuple[Key, str]]:
    """Names that are taken; ``known`` has the place of each and learns those of this file."""
    for place, alert in _places(content):
        key = (*place, "name")
        if alert.name in known:
            yield key, f"{alert.name!r} is the name of the alert at {known[alert.name]} already"
        else:
            known[alert.name] = source.place(key)


def _strangers(content: AlertFile, plan: Plan) -> Iterator[tuple[Key, str]]:
    """Symbols that the plan does not trade: nobody asks for their prices."""
    universe = dict.fromkeys(plan.universe)
    for key, alert in _places(content):
        named = alert.symbols if isinstance(alert, Rule) else (alert.symbol,) if isinstance(alert, Watch) else ()
        where = (*key, "symbols" if isinstance(alert, Rule) else "symbol")
        for symbol in named:
            if symbol not in universe:
                hint = nearest(symbol, universe) or (there_are(universe) if len(universe) <= 20 else "")
                yield where, f"{symbol} is not in the universe of plan {plan.name}{hint}"
