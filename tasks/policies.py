"""One table of task policies: reads may be tried again, an order never is."""

from typing import Any

from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from openbell.errors import BrokerUnavailable, FeedUnavailable


def transient(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failure may pass by itself."""
    try:
        state.result()
    except (FeedUnavailable, BrokerUnavailable):
        return True
    except Exception:  # noqa: BLE001  # whatever else it was, it is not tried again; Prefect re-raises it
        return False
    return False


#: Decisions and the order path: no retry, no cache, no stored result.
ONCE: dict[str, Any] = {"retries": 0, "cache_policy": NO_CACHE, "persist_result": False}
#: Computing on what is at hand. A flow's own timeout cannot end what never gives control back; a task's can.
COMPUTE: dict[str, Any] = {**ONCE, "timeout_seconds": 120}
#: Questions to the outside: two more tries, on failures that may pass; each ends before the lease does that they have.
READ: dict[str, Any] = {
    **ONCE,
    "timeout_seconds": 60,
    "retries": 2,
    "retry_delay_seconds": [1, 4],
    "retry_condition_fn": transient,
}
