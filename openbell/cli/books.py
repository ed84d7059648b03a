"""Orders and positions as the store's projections have them."""

from datetime import UTC

import click

from openbell.cli.known import check_account, check_plan
from openbell.cli.output import emit, machine, say, table
from openbell.cli.place import reading
from openbell.ports import OrderRow, PositionRow
from openbell.stages.wording import price, quantity, when

ORDER_COLUMNS = (
    "updated",
    "plan",
    "symbol",
    "side",
    ">quantity",
    "purpose",
    "state",
    ">filled",
    ">at",
    "note",
    "order",
)
POSITION_COLUMNS = ("account", "symbol", ">quantity", ">average price", ">mark", ">value", ">P&L", "strategies")


@click.command(epilog="Example: openbell orders --open")
@click.option("--plan", default=None, help="Only orders of this plan.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="At most this many.")
@click.option("--open", "open_only", is_flag=True, help="Only orders that may still change.")
@machine
def orders(plan: str | None, limit: int, open_only: bool, as_json: bool) -> None:
    """List orders, newest first; times are in UTC."""
    books = reading()
    rows = books.orders(plan=plan, limit=limit, open_only=open_only)
    if plan and not rows:
        check_plan(books, plan)
    if as_json:
        emit(rows)
    elif rows:
        table("Orders", ORDER_COLUMNS, map(_order, rows))
        say(f"`openbell explain {rows[0].slot} {rows[0].symbol}` says why the first one was sent.")
    else:
        say("no order matches" if plan or open_only else "no order yet: `make demo` makes some")


@click.command(epilog="Example: openbell positions --account demo")
@click.option("--account", default=None, help="Only this account.")
@machine
def positions(account: str | None, as_json: bool) -> None:
    """List what is held, with each strategy's part and the last known price."""
    books = reading()
    rows = books.positions(account)
    if account and not rows:
        check_account(books, account)
    if as_json:
        emit(rows)
    elif rows:
        table("Positions", POSITION_COLUMNS, map(_position, rows))
    else:
        say("nothing is held; `openbell orders` shows what was traded")


def _order(row: OrderRow) -> tuple[object, ...]:
    ends = (row.state.value, quantity(row.filled), price(row.average_price) if row.filled else None, row.detail)
    return (
        when(row.updated, UTC),
        row.plan,
        row.symbol,
        row.side,
        quantity(row.quantity),
        row.purpose,
        *ends,
        row.client_id,
    )


def _position(row: PositionRow) -> tuple[object, ...]:
    shares = ", ".join(f"{name} {quantity(held)}" for name, held in row.strategies.items() if held)
    value = None if row.mark is None else row.quantity * row.mark
    gain = None if row.mark is None else (row.mark - row.average_price) * row.quantity
    held = (row.account, row.symbol, quantity(row.quantity), price(row.average_price), price(row.mark))
    return (*held, price(value), price(gain), shares)
