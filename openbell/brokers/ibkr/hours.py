"""Trading hours as contract details tell them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from openbell.errors import BrokerError


def is_open(hours: str, zone: str, now: datetime) -> bool:
    """Whether ``now`` lies in hours such as ``20261120:0930-20261120:1600;20261121:CLOSED``."""
    return any(start <= now < end for start, end in spans(hours, zone))


def spans(hours: str, zone: str) -> list[tuple[datetime, datetime]]:
    """Every interval in UTC; the older form without a second date, and with several intervals a day, is read too."""
    found = []
    for day in hours.split(";"):
        date, _, rest = day.strip().partition(":")
        if not date or rest == "CLOSED":
            continue
        found += [_span(date, part, zone, hours) for part in rest.split(",")]
    return found


def _span(date: str, part: str, zone: str, hours: str) -> tuple[datetime, datetime]:
    start, dash, end = part.partition("-")
    end_date, colon, end_time = end.partition(":")
    if not dash:
        raise BrokerError(f"ibkr: trading hours {hours[:60]!r} cannot be read")
    return _instant(date, start[-4:], zone), _instant(*((end_date, end_time) if colon else (date, end)), zone)


def _instant(date: str, clock: str, zone: str) -> datetime:
    try:
        naive = datetime.strptime(f"{date} {clock}", "%Y%m%d %H%M")  # noqa: DTZ007  # its zone is named beside it
        return naive.replace(tzinfo=ZoneInfo(zone.split(" ", maxsplit=1)[0])).astimezone(UTC)
    except (ValueError, KeyError, OSError):
        raise BrokerError(
            f"ibkr: trading hours {date[:20]} {clock[:20]} in zone {zone[:40]!r} cannot be read"
        ) from None
