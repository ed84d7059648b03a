"""How far the calendar of an exchange reaches: what it does not know it must not be asked."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from openbell.calendar.exchange import exchange
from openbell.values.time import as_utc

#: A calendar that ends sooner is worth a warning; one that ends sooner than the second is too short for live money.
WARN, REFUSE = timedelta(days=30), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Horizon:
    """The last session that a calendar knows, and how far away it is."""

    code: str
    last: date
    left: timedelta

    @property
    def near(self) -> bool:
        """Whether it is time to update the calendar."""
        return self.left <= WARN

    @property
    def too_near(self) -> bool:
        """Whether a live plan must not go on."""
        return self.left <= REFUSE

    @property
    def words(self) -> str:
        """What a person must know."""
        days = f"in {self.left.days} days" if self.left >= timedelta(0) else f"{-self.left.days} days ago"
        return f"the calendar of {self.code} ends with {self.last}, {days}"


def horizon(code: str, now: datetime) -> Horizon:
    """The end of an exchange's calendar as seen from an instant."""
    market = exchange(code)
    return Horizon(code, market.last, market.last - as_utc(now).astimezone(market.zone).date())
