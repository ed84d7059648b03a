"""Which alerts fire now, which are armed again, and which are unknown. Pure: the same look gives the same steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from openbell.alerts.definitions import Alert, Rule, Watch
from openbell.alerts.look import Look, Unjudged
from openbell.alerts.prices import judge_prices
from openbell.alerts.rules import judge_rules
from openbell.values.alert import AlertEvent


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything that one look gave; ``checked`` counts pairs of alert and symbol."""

    events: tuple[AlertEvent, ...]
    unjudged: tuple[Unjudged, ...]
    checked: int

    @property
    def unknown(self) -> int:
        """Pairs that could not be judged."""
        return sum(len(each.symbols) for each in self.unjudged)


def judge(alerts: Sequence[Alert], look: Look, expired: Callable[[], bool] = lambda: False) -> Judged:
    """Judge every alert that is enabled; what ``expired`` cuts off is unknown."""
    rules = [alert for alert in alerts if alert.enabled and isinstance(alert, Rule)]
    watches = [alert for alert in alerts if alert.enabled and isinstance(alert, Watch)]
    found = [*judge_prices(watches, look), *judge_rules(rules, look, expired)]
    return Judged(
        events=tuple(each for each in found if isinstance(each, AlertEvent)),
        unjudged=tuple(each for each in found if isinstance(each, Unjudged)),
        checked=len(watches) + sum(len(rule.symbols or look.universe) for rule in rules),
    )
