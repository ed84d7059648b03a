"""What a plan would have done. Only click is imported here; the work is imported when it is asked for."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from openbell.cli.later import as_json, later

DAY = click.DateTime(["%Y-%m-%d"])


class Money(click.ParamType[Decimal]):
    """An amount, exactly as it is written."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The amount, or wrong usage."""
        try:
            found = Decimal(str(value).replace("_", ""))
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite():
            self.fail(f"{str(value)[:40]!r} is not an amount of money", param, ctx)
        return found


@click.command(epilog="Example: openbell replay demo --from 2026-01-02 --set risk.max_positions=3 --out report")
@click.argument("plan", required=False)
@click.option(
    "--from", "start", metavar="DATE", type=DAY, help="First session; default a year of sessions before the last."
)
@click.option("--to", "end", metavar="DATE", type=DAY, help="Last session; default the newest that the feed has.")
@click.option("--set", "given", metavar="KEY=VALUE", multiple=True, help="Set a key of the plan; may be repeated.")
@click.option("--feed", metavar="FEED[:KEY=VALUE,...]", default="", help="Prices from elsewhere: files:path=bars.csv.")
@click.option("--cash", type=Money(), help="Opening cash; default what the plan's paper account opens with.")
@click.option(
    "--risk-free", metavar="RATE", type=float, help="Rate a year that Sharpe and Sortino count from: 0.03; default 0."
)
@click.option(
    "--out", metavar="FOLDER", type=click.Path(path_type=Path), help="Folder for report.html, report.png and report.md."
)
@click.option("--run", metavar="RUN", help="Decide a stored run again instead: a run's id or slot, and no plan.")
@as_json
def replay(plan: str | None, run: str | None, out: Path | None, as_json: bool, **asked: Any) -> None:
    """Replay a plan over past sessions: the decisions of the live run, filled on paper, with a report.

    PLAN is the name of a plan, or the path of a plan file.
    """
    if run is not None:
        if plan is not None or out is not None or any(value not in (None, (), "") for value in asked.values()):
            raise click.UsageError("--run takes no plan and no other option than --json: a stored run has its own")
        later("openbell.cli.rerunning:show_run", run, as_json)
        return
    if plan is None:
        raise click.UsageError("missing argument PLAN (or --run)")
    days = {name: _day(asked.pop(name)) for name in ("start", "end")}
    later("openbell.cli.replaying:show", plan, {**asked, **days}, out, as_json=as_json)


def _day(instant: datetime | None) -> date | None:
    return instant.date() if instant else None
