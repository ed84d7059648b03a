"""What Prefect does by itself when a run falls silent, a worker is gone or nobody watches what a plan holds.

None of it is trusted for money: the store has its own leases, its own kill switch and its own gate. It makes Prefect
say what is so, starts recovery at once instead of minutes later, and tells people.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.schemas.objects import StateType
from prefect.events.actions import (
    ActionTypes,
    ChangeFlowRunState,
    DoNothing,
    PauseDeployment,
    RunDeployment,
    SendNotification,
)
from prefect.events.schemas.automations import CompoundTrigger, ResourceSpecification, TriggerTypes

from blocks.published import PUBLISHED
from deployments.publish_deployments import BEAT, jobs_of, name_of, pool_of
from openbell.values.job import EXITS, JOBS, POSITIONS, RECOVER, TRADE
from openbell.values.plan import Plan

#: Begins the name of every automation of ours, so that one that is no longer wanted can be told from others.
PREFIX = "openbell"
#: A run that was not heard of for three beats has died with its worker, or its machine has.
SILENCE = 3 * timedelta(seconds=int(BEAT["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]))
#: Two heartbeats in a row, five minutes apart, have found slots that nobody worked on.
ABSENT = (2, timedelta(minutes=15))
#: So many runs in a row did not start.
WAITING = (3, timedelta(minutes=10))
#: The same is told once in this time.
QUIET = timedelta(hours=1)
BEATS = "prefect.flow-run.heartbeat"
#: How runs of ours end. With a wildcard the event of a start, when it comes after the first beat, were a sign of life.
ENDS = ("Completed", "Skipped", "Failed", "TimedOut", "Crashed", "Cancelled")
RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
NOBODY = "Nobody is told beyond that: the plan names no block of Prefect among notify.targets."


class Known(NamedTuple):
    """Ids that the server gave: deployments by ``flow/name``, pools, and notification blocks by ``slug/name``."""

    deployments: Mapping[str, str]
    pools: Mapping[str, str]
    blocks: Mapping[str, str]


def silent_runs(silence: timedelta = SILENCE) -> AutomationCore:
    """One for all plans: Prefect would call a run running for ever when its worker died with it."""
    return AutomationCore(
        name=f"{PREFIX}: a silent run is marked Crashed",
        description=f"A run that gave no sign of life for {silence.seconds} s has died with its worker or its machine. "
        "Marked Crashed it holds no concurrency slot any more, and recovery starts.",
        tags=[PUBLISHED],
        trigger=EventTrigger(
            after={BEATS},
            expect={BEATS, *(f"prefect.flow-run.{name}" for name in ENDS)},
            match=_match(RUNS),
            match_related=_match({"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{PUBLISHED}"}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=silence,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message="no sign of life from this run")],
    )


def of_plan(plan: Plan, known: Known) -> Iterator[AutomationCore]:
    """Those of one plan; the jobs that it switched off are not waited for."""
    yield _recover(plan, known)
    if watchers := [job.name for job in (EXITS, POSITIONS) if job.name in jobs_of(plan)]:
        yield _unwatched(plan, known, watchers)
    yield _told(
        plan,
        known,
        "no worker",
        f"Work pool {pool_of(plan)} has no worker that can be heard: no run of the plan starts, exits neither.",
        _on("prefect.work-pool.not-ready", {"prefect.resource.id": f"prefect.work-pool.{known.pools[pool_of(plan)]}"}),
    )
    yield _told(
        plan,
        known,
        "late runs",
        "Runs of the plan do not start when they should. Trading runs that are late are skipped, exits run once.",
        _on("prefect.flow-run.Late", RUNS, _deployments(plan, known, jobs_of(plan)), within=QUIET),
    )
    yield _told(
        plan,
        known,
        "halted",
        "The kill switch is pressed, and runs of the plan end as Skipped. A person resumes: openbell resume.",
        _on("openbell.run.skipped", {**_plan(plan), "openbell.code": "HALTED"}, within=QUIET),
    )


def _recover(plan: Plan, known: Known) -> AutomationCore:
    """Only for runs that send: a recovery that crashes must not start itself."""
    senders = [job for job in jobs_of(plan) if JOBS[job].sends]
    recovery = known.deployments.get(name_of(plan, RECOVER.name))
    return AutomationCore(
        name=f"{PREFIX} {plan.name}: recovery after a crash",
        description=f"A run of {' or '.join(senders)} has crashed: recovery learns what became of its orders at once, "
        "and not at its next ring.",
        tags=[PUBLISHED, plan.name],
        trigger=_on(
            "prefect.flow-run.Crashed", RUNS, _deployments(plan, known, senders), for_each="prefect.resource.id"
        ),
        actions=[RunDeployment(source="selected", deployment_id=UUID(recovery), parameters={"plan": plan.name})]
        if recovery
        else [DoNothing()],
    )


def _unwatched(plan: Plan, known: Known, watchers: Sequence[str]) -> AutomationCore:
    """Absent by openbell's own reckoning, which knows the session, or by Prefect's, which knows that none starts."""
    slots = {**_plan(plan), "openbell.job": list(watchers)}
    starts = _deployments(plan, known, watchers)
    missed = _on("openbell.job.missed", slots, within=ABSENT[1], threshold=ABSENT[0], for_each="openbell.job")
    late = _on("prefect.flow-run.Late", RUNS, starts, within=WAITING[1], threshold=WAITING[0])
    told = _told(
        plan,
        known,
        "entries wait while nobody watches",
        f"{' or '.join(watchers).capitalize()} stayed absent while the exchange was open: the deployment of trade is "
        "paused, so that nothing new is opened. Only a person resumes it, when they run again: python -m "
        f"deployments.publish {plan.name} --resume. While they do not, it is paused anew within 15 minutes.",
        CompoundTrigger(require="any", triggers=[missed, late], within=None),
    )
    trading = known.deployments.get(name_of(plan, TRADE.name))
    pause = [PauseDeployment(source="selected", deployment_id=UUID(trading))] if trading else []
    said = [action for action in told.actions if pause and not isinstance(action, DoNothing)]
    return told.model_copy(update={"actions": [*pause, *said] or told.actions})


def _told(plan: Plan, known: Known, what: str, words: str, trigger: TriggerTypes) -> AutomationCore:
    """People are told by the notification blocks that the plan names."""
    subject = f"{PREFIX} {plan.name}: {what}"
    blocks = [known.blocks[target.to] for target in plan.notify.targets if target.to in known.blocks]
    telling: list[ActionTypes] = [
        SendNotification(block_document_id=UUID(block), subject=subject, body=words) for block in blocks
    ]
    return AutomationCore(
        name=subject,
        description=words if telling else f"{words} {NOBODY}",
        tags=[PUBLISHED, plan.name],
        trigger=trigger,
        actions=telling or [DoNothing()],
    )


def _on(
    event: str,
    match: Mapping[str, Any],
    related: Mapping[str, Any] | None = None,
    within: timedelta = timedelta(0),
    threshold: int = 1,
    for_each: str = "",
) -> EventTrigger:
    return EventTrigger(
        expect={event},
        match=_match(match),
        match_related=_match(related or {}),
        for_each={for_each} if for_each else set(),
        posture=Posture.Reactive,
        threshold=threshold,
        within=within,
    )


def _match(labels: Mapping[str, Any]) -> ResourceSpecification:
    return ResourceSpecification(dict(labels))


def _plan(plan: Plan) -> dict[str, str]:
    return {"prefect.resource.id": f"openbell.plan.{plan.name}"}


def _deployments(plan: Plan, known: Known, jobs: Sequence[str]) -> dict[str, Any]:
    ids = [known.deployments[name] for name in (name_of(plan, job) for job in jobs) if name in known.deployments]
    return {
        "prefect.resource.role": "deployment",
        "prefect.resource.id": [f"prefect.deployment.{one}" for one in ids] or ["prefect.deployment.none"],
    }
