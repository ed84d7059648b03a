"""What one look at the market shows, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from openbell.alerts.definitions import Alert
from openbell.values.alert import AlertEvent, AlertStanding, AlertStep
from openbell.values.bars import Bars


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One look: fresh prices, and why there is none for other symbols. ``standings`` are by alert, then by symbol."""

    plan: str
    as_of: datetime
    universe: tuple[str, ...]
    bars: Bars
    prices: Mapping[str, Decimal]
    unpriced: Mapping[str, str] = field(default_factory=dict)
    standings: Mapping[str, Mapping[str, AlertStanding]] = field(default_factory=dict)

    def standing(self, alert: Alert, symbol: str) -> AlertStanding | None:
        """Where the alert stands; what another definition of it did does not count."""
        found = self.standings.get(alert.name, {}).get(symbol)
        return found if found and found.definition == alert.digest else None

    def event(self, alert: Alert, symbol: str, step: AlertStep, at: datetime, detail: str) -> AlertEvent:
        """The next step of an alert on a symbol."""
        before = self.standings.get(alert.name, {}).get(symbol)
        after = before.event if before else 0
        return AlertEvent(self.plan, alert.name, symbol, alert.digest, step, at, detail, after)


@dataclass(frozen=True, slots=True)
class Unjudged:
    """An alert that is unknown for some symbols: it did not fire, which does not mean that it was not so."""

    alert: str
    symbols: tuple[str, ...]
    reason: str


Found = AlertEvent | Unjudged
