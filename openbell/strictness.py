"""What an environment asks of an installation and of its plans, beyond what is always asked.

``development`` lets a beginner begin. ``staging`` is set up like production and trades on paper only. ``production``
refuses whatever nobody would notice in time. A live plan is held to the rules about files everywhere.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from openbell.errors import SettingsError
from openbell.settings import TEST_PREFIX, Environment, Settings
from openbell.store import place
from openbell.values.plan import Plan

_STRICT: tuple[Environment, ...] = ("staging", "production")
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Asked:
    """One rule about the installation: where it holds, in words, and what is wrong (empty: nothing)."""

    where: tuple[Environment, ...]
    words: str
    wrong: Callable[[Settings], str]
    #: Whether a live plan is held to it in every environment.
    live: bool = False


@dataclass(frozen=True, slots=True)
class AskedOfPlan:
    """One rule about an enabled plan."""

    where: tuple[Environment, ...]
    words: str
    wrong: Callable[[Plan], str]


def check(settings: Settings, plan: Plan | None = None) -> None:
    """SettingsError with all that the environment does not allow, one line each."""
    if problems := tuple(_problems(settings, plan)):
        raise SettingsError("\n".join(f"environment {settings.environment}: {problem}" for problem in problems))


def _problems(settings: Settings, plan: Plan | None) -> Iterator[str]:
    live = plan is not None and plan.mode == "live"
    for rule in RULES:
        if settings.environment in rule.where or (live and rule.live):
            yield from _told(rule.wrong(settings))
    if plan is not None and plan.enabled:
        yield from plan_problems(settings, plan)


def plan_problems(settings: Settings, plan: Plan) -> Iterable[str]:
    """What the environment does not allow of a plan, each with the key that it is about."""
    return (wrong for rule in PLAN_RULES if settings.environment in rule.where and (wrong := rule.wrong(plan)))


def _told(problem: str) -> Iterator[str]:
    if problem:
        yield problem


# --- of the installation -------------------------------------------------------------------------------------


def _absolute(settings: Settings) -> str:
    home = settings.home.expanduser()
    return "" if home.is_absolute() else f"OPENBELL_HOME {home} depends on where a process starts; make it absolute"


def _private_home(settings: Settings) -> str:
    return _wider(settings.home.expanduser(), "700")


def _private_store(settings: Settings) -> str:
    return place.wider(settings.url)


def _private_switch(settings: Settings) -> str:
    return _wider(settings.halt_file, "600")


def _wider(path: Path, wanted: str) -> str:
    try:
        mode = path.stat().st_mode & 0o777
    except OSError:
        return ""
    return f"{path} is open to others (mode {mode:04o}): chmod {wanted} {path}" if mode & _OTHERS else ""


def _quiet(settings: Settings) -> str:
    return "OPENBELL_LOG_LEVEL DEBUG is for development" if settings.log_level == "DEBUG" else ""


def _untested(_: Settings) -> str:
    found = sorted(name for name in os.environ if name.startswith(TEST_PREFIX))
    return f"{found[0]} is a switch for tests: unset it" if found else ""


RULES: tuple[Asked, ...] = (
    Asked(_STRICT, "`OPENBELL_HOME` is an absolute path", _absolute),
    Asked(_STRICT, "nobody but its owner can open the home folder (0700)", _private_home, live=True),
    Asked(_STRICT, "nobody but its owner can open the files of the store (0600)", _private_store, live=True),
    Asked(_STRICT, "nobody but its owner can open the halt file (0600)", _private_switch, live=True),
    Asked(("production",), "`OPENBELL_LOG_LEVEL` is not `DEBUG`", _quiet),
    Asked(("production",), "no switch for tests (`OPENBELL_TEST_...`) is set", _untested),
)


# --- of its plans --------------------------------------------------------------------------------------------


def _paper_only(plan: Plan) -> str:
    return "mode: staging trades on paper only" if plan.mode == "live" else ""


def _told_to_somebody(plan: Plan) -> str:
    told = plan.notify.enabled and plan.notify.targets
    return "" if told else "notify.targets: nobody would be told what goes wrong; name a target"


def _real_prices(plan: Plan) -> str:
    sample = plan.feed.provider == "sample"
    return "feed.provider: sample prices are not of today's market" if sample else ""


PLAN_RULES: tuple[AskedOfPlan, ...] = (
    AskedOfPlan(("staging",), "it trades on paper", _paper_only),
    AskedOfPlan(("production",), "somebody is told what goes wrong (`notify.targets`)", _told_to_somebody),
    AskedOfPlan(("production",), "its prices are not the sample's", _real_prices),
)
