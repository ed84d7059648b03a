"""The doors to the outside world; adapters implement them, decisions only ever see these."""

from openbell.ports.broker import (
    Accepted,
    Broker,
    BrokerClock,
    Capabilities,
    KeepsCalendar,
    Rejected,
    Submission,
    TakesBack,
    TellsActivities,
    Unknown,
    VenueDays,
    activities_of,
    busts_of,
)
from openbell.ports.feed import Historical, MarketFeed, Touching
from openbell.ports.history import EquityPoint, History, Incident, OrderRow, PositionRow, RunSummary
from openbell.ports.journal import Claim, ClaimKind, Journal
from openbell.ports.paper import PaperBook, PaperLedger
from openbell.ports.sending import Exposure, Forbidden, Frozen, LastGate, Lookup, OrderEvent, Reduced, Unsettled
from openbell.ports.switches import Breaker, Level, Switch

__all__ = [
    "Accepted",
    "Breaker",
    "Broker",
    "BrokerClock",
    "Capabilities",
    "Claim",
    "ClaimKind",
    "EquityPoint",
    "Exposure",
    "Forbidden",
    "Frozen",
    "Historical",
    "History",
    "Incident",
    "Journal",
    "KeepsCalendar",
    "LastGate",
    "Level",
    "Lookup",
    "MarketFeed",
    "OrderEvent",
    "OrderRow",
    "PaperBook",
    "PaperLedger",
    "PositionRow",
    "Reduced",
    "Rejected",
    "RunSummary",
    "Submission",
    "Switch",
    "TakesBack",
    "TellsActivities",
    "Touching",
    "Unknown",
    "Unsettled",
    "VenueDays",
    "activities_of",
    "busts_of",
]
