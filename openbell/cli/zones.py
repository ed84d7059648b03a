"""In which zone a plan's times are told. Apart from the rest, since calendars are slow to import."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from openbell.calendar.exchange import exchange
from openbell.errors import OpenbellError
from openbell.values.plan import Window

UTC_ZONE = ZoneInfo("UTC")


def zone_of(window: Window) -> ZoneInfo:
    """The zone in which a plan's times are told."""
    return ZoneInfo(window.zone) if window.zone else exchange(window.exchange).zone


def recorded_zone(plan_body: Mapping[str, Any]) -> ZoneInfo:
    """The zone of the plan as a record keeps it; UTC when no calendar knows it any more."""
    window = plan_body.get("window", {})
    try:
        return zone_of(Window(exchange=window.get("exchange", ""), zone=window.get("zone")))
    except (OpenbellError, ValueError):
        return UTC_ZONE
