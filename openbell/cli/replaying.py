"""A replay for a person: progress while it runs, then figures, trades and what was held back."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from openbell import planfiles
from openbell.cli.curves import spark
from openbell.cli.later import later
from openbell.cli.output import emit, say, table
from openbell.planfiles.overrides import assignments
from openbell.replay import request as asked_for
from openbell.replay import telling
from openbell.replay.asking import Wish, request
from openbell.replay.report.folder import check_folder
from openbell.replay.result import Replayed
from openbell.replay.run import replay
from openbell.replay.statistics import Statistics, rate, session_days, statistics
from openbell.settings import load_settings
from openbell.stages.wording import clean
from openbell.values.money import to_decimal
from openbell.values.plan import Plan

#: As many columns as 80 characters hold; the page and --json have the rest.
TRADES = ("symbol", "side", "opened", "closed", ">entry", ">exit", ">profit")
#: Symbols left out, and lines of notes, that a person is shown.
SHOWN = 10


def show(name: str, asked: Mapping[str, Any], out: Path | None, as_json: bool) -> None:
    """Replay a plan and tell what came of it; with ``out`` write the report there."""
    settings = load_settings()
    risk_free = rate(asked["risk_free"] or 0.0)
    rest = {name: value for name, value in asked.items() if name != "risk_free"}
    wish = Wish(**{**rest, "given": assignments(asked["given"])})
    if out is not None:
        check_folder(out)
    with _watched(quiet=as_json) as progress:
        replayed = replay(request(plan_of(name), wish, settings, progress))
    found = statistics(replayed, risk_free)
    if as_json:
        emit(machine_view(replayed, found, wish, _report(replayed, found, out)))
        return
    _tell(replayed, found, wish)
    # What was found is on the screen by now: a disk that is full does not cost it.
    written = _report(replayed, found, out)
    say(f"report: {written[0]}" if written else "`--out FOLDER` writes a report with charts.")


def _report(replayed: Replayed, found: Statistics, out: Path | None) -> Sequence[Path]:
    """The library that draws takes half a second to import, and is not needed without a report."""
    if out is None:
        return ()
    paths: Sequence[Path] = later("openbell.replay.report.write:write_report", replayed, found, out)
    return paths


def plan_of(name: str) -> Plan:
    """A plan by its name, or by the path of its file."""
    if name.endswith(".toml") or "/" in name:
        return planfiles.load(Path(name))
    return planfiles.load(planfiles.find(name, planfiles.plans_folder(load_settings())))


@contextmanager
def _watched(quiet: bool) -> Iterator[asked_for.Progress]:
    """A bar on the terminal while it runs; nothing in a pipe."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield asked_for.silent
        return
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TextColumn("slots"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _tell(replayed: Replayed, found: Statistics, wish: Wish) -> None:
    changed = ", ".join(f"{key}={value}" for key, value in wish.given.items())
    say(f"Replay of {replayed.plan.name}{f' with {clean(changed)}' if changed else ''}")
    say(f"{telling.span(replayed)}, {telling.source(replayed)}")
    for note in replayed.notes:
        say(f"  {clean(note)}")
    say()
    groups = list(telling.figures(found, replayed.currency).items())
    for left, right in zip(groups[::2], groups[1::2], strict=True):
        rows = zip_longest(left[1], right[1], fillvalue=("", ""))
        table("", (left[0], ">", " ", right[0], ">"), (_beside(one, other) for one, other in rows))
    if found.sessions:
        curve = [to_decimal(round(value, 2)) for value in (found.opening, *replayed.curve.equity.tolist())]
        say(f"equity {telling.amount(float(min(curve)))} {spark(curve)} {telling.amount(float(max(curve)))}")
        say()
    _trades(replayed)
    _held_back(replayed)


class _Blank:
    """A cell with nothing in it, where an empty text would be told as a dash."""

    def __str__(self) -> str:
        return ""


_GAP = _Blank()


def _beside(one: tuple[str, str], other: tuple[str, str]) -> tuple[object, ...]:
    return tuple(text or _GAP for text in (*one, "", *other))


def _trades(replayed: Replayed) -> None:
    rows, total = telling.telling(replayed.trades), len(replayed.trades)
    if not total:
        say("Nothing was traded.")
        return
    title = f"Trades: the {telling.TELLING} best and worst of {total:,}" if len(rows) < total else "Trades"
    table(title, TRADES, map(_trade, telling.trips(replayed, rows)))


def _trade(trip: telling.Trip) -> tuple[object, ...]:
    prices = (f"{trip.entry:,.2f}", f"{trip.exit:,.2f}")
    return (
        trip.symbol,
        trip.side,
        trip.opened,
        "open" if trip.still else trip.closed,
        *prices,
        telling.amount(trip.profit),
    )


def _held_back(replayed: Replayed) -> None:
    counts = (("denied", replayed.denials), ("clipped", replayed.clipped), ("skipped", replayed.skips))
    rows = [(what, clean(name), number) for what, found in counts for name, number in telling.counted(found)]
    if rows:
        table("Held back", ("what", "by rule or reason", ">count"), rows)
    dropped = [(drop.symbol, drop.code, clean(drop.detail)) for drop in replayed.dropped]
    if dropped:
        more = f", {SHOWN} of {len(dropped)}" if len(dropped) > SHOWN else ""
        table(f"Left out for their data{more}", ("symbol", "code", "what was found"), dropped[:SHOWN])


def machine_view(replayed: Replayed, found: Statistics, wish: Wish, written: Sequence[Path]) -> dict[str, Any]:
    """Everything that a person is told, and every trade and session."""
    every = telling.trips(replayed, telling.telling(replayed.trades, len(replayed.trades)))
    return {
        "plan": replayed.plan.name,
        "plan_hash": replayed.plan.hash,
        "set": dict(wish.given),
        "from": replayed.start,
        "to": replayed.end,
        "provider": replayed.provider,
        "currency": replayed.currency,
        "symbols": replayed.symbols,
        "opening_cash": replayed.opening_cash,
        "closing_cash": replayed.closing_cash,
        "slots": replayed.slots,
        "decided": replayed.decided,
        "statistics": asdict(found),
        "denied": replayed.denials,
        "clipped": replayed.clipped,
        "skipped": replayed.skips,
        "dropped": replayed.dropped,
        "notes": replayed.notes,
        "trades": [asdict(trip) for trip in sorted(every, key=lambda trip: (trip.closed, trip.opened, trip.symbol))],
        "sessions": _sessions(replayed),
        "report": [str(path) for path in written],
    }


def _sessions(replayed: Replayed) -> list[dict[str, Any]]:
    curve = replayed.curve
    columns = (session_days(curve.times), curve.equity, curve.cash, curve.gross, curve.net)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    names = ("session", "equity", "cash", "gross", "net")
    return [dict(zip(names, row, strict=True)) for row in rows]
