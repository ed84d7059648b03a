"""The exit rules of a plan: those that are always on, and those that it names.

They are asked in one fixed order, and the first that fires names the exit: stop loss, trailing stop, take profit,
strategy exit, time limit, end of session. Rules from elsewhere come after.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from openbell.errors import PlanError
from openbell.exits import rules
from openbell.exits.base import ExitRule
from openbell.plugins import build, discover, find


def build_exits(exits: Mapping[str, Any]) -> tuple[ExitRule, ...]:
    """The rules in the order of asking; ``exits`` maps a rule's name to its main value, its fields, true or false.

    A PlanError names, one line each, what is unknown, out of bounds or contradictory.
    """
    problems: list[str] = []
    named: dict[type[ExitRule], ExitRule | None] = {}
    for name, value in exits.items():
        try:
            found, rule = _one(name, value)
        except PlanError as error:
            problems.append(str(error))
        else:
            if found in named:
                problems.append(f"exits.{name}: {found.__name__} is set twice")
            named[found] = rule
    built = [rule for rule in (_always() | named).values() if rule]
    problems = problems or _contradictions(built)
    if problems:
        raise PlanError("\n".join(problems))
    return tuple(sorted(built, key=lambda rule: (rule.order, rule.name, type(rule).__name__)))


def _always() -> dict[type[ExitRule], ExitRule | None]:
    found = discover(rules, ExitRule).values()  # type: ignore[type-abstract]  # a base to look for
    return {known: known() for known in found if known.always}


def _one(name: str, value: Any) -> tuple[type[ExitRule], ExitRule | None]:
    """The rule and its class; None for one that the plan turns off."""
    try:
        found = find(rules, ExitRule, name, "exit")  # type: ignore[type-abstract]  # a base to look for
    except PlanError as error:
        raise PlanError(f"exits.{name}: {error}") from None
    if value is False:
        return found, None
    if value is True or isinstance(value, Mapping):
        return found, build(found, {} if value is True else value, f"exits.{name}")
    if not found.main:
        raise PlanError(f"exits.{name}: takes true or false, got {str(value)[:60]!r}")
    return found, build(found, {found.main: value}, f"exits.{name}")


def _contradictions(built: Sequence[ExitRule]) -> list[str]:
    by_name = {rule.name: rule for rule in built}
    conflicts = (rule.conflict({name: o for name, o in by_name.items() if o is not rule}) for rule in by_name.values())
    return [conflict for conflict in conflicts if conflict]
