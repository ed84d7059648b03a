"""A plan as the data of a block, and back."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from openbell.errors import PlanError
from openbell.plugins import explain
from openbell.values.plan import Plan

SLUG = "openbell-plan"


def form_of(plan: Plan) -> dict[str, Any]:
    """What a block of the plan holds: what its file says, and nothing of what it leaves out."""
    return _said(plan.model_dump(mode="json", exclude_unset=True))


def plan_of(name: str, body: Mapping[str, Any]) -> Plan:
    """The plan that a block of this name holds; a PlanError names each key that cannot be used."""
    where = f"block {SLUG}/{name}"
    try:
        # As strict as a file: "yes" is no boolean, and "5" no number.
        plan = Plan.model_validate_json(json.dumps(_said(body)), strict=True)
    except ValidationError as error:
        raise PlanError(f"{where}: {explain(error, Plan)}") from None
    if plan.name != name:
        raise PlanError(f"{where}: name: {plan.name!r} is not the block's name {name!r}")
    return plan


def _said(value: Any) -> Any:
    """Without what is null: a field of the form that was left empty is one that nothing was said about."""
    if isinstance(value, Mapping):
        return {key: _said(item) for key, item in value.items() if item is not None}
    return [_said(item) for item in value] if isinstance(value, list | tuple) else value
