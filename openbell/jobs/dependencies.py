"""What a job depends on, as its breakers see it: how runs went, and the one question that probes an open breaker."""

from dataclasses import replace

from openbell.desk import Desk
from openbell.errors import BrokerError, DataError, KeysRefused, OpenbellError, StoreError
from openbell.ports import Breaker
from openbell.values.job import Job
from openbell.values.ring import Ring

DEPENDENCIES = ("broker", "data", "store")


def probe(desk: Desk, job: Job, dry_run: bool, breaker: Breaker) -> Breaker:
    """Account and clock, or a quote where prices were what failed; never an order. A dry run counts nothing."""
    failure = ""
    try:
        if breaker.dependency == "data":
            desk.feed.quotes(desk.resolved.symbols[:1], desk.now())
        else:
            broker = desk.broker()
            broker.clock()
            failure = broker.account().blocked
    except (BrokerError, DataError) as error:
        failure = str(error)
    if dry_run:
        return replace(breaker, probes=0, reason=failure) if failure else replace(breaker, probes=breaker.probes + 1)
    return desk.journal.count(desk.plan.name, job.name, breaker.dependency, failure)


def count_failure(desk: Desk, ring: Ring, error: OpenbellError) -> None:
    """Count what a run failed on. What the gate, the plan or a strategy refused is no failure of a dependency."""
    if failed := _dependency(error):
        count(desk, ring, failed, str(error) or failed, at_once=isinstance(error, KeysRefused))


def count(desk: Desk, ring: Ring, dependency: str, failure: str, at_once: bool = False) -> None:
    """Count one outcome of the run's job; a dry run counts nothing."""
    if ring.dry_run:
        return
    try:
        desk.journal.count(ring.slot.plan, ring.slot.job, dependency, failure, at_once)
    except StoreError:
        return  # a store that cannot be written cannot count either


def _dependency(error: OpenbellError | None) -> str:
    """Which dependency an error is about, empty for none."""
    kinds = {"data": DataError, "broker": BrokerError, "store": StoreError}
    return next((name for name, kind in kinds.items() if isinstance(error, kind)), "")
