"""Why a run traded a symbol, or why it did not."""

import click

from openbell.cli.output import emit, machine
from openbell.cli.place import reading
from openbell.cli.show import recorded
from openbell.cli.zones import recorded_zone
from openbell.stages.explain import explain as trace_of
from openbell.stages.explain import render


@click.command(epilog="Example: openbell explain demo/trade/2026-07-06T09:35:00-04:00 AAPL")
@click.argument("run", metavar="SLOT|RUN")
@click.argument("symbol", required=False)
@machine
def explain(run: str, symbol: str | None, as_json: bool) -> None:
    """Tell what each stage said of a symbol, or of all: data age, signals, rules with value and limit, orders."""
    record = recorded(reading(), run)
    trace = trace_of(record, symbol)
    if as_json:
        emit(trace)
    else:
        click.echo(render(trace, recorded_zone(record.plan_body)), nl=False)
