"""The name of a run in the Prefect UI."""

from datetime import datetime

from blocks.desk import load_plan
from flows.asked import Asked
from openbell.calendar.exchange import exchange
from openbell.calendar.slots import slot_for
from openbell.errors import OpenbellError
from openbell.values.job import JOBS
from openbell.values.time import as_utc


def run_name(job: str, wish: Asked, scheduled: datetime | None) -> str:
    """Plan, session and slot in exchange time; whatever was asked, there is a name."""
    instant = wish.as_of or scheduled
    try:
        plan = load_plan(wish.plan)
        slot = slot_for(plan, JOBS[job], as_utc(instant)) if instant else None
    except OpenbellError:
        slot = None
    if slot is None:
        return f"{wish.plan[:40]} {instant}"
    local = slot.planned.astimezone(exchange(plan.window.exchange).zone)
    return f"{wish.plan} {slot.session} {local:%H:%M %Z}" + (" dry run" if wish.dry_run else "")
