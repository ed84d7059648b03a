"""Past runs, newest first."""

from datetime import UTC

import click

from openbell.cli.known import check_plan
from openbell.cli.output import amount, emit, machine, say, table
from openbell.cli.place import reading
from openbell.ports import RunSummary
from openbell.stages.wording import when
from openbell.values.job import JOBS, TRADE
from openbell.values.record import Outcome

COLUMNS = ("planned", "session", "plan", "job", "outcome", "code", ">equity", "what happened", "run")


@click.command(epilog="Example: openbell history --plan demo --outcome skipped --limit 20")
@click.option("--plan", default=None, help="Only runs of this plan.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="At most this many.")
@click.option("--outcome", type=click.Choice([str(outcome.value) for outcome in Outcome]), help="Only this outcome.")
@click.option("--job", type=click.Choice(list(JOBS)), help="Only runs of this job.")
@click.option("--before", metavar="RUN", default=None, help="Only runs older than this one: the next page.")
@click.option("--archived", is_flag=True, help="List what `openbell archive` moved out of the store instead.")
@machine
def history(
    plan: str | None,
    limit: int,
    outcome: str | None,
    job: str | None,
    before: str | None,
    archived: bool,
    as_json: bool,
) -> None:
    """List past runs, newest first, skipped ones too; times are in UTC."""
    books = reading()
    if archived:
        wanted = {"plan": plan, "outcome": outcome, "job": job}
        equal = {name: value for name, value in wanted.items() if value is not None}
        runs = books.archived_runs(equal, limit, before)
        if elsewhere := books.elsewhere():
            click.echo(f"note: some archived runs are not listed{elsewhere}", err=True)
    else:
        runs = books.runs(plan=plan, limit=limit, before=before, outcome=outcome, job=job)
    if plan and not runs:
        check_plan(books, plan)
    if as_json:
        emit(runs)
    elif runs:
        table("Runs", COLUMNS, map(_row, runs))
        traded = next((run.slot for run in runs if run.job == TRADE.name), "")
        why = f", `openbell explain {traded} SYMBOL` says why it traded or not" if traded else ""
        say(f"`openbell show {runs[0].id}` shows one{why}.")
        if len(runs) == limit:
            say(f"Older ones: --before {runs[-1].id}")
    else:
        say(_nothing(bool(plan or outcome or job or before), archived))


def _nothing(filtered: bool, archived: bool) -> str:
    if filtered:
        return "no run matches"
    return "no archived run lies here" if archived else "no run yet: `make demo` makes some"


def _row(run: RunSummary) -> tuple[object, ...]:
    ends = (run.outcome.value, run.code, amount(run.equity), run.message, run.id)
    return when(run.planned, UTC), run.session, run.plan, run.job, *ends
