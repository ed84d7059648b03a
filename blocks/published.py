"""Which plan a run works with: the block that was published, else the file.

The tag of its deployment tells a run, without a question, whether there may be a block. So a flow that is called in a
process, or served under a deployment of one's own, asks nothing; a run of a published deployment asks once.
"""

from functools import lru_cache
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound, PrefectException

import openbell.desk
from blocks.plan_body import SLUG, plan_of
from openbell.errors import PlanError
from openbell.values.plan import Plan

#: Tag of the deployments that ``publish`` and ``prefect.yaml`` make; Prefect hands it on to each of their runs.
PUBLISHED = "openbell"


def load_plan(name: str, run: FlowRun | None = None) -> Plan:
    """The plan by name, for a run (default: the one that this is called in); a PlanError when it cannot be used."""
    run = run or _running()
    published = _published(run.id, name) if run is not None and PUBLISHED in run.tags else None
    return openbell.desk.prepared(published) if published else openbell.desk.load_plan(name)


def _running() -> FlowRun | None:
    context = FlowRunContext.get()
    return context.flow_run if context else None


@lru_cache(maxsize=4)
def _published(run: UUID, name: str) -> Plan | None:  # noqa: ARG001  # one run works with one plan from start to end
    body = read_form(name)
    return None if body is None else plan_of(name, body)


def read_form(name: str) -> dict[str, object] | None:
    """What the plan's block holds, None without one; a PlanError when nobody can say."""
    try:
        with get_client(sync_client=True) as client:
            return client.read_block_document_by_name(name, SLUG, include_secrets=False).data
    except ObjectNotFound:
        return None
    except (httpx.HTTPError, PrefectException) as error:
        raise PlanError(f"block {SLUG}/{name} cannot be read: {type(error).__name__}") from error
