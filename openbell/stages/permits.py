"""Whether people allow a plan to work: switched off in the store, or a live account that nobody armed today."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from openbell.ports.permits import Standing, Word
from openbell.values.plan import Plan
from openbell.values.time import as_utc, iso

NOT_ARMED = "NOT_ARMED"


def end_of_day(now: datetime, zone: ZoneInfo) -> datetime:
    """The next midnight in the zone, in UTC: what is armed today is not armed tomorrow."""
    tomorrow = as_utc(now).astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)


def switched_off(plan: str, job: str, standing: Standing) -> tuple[str, str] | None:
    """Code and words when a person switched the plan or the job off; None while nobody did."""
    if word := standing.off.get(""):
        return "DISABLED", f"plan {plan} was switched off by {_by(word)}; `openbell enable {plan}` switches it on"
    if word := standing.off.get(job):
        on = f"`openbell enable {plan} --job {job}` switches it on"
        return "JOB_DISABLED", f"{job} of {plan} was switched off by {_by(word)}; {on}"
    return None


def unarmed(plan: Plan, standing: Standing, now: datetime) -> str:
    """Why a live plan may not send; empty when it may, as a paper plan always does."""
    if plan.mode != "live":
        return ""
    word = standing.armed
    if word is None or word.arming is None:
        why = "nobody armed it"
    elif now >= word.arming.expires:
        why = f"its arming by {word.actor} ended at {iso(word.arming.expires)}"
    elif plan.hash != word.arming.plan:
        why = f"the plan has changed since {word.actor} armed it"
    else:
        return ""
    return f"plan {plan.name} is live, and {why}; `openbell enable {plan.name} --live` arms it until midnight"


def other_account(plan: Plan, standing: Standing, account: str) -> str:
    """Why an account is not the one that a live plan was armed for; empty when it is, or nothing was armed."""
    armed = standing.armed.arming if standing.armed else None
    if plan.mode != "live" or armed is None or armed.account == account:
        return ""
    return f"plan {plan.name} was armed for account ...{armed.account[-4:]}, the broker says ...{account[-4:]}"


def other_build(plan: Plan, standing: Standing, build: str) -> str:
    """Why this code may open nothing on a live account: it was armed for other code; empty when it may."""
    word = standing.armed
    if plan.mode != "live" or word is None or word.arming is None or word.arming.build == build:
        return ""
    again = f"`openbell enable {plan.name} --live` arms it for this code"
    return f"plan {plan.name} was armed by {word.actor} for openbell {word.arming.build}, this is {build}; {again}"


def _by(word: Word) -> str:
    return f"{word.actor}: {word.reason}" if word.reason else word.actor
