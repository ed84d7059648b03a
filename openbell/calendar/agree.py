"""Whether a venue's own calendar says the same of the coming sessions as ours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from openbell.calendar.exchange import Exchange, Hours

#: The exchange that never closes: the calendars that venues tell are those of stocks.
ALWAYS = "24/7"
#: Opens and closes may differ by so much before it counts.
SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One day on which the two differ; ``shorter``: the venue is open for less than our calendar thinks."""

    day: date
    words: str
    shorter: bool


def disagreements(ours: Exchange, venue: Mapping[date, tuple[datetime, datetime] | None]) -> tuple[Disagreement, ...]:
    """Every day that the venue speaks of and our calendar tells otherwise, in order."""
    return tuple(found for day in sorted(venue) for found in _day(day, ours.hours(day), venue[day]))


def _day(day: date, ours: Hours | None, venue: tuple[datetime, datetime] | None) -> Iterator[Disagreement]:
    if ours is None or venue is None:
        if ours is not None:
            yield Disagreement(day, f"{day}: no session at the venue, one until {_clock(ours.closes)} by ours", True)
        if venue is not None:
            yield Disagreement(day, f"{day}: no session by ours, one until {_clock(venue[1])} at the venue", False)
        return
    for name, mine, theirs, less in (
        ("opens", ours.opens, venue[0], venue[0] > ours.opens),
        ("closes", ours.closes, venue[1], venue[1] < ours.closes),
    ):
        if abs(mine - theirs) > SLACK:
            yield Disagreement(day, f"{day}: {name} at {_clock(theirs)} at the venue, {_clock(mine)} by ours", less)


def _clock(instant: datetime) -> str:
    return f"{instant:%H:%M} UTC"
