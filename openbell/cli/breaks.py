"""Breaks between the books and the broker: what they are, and what people decide on them."""

from datetime import UTC

import click

from openbell import store
from openbell.cli.actor import person
from openbell.cli.output import amount, emit, machine, say, table
from openbell.cli.place import FIRST_STEP, shown
from openbell.desk import load_plan
from openbell.errors import InputError, StoreError
from openbell.ports.breaks import Break, BreakBook
from openbell.settings import load_settings
from openbell.stages.wording import price, quantity, when
from openbell.store.connect import exists
from openbell.values.breaks import TREATMENTS, Cause, NonTrade, Treatment
from openbell.values.money import ZERO

COLUMNS = (">number", "time", "account", "cause", "about", ">quantity", ">at", ">cash", "state", "proposed repair")

_why = click.option("--reason", required=True, help="Why it is right; kept with your name.")
_number = click.argument("number", type=click.IntRange(1))


@click.group(epilog="Example: openbell breaks list")
def breaks() -> None:
    """Where the books and the broker differ: entries of the symbol wait until it is settled."""


@breaks.command("list", epilog="Example: openbell breaks list --all --json")
@click.option("--account", default=None, help="Only this account.")
@click.option("--all", "everything", is_flag=True, help="Closed ones as well.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="At most this many.")
@machine
def list_breaks(account: str | None, everything: bool, limit: int, as_json: bool) -> None:
    """List open breaks, newest first; times are in UTC."""
    rows = _book().breaks(account, not everything, limit)
    if as_json:
        emit([_told(row) for row in rows])
    elif rows:
        table("Breaks", COLUMNS, map(_line, rows))
        say(f"`openbell breaks show {rows[0].number}` tells what the first one is, and what can be done.")
    else:
        say("no break is open: the books and the broker agreed when they were last compared")


@breaks.command(epilog="Example: openbell breaks show 3")
@_number
@machine
def show(number: int, as_json: bool) -> None:
    """Show one break: what differs, why, and what can be done."""
    found = _one(_book(), number)
    if as_json:
        emit(_told(found))
        return
    treatment = _treatment(found)
    say(f"Break {found.number}, {found.kind}, {_state(found)}: {found.detail}")
    say(f"What it is: {treatment.means}" if treatment else "What it is: a cause that this version does not know")
    say(f"Found at {when(found.time, UTC)} in account {found.account}, about {found.subject}")
    if found.closed is None:
        say(f"Proposed: {treatment.repair if treatment else 'look at the account, then accept'}")
        for line in _steps(found, treatment):
            say(f"    {line}")
    else:
        say(f"Closed at {when(found.closed, UTC)} by {found.closed_by}: {found.closed_why}")


@breaks.command(epilog='Example: openbell breaks accept 3 --reason "bought by hand on Monday"')
@_number
@_why
@click.option(
    "--as", "activity", type=click.Choice([kind.value for kind in NonTrade]), default=None, help="What cash was."
)
@machine
def accept(number: int, reason: str, activity: str | None, as_json: bool) -> None:
    """Take the broker's word: the books are adjusted where there is something to book, and the break is closed."""
    book = _book()
    found = _open(book, number, reason)
    kind = _activity(found, activity)
    book.accept(number, person(), reason, kind)
    if as_json:
        emit(_told(_one(book, number)))
    else:
        say(f"break {number} is closed: {_effect(found, kind)}")


@breaks.command(epilog='Example: openbell breaks adopt 3 demo sma_crossover --reason "let it be managed"')
@_number
@click.argument("plan")
@click.argument("strategy")
@_why
@machine
def adopt(number: int, plan: str, strategy: str, reason: str, as_json: bool) -> None:
    """Give an external position to a strategy of a plan, accepting it where that was not done yet."""
    book = _book()
    found = _one(book, number)
    _check_reason(reason)
    _check_owner(plan, strategy)
    book.adopt(number, plan, strategy, person(), reason)
    if as_json:
        emit(_told(_one(book, number)))
    else:
        say(f"{quantity(found.quantity or ZERO)} {found.symbol} belong to {strategy} of {plan} now")


# --- checking ------------------------------------------------------------------------------------------------


def _book() -> BreakBook:
    url = load_settings().url
    if not exists(url):
        raise StoreError(f"no store yet at {shown(url)}: {FIRST_STEP}")
    return store.open_break_book(url)


def _one(book: BreakBook, number: int) -> Break:
    found = book.one(number)
    if found is None:
        raise InputError(f"there is no break {number}; `openbell breaks list --all` shows all")
    return found


def _open(book: BreakBook, number: int, reason: str) -> Break:
    found = _one(book, number)
    _check_reason(reason)
    if found.closed is not None:
        raise InputError(f"break {number} was closed by {found.closed_by}: {found.closed_why}")
    return found


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise InputError("a reason is needed, and the one given is blank")


def _activity(found: Break, activity: str | None) -> NonTrade | None:
    cash = found.kind == Cause.CASH
    if cash and activity is None:
        raise InputError(f"break {found.number} is about cash: --as says what it was, such as --as deposit")
    if activity is not None and not cash:
        raise InputError(f"break {found.number} is {found.kind}, not about cash: leave --as {activity} out")
    return None if activity is None else NonTrade(activity)


def _check_owner(plan: str, strategy: str) -> None:
    labels = [use.label for use in load_plan(plan).strategies]
    if strategy not in labels:
        raise InputError(f"plan {plan} has no strategy {strategy[:60]!r}: {', '.join(labels)}")


# --- telling -------------------------------------------------------------------------------------------------


def _treatment(found: Break) -> Treatment | None:
    return TREATMENTS[Cause(found.kind)] if found.kind in list(Cause) else None


def _told(found: Break) -> dict[str, object]:
    treatment = _treatment(found)
    about = {"area": treatment.area, "means": treatment.means, "repair": treatment.repair} if treatment else {}
    return {"break": found, "state": _state(found), **about}


def _state(found: Break) -> str:
    if found.closed is not None:
        return "closed"
    treatment = _treatment(found)
    return "repaired" if treatment and treatment.automatic else "open"


def _line(found: Break) -> tuple[object, ...]:
    moved = None if found.quantity is None else quantity(found.quantity)
    at = None if found.price is None else price(found.price)
    treatment = _treatment(found)
    about = found.symbol or found.subject
    ends = (_state(found), treatment.repair if treatment else None)
    return found.number, when(found.time, UTC), found.account, found.kind, about, moved, at, amount(found.cash), *ends


def _steps(found: Break, treatment: Treatment | None) -> tuple[str, ...]:
    if treatment is not None and treatment.automatic:
        return ("nothing to do: two looks in a row without it close it",)
    extra = " --as deposit" if found.kind == Cause.CASH else ""
    taken = f'openbell breaks accept {found.number}{extra} --reason "..."'
    given = f'openbell breaks adopt {found.number} PLAN STRATEGY --reason "..."'
    return (taken, given) if found.kind == Cause.FOREIGN_TRADE else (taken,)


def _effect(found: Break, kind: NonTrade | None) -> str:
    if kind is not None:
        return f"{amount(found.cash)} booked as {kind}"
    if found.kind == Cause.DUPLICATE:
        return f"execution {found.subject} is taken out of the books"
    treatment = _treatment(found)
    if treatment is not None and treatment.books and found.quantity:
        return f"the books hold {quantity(abs(found.quantity))} {found.symbol} {_more(found)} as external"
    return "nothing had to be booked"


def _more(found: Break) -> str:
    return "more" if (found.quantity or 0) > 0 else "less"
