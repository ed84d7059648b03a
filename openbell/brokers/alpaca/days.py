"""Days of Alpaca's calendar: clock times without a zone, which are those of New York."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from openbell.brokers.alpaca.rows import Row, text_of
from openbell.errors import BrokerError

_ZONE = ZoneInfo("America/New_York")


def session_of(row: Row) -> tuple[date, tuple[datetime, datetime]]:
    """The day of a row and its regular session in UTC."""
    day, opens, closes = (text_of(row, name) for name in ("date", "open", "close"))
    return _instant(day, opens).date(), (_instant(day, opens).astimezone(UTC), _instant(day, closes).astimezone(UTC))


def _instant(day: str, clock: str) -> datetime:
    try:
        return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=_ZONE)
    except ValueError:
        raise BrokerError(f"alpaca: {day[:20]} {clock[:20]} of the calendar is no time of a day") from None
