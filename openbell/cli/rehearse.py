"""What a changed plan would decide otherwise. Only click is imported here."""

from datetime import datetime
from pathlib import Path

import click

from openbell.cli.later import as_json, later


@click.command(epilog="Example: openbell rehearse demo --with demo-new.toml --sessions 20")
@click.argument("plan")
@click.option("--with", "new", required=True, type=click.Path(path_type=Path), help="File of the changed plan.")
@click.option(
    "--sessions", default=20, show_default=True, type=click.IntRange(1), help="How many of the last sessions."
)
@click.option("--to", "end", type=click.DateTime(["%Y-%m-%d"]), help="Last session; default the newest.")
@click.option("--feed", metavar="FEED[:KEY=VALUE,...]", default="", help="Prices from elsewhere, for both plans.")
@as_json
def rehearse(plan: str, new: Path, sessions: int, end: datetime | None, feed: str, as_json: bool) -> None:
    """Replay a plan and a changed one over the last sessions, and show each decision that differs.

    Both begin flat with their opening cash. Nothing is stored, and nothing is sent.
    """
    asked = {"end": end.date() if end else None, "feed": feed}
    later("openbell.cli.rehearsing:show", plan, new, sessions, asked, as_json=as_json)
