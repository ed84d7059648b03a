"""Switching plans and jobs off and on in the store, and arming a live plan for the day."""

from datetime import UTC, datetime

import click

from openbell import planfiles, store
from openbell.build import build
from openbell.calendar.exchange import exchange
from openbell.calendar.horizon import horizon
from openbell.cli.actor import by, check_person
from openbell.cli.confirm import check_suffix, confirmed
from openbell.cli.output import emit, machine, say
from openbell.desk import Desk, open_desk
from openbell.errors import InputError, WrongAccount
from openbell.jobs.run import settled
from openbell.ports.permits import Act, Arming, Permits, Standing, Word
from openbell.settings import Settings, load_settings
from openbell.stages.permits import NOT_ARMED, end_of_day
from openbell.stages.wording import clean, when
from openbell.store.place import wider
from openbell.values.job import JOBS

why = click.option("--reason", default="", help="Why, for the record.")
of_job = click.option("--job", type=click.Choice(tuple(JOBS)), help="Only this job of the plan.")


@click.command(epilog='Example: openbell disable demo --job trade --reason "earnings today"')
@click.argument("plan")
@of_job
@why
@by
@machine
def disable(plan: str, job: str | None, reason: str, actor: str, as_json: bool) -> None:
    """Switch a plan, or one job of it, off until somebody switches it on; its file stays as it is.

    Every run of it ends as a stored skip. Switching a live plan off also ends its arming.
    """
    settings = load_settings()
    planfiles.find(plan, planfiles.plans_folder(settings))
    standing = _permits(settings).say(Word(plan, Act.OFF, actor, reason, job or ""))
    _tell(plan, job, standing, "off", actor, as_json)


@click.command(epilog="Example: openbell enable gateway --live --confirm 4567")
@click.argument("plan")
@of_job
@click.option("--live", is_flag=True, help="Arm a live plan until midnight in the exchange's zone.")
@confirmed
@why
@by
@machine
def enable(
    plan: str, job: str | None, live: bool, confirm: str, reason: str, actor: str, as_json: bool
) -> None:  # one parameter for each option
    """Switch a plan, or one job of it, on again; with --live arm a live plan for today.

    A live plan sends nothing until it is armed. The account's number is read from the broker at this moment, must
    agree with the plan's mode and the endpoint or port, and its end must be typed. The arming ends at midnight in the
    exchange's zone, and when the plan changes; other code than the one that armed it opens nothing.
    """
    if live and job:
        raise click.UsageError("--live is for the whole plan, not for one job of it")
    settings = load_settings()
    planfiles.find(plan, planfiles.plans_folder(settings))
    check_person(actor)
    if live:
        arm(open_desk(plan), confirm, reason, actor, as_json)
        return
    standing = _permits(settings).say(Word(plan, Act.ON, actor, reason, job or ""))
    _tell(plan, job, standing, "on", actor, as_json)


# --- arming --------------------------------------------------------------------------------------------------


def arm(desk: Desk, typed: str, reason: str, actor: str, as_json: bool) -> None:
    """Arm the live plan of a desk until midnight in the exchange's zone, by the typed end of the account's number."""
    name, now = desk.plan.name, datetime.now(UTC)
    _check_plan(desk, now)
    broker = desk.broker()
    if broker.environment != "live":
        raise WrongAccount(f"nothing was armed: plan {name} is live, but its account is a {broker.environment} one")
    if not as_json:
        say(f"plan {name}: live account {broker.account_id[:-4]}.... at {desk.plan.account.broker}")
    check_suffix(broker, typed)
    zone = exchange(desk.plan.window.exchange).zone
    arming = Arming(broker.account_id, broker.environment, desk.plan.hash, end_of_day(now, zone), build())
    standing = desk.permits.say(Word(name, Act.ARMED, actor, reason, arming=arming))
    settled(desk, NOT_ARMED, name, actor, "it was armed")
    if as_json:
        emit(standing)
    else:
        say(f"plan {name} is armed by {clean(actor)} until {when(arming.expires, zone)}")
        _still_off(name, standing)


def _check_plan(desk: Desk, now: datetime) -> None:
    """Refuse what no run would do, or what is too open for real money, before the broker is asked."""
    plan, settings = desk.plan, desk.settings
    if plan.mode != "live":
        raise InputError(f"plan {plan.name} is a {plan.mode} plan and needs no arming: `openbell enable {plan.name}`")
    if not plan.enabled:
        raise InputError(f"plan {plan.name} has enabled = false in its file: change that first")
    if (ahead := horizon(plan.window.exchange, now)).too_near:
        raise InputError(f"nothing was armed: {ahead.words}; update exchange-calendars")
    if opened := wider(settings.url):
        raise InputError(f"nothing was armed: {opened}")


# --- words ---------------------------------------------------------------------------------------------------


def _permits(settings: Settings) -> Permits:
    store.ensure(settings.url)
    return store.open_permits(settings.url)


def _tell(plan: str, job: str | None, standing: Standing, state: str, actor: str, as_json: bool) -> None:
    if as_json:
        emit(standing)
        return
    say(f"{f'job {job} of plan {plan}' if job else f'plan {plan}'} is switched {state} by {clean(actor)}")
    if state == "on":
        _still_off(plan, standing)


def _still_off(plan: str, standing: Standing) -> None:
    for job, word in standing.off.items():
        again = f"openbell enable {plan}" + (f" --job {job}" if job else "")
        say(f"{job or 'the plan'} is still off by {clean(word.actor)}: {again}")
