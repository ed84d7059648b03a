"""What a run was asked for, as values.

Prefect hands parameters on as they came: its own check would build a class for each run. What a form or a command
wrote is read here, and what it cannot be is refused by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openbell.errors import InputError
from openbell.values.time import as_utc, parse_instant


@dataclass(frozen=True, slots=True)
class Asked:
    """Parameters of a run of any job: ``as_of`` in UTC, None for now."""

    plan: str
    as_of: datetime | None = None
    dry_run: bool = False


def asked(parameters: Mapping[str, Any]) -> Asked:
    """An InputError that names the parameter which is not what it has to be."""
    plan, dry_run = parameters.get("plan"), parameters.get("dry_run", False)
    if not isinstance(plan, str):
        raise InputError(f"plan {plan!r} is not the name of a plan")
    if not isinstance(dry_run, bool):
        raise InputError(f"dry_run {dry_run!r} is neither true nor false")
    return Asked(plan, _instant(parameters.get("as_of")), dry_run)


def _instant(given: Any) -> datetime | None:
    if given is None:
        return None
    return as_utc(given, "as_of") if isinstance(given, datetime) else parse_instant(str(given), "as_of")
