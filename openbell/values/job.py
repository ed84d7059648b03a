"""The jobs of a plan, what each may do, and which of them may wait for better times."""

from dataclasses import dataclass
from enum import StrEnum


class WorkingHours(StrEnum):
    """When a job may work."""

    WINDOW = "window"  # inside the plan's trading window
    SESSION = "session"  # while the exchange is open
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of run. One that ``adds_risk`` skips when it is late or a breaker is open.

    One that does not is protective: it runs once for its newest slot, however late, and no breaker holds it back.
    One that ``sends`` may send orders, so that the kill switch at HALTED stops it, and what died is recovered first.
    One that is ``any_minute`` has the minute that it starts in for its slot: it may run by hand between two rings.
    One that is ``urgent`` may spend the requests to a venue that are kept for exits, cancels and reconciliation.
    One that ``repeats`` may take its slot again after it failed there.
    """

    name: str
    adds_risk: bool = False
    sends: bool = False
    hours: WorkingHours = WorkingHours.ANY
    asks_broker: bool = True
    any_minute: bool = False
    repeats: bool = False
    urgent: bool = False


TRADE = Job("trade", adds_risk=True, sends=True, hours=WorkingHours.WINDOW)
EXITS = Job("exits", sends=True, hours=WorkingHours.SESSION, urgent=True)
ORDERS = Job("orders", urgent=True)
POSITIONS = Job("positions", asks_broker=False, urgent=True)  # its stage asks: no answer is unknown, and told as such
PRICES = Job("prices", hours=WorkingHours.SESSION)
ALERTS = Job("alerts", hours=WorkingHours.SESSION, asks_broker=False)
SNAPSHOT = Job("snapshot", asks_broker=False, repeats=True)
RECOVER = Job("recover", asks_broker=False, any_minute=True, urgent=True)
HEARTBEAT = Job("heartbeat", asks_broker=False, any_minute=True)
NOTIFY = Job("notify", asks_broker=False, any_minute=True)
#: Started by a person's word, never by a schedule.
FLATTEN = Job("flatten", sends=True, urgent=True)

#: Every job that a schedule may ring for.
JOBS = {
    job.name: job for job in (TRADE, EXITS, ORDERS, POSITIONS, PRICES, ALERTS, SNAPSHOT, RECOVER, HEARTBEAT, NOTIFY)
}
