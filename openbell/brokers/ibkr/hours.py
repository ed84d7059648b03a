"""Trading hours as contract details tell them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from openbell.errors import BrokerError


def is_open(hours: str, zone: str, now: datetime) -> bool:
    """Whether ``now`` lies in hours such as ``20261120:0930-20261120:1600;20261121:CLOSED``."""
    return any(start <= now < end for start, end in spans(hours, zone))


def spans(hours: str, zone: str) -> list[tuple[datetime, datetime]]:
    """Every interval in UTC; the older form without a second date, and with several intervals a day, is read too."""
    found = []
    for day in hours.split(";"):
        label, _, rest = day.strip().partition(":")
        if not label or rest == "CLOSED":
            continue
        found += [_span(label, part, zone, hours) for part in rest.split(",")]
    return found


def sessions(hours: str, zone: str) -> dict[date, tuple[datetime, datetime] | None]:
    """Each day that the hours speak of: the beginning of its first interval and the end of its last, None if closed."""
    found: dict[date, tuple[datetime, datetime] | None] = {}
    for day in filter(None, (part.strip() for part in hours.split(";"))):
        told = spans(day, zone)
        found[_instant(day[:8], "1200", zone).date()] = (told[0][0], told[-1][1]) if told else None
    return found


def _span(label: str, part: str, zone: str, hours: str) -> tuple[datetime, datetime]:
    start, dash, end = part.partition("-")
    end_date, colon, end_time = end.partition(":")
    if not dash:
        raise BrokerError(f"ibkr: trading hours {hours[:60]!r} cannot be read")
    return _instant(label, start[-4:], zone), _instant(*((end_date, end_time) if colon else (label, end)), zone)


def _instant(label: str, clock: str, zone: str) -> datetime:
    try:
        naive = datetime.strptime(f"{label} {clock}", "%Y%m%d %H%M")  # noqa: DTZ007  # its zone is named beside it
        return naive.replace(tzinfo=ZoneInfo(zone.split(" ", maxsplit=1)[0])).astimezone(UTC)
    except (ValueError, KeyError, OSError):
        raise BrokerError(
            f"ibkr: trading hours {label[:20]} {clock[:20]} in zone {zone[:40]!r} cannot be read"
        ) from None
