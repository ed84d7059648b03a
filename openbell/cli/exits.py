"""What a plan holds, and how far each position is from each exit rule."""

from decimal import Decimal

import click

from openbell.cli.output import emit, machine, say, table
from openbell.desk import Desk, open_desk
from openbell.exits.base import ExitRule
from openbell.exits.judge import Distance, distances
from openbell.jobs.exit_look import look, own
from openbell.stages.exit_decision import Look
from openbell.stages.exits import booked
from openbell.stages.protection import stale
from openbell.stages.wording import clean, count, price, quantity

UNKNOWN = "unknown"


@click.command(epilog="Example: openbell exits demo")
@click.argument("plan")
@machine
def exits(plan: str, as_json: bool) -> None:
    """Show each position of a plan with what every exit rule measures on it. Asks for prices; sends nothing."""
    desk = open_desk(plan)
    now, watch = desk.now(), desk.exit_marks.read(desk.plan.name, desk.broker().account_id)
    if not own(watch):
        emit([]) if as_json else say(f"plan {plan} holds nothing")
        return
    seen, rules = look(desk, watch, now), desk.resolved.exits
    rows = distances(rules, seen.held)
    if as_json:
        emit(_machine(seen, rows))
        return
    _show(desk, seen, rows)
    if why := stale(desk.resolved, watch, now):
        say(f"{why}; entries are denied until it looks again.")


def _machine(seen: Look, rows: tuple[Distance, ...]) -> list[dict[str, object]]:
    closed = {one.symbol: one.rule for one in seen.fired}
    return [
        {
            "symbol": entry.symbol,
            "booked": booked(entry),
            "held": seen.quantities.get(entry.symbol, Decimal(0)),
            "opened": entry.opened,
            "price": seen.priced.marks.get(entry.symbol),
            "no_price": seen.priced.unknown.get(entry.symbol, ""),
            "high": entry.high,
            "low": entry.low,
            "closes": closed.get(entry.symbol, ""),
            "rules": [row for row in rows if row.symbol == entry.symbol],
        }
        for entry in seen.entries
    ]


def _show(desk: Desk, seen: Look, rows: tuple[Distance, ...]) -> None:
    rules = desk.resolved.exits
    told = {(row.symbol, row.rule): row for row in rows}
    columns = ("symbol", ">held", ">entry", ">price", *(f">{_head(rule)}" for rule in rules), "closed by")
    closed = {one.symbol: one.rule for one in seen.fired}
    table(
        f"Exits of {desk.plan.name}",
        columns,
        (
            (
                symbol,
                quantity(seen.quantities[symbol]),
                price(seen.account.positions[symbol].average_price),
                price(seen.priced.marks.get(symbol)),
                *(told[symbol, rule.name].measured or UNKNOWN for rule in rules),
                closed.get(symbol, ""),
            )
            for symbol in seen.held.symbols
        ),
    )
    for entry in seen.entries:
        if entry.symbol not in seen.quantities:
            say(f"{entry.symbol}: {quantity(booked(entry))} in the plan's books and nothing of it at the broker.")
    for symbol, why in seen.priced.unknown.items():
        say(f"{symbol} has no price that counts ({clean(why)}): no exit on it.")
    say(f"{count(len(seen.fired), 'position')} would be closed now.")


def _head(rule: ExitRule) -> str:
    return f"{rule.name} (at {rule.say(rule.limit)})"
