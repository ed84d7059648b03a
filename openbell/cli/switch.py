"""The kill switch, and what a person can do to an account: cancel-all, flatten, recover. None of it needs Prefect."""

import sys
from collections.abc import Sequence
from uuid import uuid4

import click

from openbell import planfiles, store
from openbell.cli.actor import by
from openbell.cli.checking import check_file
from openbell.cli.confirm import check_suffix, confirmed
from openbell.cli.output import emit, machine, say, table
from openbell.cli.place import shown
from openbell.crashpoints import reach
from openbell.desk import Desk, open_desk
from openbell.errors import InputError, OpenbellError, StoreError
from openbell.jobs.closing import Flattened, flatten, take_back
from openbell.ports import Journal, Level, Switch
from openbell.settings import Settings, load_settings
from openbell.stages.wording import clean, quantity
from openbell.store.connect import exists
from openbell.switching import halt_by_file, look, loosen
from openbell.values.orders import Order

#: Looks at orders of unknown outcome that `openbell recover` has the patience for.
PASSES = 3


@click.command(epilog='Example: openbell halt --reason "prices look wrong"')
@click.option("--reason", default="", help="Why, for the record.")
@by
@machine
def halt(reason: str, actor: str, as_json: bool) -> None:
    """Stop every order at once: a file and an entry in the store, either of which is enough."""
    settings = load_settings()
    not_written = _write_file(settings, actor, reason)
    reach("during-halt")
    try:
        _tell(_journal(settings).set_switch(Level.HALTED, actor, reason, None), as_json)
    except (StoreError, OSError) as error:
        if not_written:
            raise StoreError(f"NOT halted: {not_written}, and the store could not be told: {error}") from None
        click.echo(f"warning: the store could not be told: {error}", err=True)
        _tell(Switch(Level.HALTED, 0, actor, f"the file {settings.halt_file} stands"), as_json)


@click.command(epilog='Example: openbell reduce-only --reason "no new risk today"')
@click.option("--reason", default="", help="Why; needed when everything is halted now.")
@by
@machine
def reduce_only(reason: str, actor: str, as_json: bool) -> None:
    """Let only orders through that shrink a position."""
    settings = load_settings()
    journal = _journal(settings)
    seen = look(journal, settings.halt_file)
    _tell(loosen(journal, settings.halt_file, seen, Level.REDUCE_ONLY, actor, reason), as_json)


@click.command(epilog='Example: openbell resume --reason "prices checked with the exchange"')
@click.option("--reason", required=True, help="Why trading may go on; kept for ever.")
@by
@machine
def resume(reason: str, actor: str, as_json: bool) -> None:
    """Let orders through again, from the state that was just seen: whoever halts in the meantime wins."""
    settings = load_settings()
    journal = _journal(settings)
    seen = look(journal, settings.halt_file)
    accounts = () if as_json else _accounts(settings)  # before the switch moves: whatever fails here leaves it halted
    switch = loosen(journal, settings.halt_file, seen, Level.ACTIVE, actor, reason)
    for line in accounts:
        say(line)
    _tell(switch, as_json)


@click.command(epilog="Example: openbell cancel-all demo")
@click.argument("plan", required=False)
@click.option("--account", default=None, help="The account, instead of a plan that trades on it.")
@confirmed
@machine
def cancel_all(plan: str | None, account: str | None, confirm: str, as_json: bool) -> None:
    """Cancel every open order of a plan's account and wait until each has ended."""
    desk = _desk(plan, account)
    _stands(desk, as_json)
    check_suffix(desk.broker(), confirm)
    canceled = take_back(desk)
    if as_json:
        emit(canceled)
    else:
        say(f"{len(canceled.asked)} orders asked to be cancelled, {len(canceled.left)} still open")
        _say_open(canceled.left)
    _exit(bool(canceled.left))


@click.command(epilog='Example: openbell flatten demo --reason "leaving for the day"')
@click.argument("plan")
@click.option("--reason", default="", help="Why, for the record; needed when everything is halted now.")
@by
@confirmed
@machine
def flatten_plan(plan: str, reason: str, actor: str, confirm: str, as_json: bool) -> None:
    """Close an account: forbid entries, cancel all orders, close what is held. Another call goes on with the rest."""
    desk = _desk(plan, None)
    _stands(desk, as_json)
    check_suffix(desk.broker(), confirm)
    done = flatten(desk, actor, reason, f"flatten-{uuid4()}")
    if as_json:
        emit(done)
    else:
        _show(done)
    _exit(not done.flat)


@click.command(epilog="Example: openbell recover demo")
@click.argument("plan")
@machine
def recover(plan: str, as_json: bool) -> None:
    """Finish what runs that died left behind, and learn what became of every order that is not settled."""
    recovered = _desk(plan, None).recovery(f"recover-{uuid4()}", PASSES).recover()
    if as_json:
        emit(recovered)
    else:
        say(recovered.words())
    _exit(not recovered.clean)


# --- the switch ----------------------------------------------------------------------------------------------


def _journal(settings: Settings) -> Journal:
    if not exists(settings.url):
        # Of all commands this one must not seem to have worked on the store of what trades.
        place = shown(settings.url)
        click.echo(f"warning: there was no store at {place}, so one is made: what runs has another", err=True)
    store.ensure(settings.url)
    return store.open_journal(settings.url, settings.halt_file)


def _write_file(settings: Settings, actor: str, reason: str) -> str:
    """Why no halt file stands; empty when one does, if only an empty one."""
    path = settings.halt_file
    try:
        if not halt_by_file(path, actor, reason):
            click.echo(f"warning: {path} stands, but who halted and why could not be written into it", err=True)
    except OSError as error:
        not_written = f"{path} could not be written: {error.strerror}"
        click.echo(f"warning: {not_written}", err=True)
        return not_written
    return ""


def _tell(switch: Switch, as_json: bool) -> None:
    if as_json:
        emit(switch)
    else:
        why = f": {clean(switch.reason)}" if switch.reason else ""
        say(f"{switch.level.value} at epoch {switch.epoch} by {clean(switch.actor)}{why}")


def _accounts(settings: Settings) -> Sequence[str]:
    """Where orders can go from now on."""
    try:
        paths = planfiles.plan_paths(planfiles.plans_folder(settings))
    except InputError as error:
        return [f"where orders can go is not known: {error}"]
    checked = [check_file(path) for path in paths.values()]
    plans = [file.runnable for file in checked if file.runnable]
    return [f"plan {plan.name}: {plan.mode} account {plan.account.name} at {plan.account.broker}" for plan in plans]


# --- accounts ------------------------------------------------------------------------------------------------


def _desk(plan: str | None, account: str | None) -> Desk:
    if (plan is None) is (account is None):
        raise click.UsageError("give a plan or --account, not both")
    return open_desk(plan or _plan_of(str(account)))


def _plan_of(account: str) -> str:
    """The name of a plan that trades on an account."""
    for path in planfiles.plan_paths(planfiles.plans_folder(load_settings())).values():
        try:
            plan = planfiles.load(path)
        except OpenbellError:
            continue
        if plan.account.name == account:
            return plan.name
    raise InputError(f"no plan file trades on account {account[:40]!r}")


def _stands(desk: Desk, as_json: bool) -> None:
    if not as_json:
        say(f"{desk.plan.mode} account {desk.plan.account.name} at {desk.plan.account.broker}, plan {desk.plan.name}")


def _show(done: Flattened) -> None:
    if done.note:
        say(done.note)
    if done.orders:
        rows = [
            (o.symbol, o.side, quantity(o.quantity), o.state.value, quantity(o.filled), o.reason) for o in done.orders
        ]
        table("Closing orders", ("symbol", "side", ">quantity", "state", ">filled", "note"), rows)
    _say_open(done.open_orders)
    for symbol, (held, why) in done.left.items():
        say(f"still held: {quantity(held)} {symbol}, {clean(why)}")
    say("nothing is held and no order is open" if done.flat else "call flatten again to go on with what is left")


def _say_open(orders: Sequence[Order]) -> None:
    for order in orders:
        why = f": {clean(order.reason)}" if order.reason else ""
        say(f"still open: {order.side} {order.symbol} {quantity(order.remaining)}, {order.state.value}{why}")


def _exit(failed: bool) -> None:
    if failed:
        sys.exit(1)
