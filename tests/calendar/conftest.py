"""Wall times and plans that the calendar tests speak in."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from openbell.values.plan import Plan


@pytest.fixture(scope="session")
def wall() -> Callable[..., datetime]:
    """An instant from a wall time, by default New York's."""

    def at(text: str, zone: str = "America/New_York") -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))

    return at


@pytest.fixture(scope="session")
def plan_of() -> Callable[..., Plan]:
    """A plan with the given window and schedule."""

    def build(window: dict[str, Any] | None = None, **schedule: dict[str, Any]) -> Plan:
        return Plan.model_validate(
            {
                "name": "book",
                "universe": ["AAPL"],
                "strategies": [{"use": "buy_and_hold"}],
                "window": window or {},
                "schedule": schedule or {"trade": {"cron": "35 9 * * 1-5"}},
            }
        )

    return build
