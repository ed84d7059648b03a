"""The rules of a plan: every rule there is, with its own defaults where the plan says nothing.

They are asked in one fixed order, the one in which it is cheapest to be wrong: data (10 to 20), books (25), instrument
and order (30 to 80), size of the order (90, 100), of the position (110, 120) and of the account (130 to 150), number of
orders (160 to 175), losses (180, 190), money (200) and own resting orders (210). Rules from elsewhere come after.
"""

from collections.abc import Mapping
from typing import Any

from openbell.errors import PlanError
from openbell.plugins import build, discover, find
from openbell.risk import rules
from openbell.risk.base import Rule


def build_rules(risk: Mapping[str, Any]) -> tuple[Rule, ...]:
    """All rules in the order of the gate; ``risk`` maps a rule's name to its main value or to its fields.

    A PlanError names, one line each, what is unknown, out of bounds or contradictory.
    """
    problems: list[str] = []
    built: dict[type[Rule], Rule] = {}
    for name, value in risk.items():
        try:
            rule = _one(name, value)
        except PlanError as error:
            problems.append(str(error))
        else:
            if type(rule) in built:
                problems.append(f"risk.{name}: {type(rule).__name__} is set twice")
            built[type(rule)] = rule
    if not problems:
        for known in discover(rules, Rule).values():  # type: ignore[type-abstract]  # a base to look for
            built.setdefault(known, known())
        problems = _contradictions(built.values())
    if problems:
        raise PlanError("\n".join(problems))
    return tuple(sorted(built.values(), key=lambda rule: (rule.order, rule.name, type(rule).__name__)))


def _one(name: str, value: Any) -> Rule:
    try:
        found = find(rules, Rule, name, "rule")  # type: ignore[type-abstract]  # a base to look for
    except PlanError as error:
        raise PlanError(f"risk.{name}: {error}") from None
    if isinstance(value, Mapping):
        return build(found, value, f"risk.{name}")
    if not found.main:
        raise PlanError(f"risk.{name}: takes no value, got {str(value)[:60]!r}")
    return build(found, {found.main: value}, f"risk.{name}")


def _contradictions(built: Any) -> list[str]:
    """Inner limits that the plan set above an outer one, which therefore could never be reached."""
    by_name: dict[str, Rule] = {rule.name: rule for rule in built}
    found = []
    for rule in by_name.values():
        for outer in (by_name[name] for name in rule.within):
            inner_value, outer_value = getattr(rule, rule.main), getattr(outer, outer.main)
            if rule.main in rule.model_fields_set and inner_value > outer_value:
                default = "" if outer.main in outer.model_fields_set else " (its default)"
                found.append(
                    f"risk.{rule.name} {inner_value} is above risk.{outer.name} {outer_value}{default}; "
                    "lower the one or raise the other"
                )
    return found
