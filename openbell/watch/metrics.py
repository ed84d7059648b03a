"""What was seen, as metrics of Prometheus; names and labels stand in docs/health.md."""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from openbell import __version__
from openbell.ports import Level
from openbell.ports.health import AccountLook, StoreLook
from openbell.values.condition import Condition
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from openbell.watch.judging import signs
from openbell.watch.looking import JobLook, Looked

#: The switch as a number: the higher, the less may be sent.
_LEVELS = {Level.ACTIVE: 0, Level.REDUCE_ONLY: 1, Level.HALTED: 2}
_OF_JOB, _OF_ACCOUNT = ("plan", "job"), ("account",)

_OF_JOBS: dict[str, tuple[str, Callable[[JobLook], float | None]]] = {
    "last_planned": (
        "Planned instant of the newest run (Unix time).",
        lambda job: job.last.planned.timestamp() if job.last else None,
    ),
    "last_seconds": ("Duration of the newest run.", lambda job: job.last.seconds if job.last else None),
    "average_seconds": ("Average duration of its runs, the newest weigh most.", lambda job: job.stats.average_seconds),
    "lag_seconds": ("From the planned instant of the newest run to its first line.", lambda job: job.lag),
    "failures_in_a_row": ("Failures since it last completed.", lambda job: job.stats.consecutive_failures),
    "slots_missing": ("Slots with work to do that nobody started in time.", lambda job: job.missing),
    "breaker_open": ("Whether its breaker is open.", lambda job: job.breaker.open),
}


class Watched(Collector):
    """Looks anew at each scrape; ``last_round`` is when the watchdog last did its own work."""

    def __init__(self, look: Callable[[], Looked], last_round: Callable[[], datetime | None]) -> None:
        self._look, self._last_round = look, last_round

    def collect(self) -> Iterator[Metric]:
        """Every metric."""
        looked, last = self._look(), self._last_round()
        yield _one("openbell_info", "Version of openbell.", 1, version=__version__)
        yield _one("openbell_store_up", "Whether the store can be read.", looked.store is not None)
        yield _one("openbell_watch_last_round", "When the watchdog last finished a round (Unix time).", _unix(last))
        yield _conditions(looked)
        yield from _jobs(looked)
        if looked.store is not None:
            yield from _store(looked.store, looked.time)


def registry(look: Callable[[], Looked], last_round: Callable[[], datetime | None]) -> CollectorRegistry:
    """A registry of its own, without what the library counts by itself."""
    made = CollectorRegistry()
    made.register(Watched(look, last_round))
    return made


def _conditions(looked: Looked) -> Metric:
    found = [sign.condition for sign in signs(looked)]
    family = GaugeMetricFamily("openbell_signs", "Signs of health by condition.", labels=("condition",))
    for condition in Condition:
        family.add_metric((condition.value,), found.count(condition))
    return family


def _jobs(looked: Looked) -> Iterator[Metric]:
    outcome = GaugeMetricFamily(
        "openbell_job_last_outcome", "1 for the outcome of the newest run.", labels=(*_OF_JOB, "outcome")
    )
    for job in looked.jobs:
        for one in Outcome if job.last else ():
            outcome.add_metric((job.plan, job.job, one.value), float(job.last is not None and job.last.outcome is one))
    yield outcome
    for name, (words, value) in _OF_JOBS.items():
        yield _per_job(looked, name, words, value)


def _per_job(looked: Looked, name: str, words: str, value: Callable[[JobLook], float | None]) -> Metric:
    family = GaugeMetricFamily(f"openbell_job_{name}", words, labels=_OF_JOB)
    for job in looked.jobs:
        if (found := value(job)) is not None:
            family.add_metric((job.plan, job.job), float(found))
    return family


def _store(seen: StoreLook, now: datetime) -> Iterator[Metric]:
    yield _one("openbell_switch", "Kill switch: 0 active, 1 reduce only, 2 halted.", _LEVELS[seen.switch.level])
    yield _one("openbell_slots_expired", "Claimed slots whose lease ran out and that have no outcome.", seen.expired)
    slots = GaugeMetricFamily("openbell_slots", "Slots of the last day by outcome.", labels=(*_OF_JOB, "outcome"))
    for key, number in sorted(seen.outcomes.items()):
        slots.add_metric(key, number)
    alerts = GaugeMetricFamily("openbell_alerts_open", "Open alerts by kind.", labels=("kind",))
    for alert in seen.alerts:
        alerts.add_metric((alert.kind,), alert.number)
    messages = GaugeMetricFamily("openbell_messages", "Messages to people by state.", labels=("state",))
    for state, number in sorted(seen.messages.items()):
        messages.add_metric((state,), number)
    yield from (slots, alerts, messages)
    yield from _accounts(seen, now)


def _accounts(seen: StoreLook, now: datetime) -> Iterator[Metric]:
    orders = GaugeMetricFamily("openbell_orders", "Orders by state.", labels=(*_OF_ACCOUNT, "state"))
    for account in seen.accounts:
        for state in OrderState:
            orders.add_metric((account.account, state.value), account.orders.get(state.value, 0))
    yield orders
    for name, words, value in (
        ("unknown_age_seconds", "Age of the oldest order of unknown outcome; 0: none.", _age("unknown_since", now)),
        ("breaks_open", "Differences between books and broker that are open.", lambda account: account.breaks),
        ("break_age_seconds", "Age of the oldest open break; 0: none.", _age("break_since", now)),
        ("equity", "Equity at the newest run.", lambda account: account.equity),
        ("equity_age_seconds", "Age of that equity.", _age("equity_at", now)),
    ):
        yield _per_account(seen, name, words, value)


def _age(name: str, now: datetime) -> Callable[[AccountLook], float]:
    def age(account: AccountLook) -> float:
        since: datetime | None = getattr(account, name)
        return 0.0 if since is None else max(0.0, (now - since).total_seconds())

    return age


def _per_account(seen: StoreLook, name: str, words: str, value: Callable[[AccountLook], object]) -> Metric:
    family = GaugeMetricFamily(f"openbell_{name}", words, labels=_OF_ACCOUNT)
    for account in seen.accounts:
        if (found := value(account)) is not None:
            family.add_metric((account.account,), float(str(found)))
    return family


def _one(name: str, words: str, value: float | None, **labels: str) -> Metric:
    family = GaugeMetricFamily(name, words, labels=tuple(labels))
    if value is not None:
        family.add_metric(tuple(labels.values()), float(value))
    return family


def _unix(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()
