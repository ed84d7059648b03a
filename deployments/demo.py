"""``make demo``: the demo plan's deployment, run through server and worker over recent sessions."""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Scheduled
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deployments.local import LocalPrefect, local_prefect
from openbell.calendar.exchange import Exchange, exchange
from openbell.cli import cli
from openbell.errors import OpenbellError

DEPLOYMENT = "trade/demo"
#: Longest that one run may take from its creation to its end.
PATIENCE = timedelta(seconds=90)
#: The longest wait for the pages about a run that has ended, and the seconds between two looks.
SHOWN, LOOK = timedelta(seconds=10), 0.3


def main() -> int:
    """Run the demo; 0 when every run ended as it should."""
    options = _options()
    console = Console(highlight=False)
    console.print("[bold]openbell demo[/]: the demo plan, on paper, with real daily prices of 2000 to 2013 re-dated")
    _fresh_store(options.dir)
    os.environ["OPENBELL_HOME"] = str(options.dir.absolute())
    try:
        with progress(console) as bar, local(options.dir, bar, options.port) as prefect:
            runs = asyncio.run(_ring_all(prefect, instants(options.sessions), bar))
        _show(console, runs, options.dir.absolute())
    except OpenbellError as error:
        console.print(f"[red]error:[/] {error}", soft_wrap=True)
        return 1
    return 0 if all(run.state and run.state.is_completed() for run in runs) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deployments.demo", description=__doc__)
    parser.add_argument("--sessions", type=int, default=7, help="how many of the last complete sessions to trade")
    parser.add_argument("--dir", type=Path, default=Path("var/demo"), help="folder of the demo's store and Prefect")
    parser.add_argument("--port", type=int, default=None, help="port of the Prefect server; default a free one")
    return parser.parse_args()


def _fresh_store(folder: Path) -> None:
    """Each demo starts with an empty paper account; Prefect's own history stays."""
    for name in ("openbell.db", "openbell.db-wal", "openbell.db-shm"):
        (folder / name).unlink(missing_ok=True)


def instants(sessions: int) -> list[datetime]:
    """Five minutes after the open of recent sessions, preceded by a holiday and an early close."""
    market, now = exchange("XNYS"), datetime.now(UTC)
    last = market.last_complete(now)
    recent = market.sessions(market.offset(last, 1 - sessions), last)
    opens = [_hours(market, session)[0] + timedelta(minutes=5) for session in recent]
    closed = [_holiday(market, recent[0]), _early_close(market, recent[0])]
    return sorted(closed) + opens


def _hours(market: Exchange, session: date) -> tuple[datetime, datetime]:
    hours = market.hours(session)
    if hours is None:
        raise OpenbellError(f"{session} is no session of {market.code}")
    return hours.opens, hours.closes


def _holiday(market: Exchange, before: date) -> datetime:
    """09:35 on the last weekday without a session."""
    day = before - timedelta(days=1)
    while market.is_session(day) or day.weekday() >= 5:
        day -= timedelta(days=1)
    return datetime(day.year, day.month, day.day, 9, 35, tzinfo=market.zone).astimezone(UTC)


def _early_close(market: Exchange, before: date) -> datetime:
    """15:35 on the last half day: the bell rings, the market is long closed."""
    session = market.offset(before, -1)
    while not (hours := market.hours(session)) or not hours.half_day:
        session = market.offset(session, -1)
    return datetime(session.year, session.month, session.day, 15, 35, tzinfo=market.zone).astimezone(UTC)


@contextmanager
def progress(console: Console) -> Iterator[Progress]:
    """A bar with a count and the time gone by."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield bar


@contextmanager
def local(folder: Path, bar: Progress, port: int | None) -> Iterator[LocalPrefect]:
    """The demo's own server and worker."""
    step = bar.add_task("starting the Prefect server and worker", total=1)
    with local_prefect(folder / "prefect", folder, port) as prefect:
        bar.update(step, completed=1, description=f"Prefect is up at {prefect.url}")
        yield prefect


async def _ring_all(prefect: LocalPrefect, when: list[datetime], bar: Progress) -> list[FlowRun]:
    step = bar.add_task("ringing the bell", total=len(when))
    ended = []
    with temporary_settings({PREFECT_API_URL: f"{prefect.url}/api"}):
        async with get_client() as client:
            deployment = await client.read_deployment_by_name(DEPLOYMENT)
            for instant in when:
                run = await _ring(client, prefect, deployment.id, instant)
                state = run.state.name if run.state else "Unknown"
                message = (run.state.message or "") if run.state else ""
                bar.console.print(f"  [bold]{run.name}[/]  {state}  [dim]{message}[/]", soft_wrap=True)
                bar.advance(step)
                ended.append(run)
    bar.update(step, description="the bell has rung")
    return ended


async def _ring(client: PrefectClient, prefect: LocalPrefect, deployment: object, instant: datetime) -> FlowRun:
    """One run of the deployment, watched until it ends."""
    parameters = {"plan": "demo", "as_of": instant.isoformat()}
    run = await client.create_flow_run_from_deployment(deployment, parameters=parameters, state=Scheduled())
    deadline = datetime.now(UTC) + PATIENCE
    while not (run.state and run.state.is_final()):
        if failure := prefect.failed():
            raise OpenbellError(failure)
        if datetime.now(UTC) > deadline:
            raise OpenbellError(f"run {run.name} did not end within {PATIENCE}; see {prefect.home}/worker.log")
        await asyncio.sleep(LOOK)
        run = await client.read_flow_run(run.id)
    await _shown(client, run)
    return run


async def _shown(client: PrefectClient, run: FlowRun) -> None:
    """Wait for the pages about a run, which follow from its own process when it has ended."""
    pages, before, deadline = 0, 0, datetime.now(UTC) + SHOWN
    while (not pages or pages != before) and datetime.now(UTC) < deadline:
        await asyncio.sleep(LOOK)
        before = pages
        pages = len(await client.read_artifacts(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))))


def _show(console: Console, runs: list[FlowRun], store: Path) -> None:
    last = next((run for run in reversed(runs) if run.state and run.state.name == "Completed"), runs[-1])
    for title, arguments in {
        "What was decided in each run": ["history", "--plan", "demo"],
        f"What the last one saw, decided and did ({last.name})": ["show", str(last.id)],
        "Why it traded the first symbol of the plan, or did not": ["explain", str(last.id), "AAPL"],
        "Orders of all runs": ["orders", "--limit", "20"],
        "Positions": ["positions"],
        "Equity": ["equity", "demo"],
    }.items():
        console.rule(f"[bold]{title}", align="left")
        cli.main(arguments, prog_name="openbell", standalone_mode=False)
    console.rule("[bold]Where to look next", align="left")
    console.print(_next(store), soft_wrap=True)


def _next(store: Path) -> str:
    return f"""
  these runs in the Prefect UI   make up DIR={store}   then http://127.0.0.1:4200
  why a symbol did not trade     OPENBELL_HOME={store} .venv/bin/openbell explain RUN SYMBOL
  the days to come               .venv/bin/openbell preview demo --days 30
  the plan itself                deployments/plans/demo.toml
"""


if __name__ == "__main__":
    sys.exit(main())
