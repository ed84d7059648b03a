"""Alerts: which there are, whether their files are right, what one says now, and what fired."""

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import click

from openbell import alertfiles, planfiles, store
from openbell.alertfiles import Examined
from openbell.alerts.definitions import Above, Alert, AlertFile, Below, Change, Level, Rule, Watch
from openbell.alerts.panel import Panel, Program
from openbell.alerts.prices import value_of
from openbell.alerts.rules import Parts, last_bar
from openbell.cli.output import emit, machine, say, table
from openbell.cli.place import FIRST_STEP, shown
from openbell.desk import Desk, open_desk
from openbell.errors import AlertError, InputError, OpenbellError, StoreError
from openbell.jobs.alerting import Seen, look_at
from openbell.plugins import nearest
from openbell.settings import load_settings
from openbell.stages.wording import when
from openbell.store.connect import exists
from openbell.tomlfiles.telling import there_are
from openbell.values.money import text
from openbell.values.plan import Plan
from openbell.values.time import parse_instant

COLUMNS = ("alert", "kind", "plan", "symbols", "fires when", "again", "state", "note")
EVENTS = ("at", "alert", "symbol", "what", "values", "plan", "told in slot")
AGAIN = "when it holds no more"
KINDS: dict[str, type[Alert]] = {"above": Above, "below": Below, "change": Change, "rule": Rule}


@click.group(epilog="Example: openbell alerts list")
def alerts() -> None:
    """What people asked to be told about prices: levels, changes and rules in deployments/alerts."""


# --- list, validate, schema ----------------------------------------------------------------------------------


@alerts.command("list", epilog="Example: openbell alerts list --json")
@machine
def list_alerts(as_json: bool) -> None:
    """List every alert: what it watches, when it fires, and where it stands."""
    files = _files()
    found = [(file.content.plan, alert) for file in files if file.content for alert in file.content.alerts]
    wrong = [problem for file in files for problem in file.problems]
    states = {plan: _standings(plan) for plan in {plan for plan, _ in found}}
    rows = [_row(plan, alert, states[plan].get(alert.name, 0)) for plan, alert in found]
    if as_json:
        emit({"alerts": [dict(zip(COLUMNS, row, strict=True)) for row in rows], "problems": wrong})
        return
    if rows:
        table("Alerts", COLUMNS, rows)
    else:
        say("no alert: put a file such as demo.toml into deployments/alerts")
    for problem in wrong:
        click.echo(f"error: {problem}", err=True)


@alerts.command(epilog="Example: openbell alerts validate ./draft.toml")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@machine
@click.pass_context
def validate(ctx: click.Context, paths: tuple[Path, ...], as_json: bool) -> None:
    """Check alert files, by default all of them; exit code 1 when anything is wrong with any."""
    files = alertfiles.examine(paths, _plan) if paths else _files()
    problems = [problem for file in files for problem in file.problems]
    if as_json:
        emit([{"path": str(f.path), "valid": not f.problems, "problems": f.problems} for f in files])
    else:
        for problem in problems:
            click.echo(f"error: {problem}", err=True)
        for file in files:
            if not file.problems:
                say(f"{file.path}: valid")
        if not files:
            say("no alert file to check")
    ctx.exit(1 if problems else 0)


@alerts.command(epilog="Example: openbell alerts schema --json > deployments/alerts/schema.json")
@machine
def schema(as_json: bool) -> None:
    """Show what an alert file may hold; as JSON Schema for editors and other tools."""
    if as_json:
        click.echo(json.dumps(AlertFile.model_json_schema(), indent=2))
        return
    for name, model in KINDS.items():
        required = (field.is_required() for field in model.model_fields.values())
        keys = zip(model.model_fields.items(), required, strict=True)
        rows = [(key, "yes" if needed else "", field.description) for (key, field), needed in keys]
        table(f"[[{name}]]", ("key", "needed", "what"), rows)


# --- test ----------------------------------------------------------------------------------------------------


@alerts.command(epilog="Example: openbell alerts test 'rsi(14) < 30' --plan demo --symbol IBM")
@click.argument("alert", metavar="ALERT|EXPRESSION")
@click.option("--symbol", multiple=True, help="Only this symbol; may be given several times.")
@click.option("--plan", default=None, help="Plan whose symbols and prices an expression is tried on.")
@click.option("--as-of", default=None, metavar="INSTANT", help="Judge this past instant instead of now.")
@machine
def test(alert: str, symbol: tuple[str, ...], plan: str | None, as_of: str | None, as_json: bool) -> None:
    """Show what an alert or an expression says now, with the values of its parts; nothing is kept or told."""
    instant = parse_instant(as_of, "--as-of") if as_of else None
    name, found = _wanted(alert, plan)
    desk = open_desk(name, instant)
    seen = look_at(desk, [found], desk.now())
    symbols = _chosen(found, symbol, desk)
    said = list(_said(found, seen, symbols))
    if as_json:
        emit({"alert": found.name, "plan": name, "as_of": seen.look.as_of, "symbols": said})
        return
    say(" ".join(found.when.split()) if isinstance(found, Rule) else f"{found.name}: {_fires(found)}")
    table(_title(found, seen), ("symbol", "holds", "values"), [_told(row) for row in said])
    for dropped in seen.dropped:
        if dropped.symbol in symbols:
            say(f"{dropped.symbol}: {dropped.detail} ({dropped.code})")


def _wanted(given: str, plan: str | None) -> tuple[str, Alert]:
    """An alert by name, else the expression itself as a rule on a plan."""
    files = _files()
    named = {alert.name: (file.content.plan, alert) for file in files if file.content for alert in file.content.alerts}
    if given in named:
        return named[given]
    if given.replace("-", "").isalnum():
        raise InputError(f"no alert {given[:60]!r}{nearest(given, named)}{there_are(named)}")
    if plan is None:
        raise InputError("an expression needs --plan, whose symbols and prices it is tried on")
    try:
        return plan, Rule(name="expression", when=given)
    except ValueError as error:
        raise AlertError(_first(error)) from None


def _first(error: ValueError) -> str:
    errors: list[Any] = getattr(error, "errors", list)()
    return str(errors[0]["msg"]).removeprefix("Value error, ") if errors else str(error)


def _chosen(alert: Alert, asked: tuple[str, ...], desk: Desk) -> tuple[str, ...]:
    about = (alert.symbol,) if isinstance(alert, Watch) else getattr(alert, "symbols", ()) or desk.plan.universe
    for symbol in asked:
        if symbol not in about:
            raise InputError(f"{symbol[:40]!r} is no symbol of the alert{nearest(symbol, dict.fromkeys(about))}")
    return asked or about


def _said(alert: Alert, seen: Seen, symbols: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    look = seen.look
    if isinstance(alert, Watch):
        value = value_of(alert, look)
        words = value if isinstance(value, str) else alert.says(value)
        holds = None if isinstance(value, str) else alert.reached(value)
        yield {"symbol": alert.symbol, "holds": holds, "values": words}
        return
    if not isinstance(alert, Rule):
        return
    panel = Panel(Program([alert.tree]), look.bars)
    values = Parts(alert, panel)
    truth, counts = panel.truth(alert.tree), dict(zip(look.bars.symbols, look.bars.counts().tolist(), strict=True))
    for symbol in symbols:
        bars = counts.get(symbol, 0)
        if not bars or truth is None:
            yield {"symbol": symbol, "holds": None, "values": "no usable bars"}
            continue
        place = look.bars.column(symbol)
        known = {name: value if value == value else None for name, value in values.at(place).items()}
        holds = True if truth.yes[place] else False if truth.no[place] else None
        short = {"needs_bars": alert.bars, "has_bars": bars} if bars < alert.bars else {}
        yield {"symbol": symbol, "holds": holds, "values": known, **short}


def _told(row: dict[str, Any]) -> tuple[str, str, str]:
    holds = {True: "yes", False: "no", None: "unknown"}[row["holds"]]
    values = row["values"]
    if not isinstance(values, str):
        known = (f"{name} = {'unknown' if value is None else f'{value:.6g}'}" for name, value in values.items())
        values = ", ".join(known)
    if "needs_bars" in row:
        values += f" (needs {row['needs_bars']} bars, there are {row['has_bars']})"
    return row["symbol"], holds, values


def _title(alert: Alert, seen: Seen) -> str:
    if isinstance(alert, Rule) and len(seen.look.bars):
        return f"At the bar of {when(last_bar(seen.look.bars), UTC)}"
    return f"At {when(seen.look.as_of.replace(microsecond=0), UTC)}"


# --- history -------------------------------------------------------------------------------------------------


@alerts.command(epilog="Example: openbell alerts history --alert oversold-in-uptrend --limit 20")
@click.option("--plan", default=None, help="Only alerts of this plan.")
@click.option("--alert", default=None, help="Only this alert.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="At most this many.")
@machine
def history(plan: str | None, alert: str | None, limit: int, as_json: bool) -> None:
    """Show what fired and what was armed again, newest first; times are in UTC."""
    url = load_settings().url
    if not exists(url):
        raise StoreError(f"no store yet at {shown(url)}: {FIRST_STEP}")
    events = store.open_alert_book(url).events(plan, alert, limit)
    if as_json:
        emit(events)
    elif events:
        rows = [(when(e.at, UTC), e.alert, e.symbol, e.step.value, e.detail, e.plan, e.slot) for e in events]
        table("Alerts", EVENTS, rows)
    else:
        say("no alert matches" if plan or alert else "no alert has fired yet")


# --- shared --------------------------------------------------------------------------------------------------


def _files() -> tuple[Examined, ...]:
    return alertfiles.examine_all(alertfiles.alerts_folder(load_settings()), _plan)


def _plan(name: str) -> Plan | str:
    """The plan of a name, or the first thing that is wrong with it."""
    try:
        return planfiles.load(planfiles.find(name, planfiles.plans_folder(load_settings())))
    except OpenbellError as error:
        return str(error).splitlines()[0]


def _standings(plan: str) -> dict[str, int]:
    """On how many symbols each alert of a plan has fired and was not armed again."""
    url = load_settings().url
    if not exists(url):
        return {}
    found = store.open_alert_book(url).standings(plan)
    return {alert: sum(not standing.armed for standing in by.values()) for alert, by in found.items()}


def _row(plan: str, alert: Alert, fired: int) -> tuple[str, ...]:
    symbols = alert.symbol if isinstance(alert, Watch) else ", ".join(getattr(alert, "symbols", ())) or "all"
    state = f"fired on {fired}" if fired else "armed"
    state = state if alert.enabled else "not enabled"
    return (alert.name, type(alert).__name__.lower(), plan, symbols, _fires(alert), _again(alert), state, alert.note)


def _fires(alert: Alert) -> str:
    if isinstance(alert, Rule):
        return " ".join(alert.when.split())
    if isinstance(alert, Change):
        return f"{text(alert.percent)}% over {alert.bars} bars" if alert.bars > 1 else f"{text(alert.percent)}%"
    return text(alert.price) if isinstance(alert, Level) else ""


def _again(alert: Alert) -> str:
    if not isinstance(alert, Rule):
        distance = getattr(alert, "rearm_distance", None)
        unit = " points" if isinstance(alert, Change) else "%"
        return f"{text(distance)}{unit} back" if distance else "never"
    if alert.once:
        return "never"
    if alert.rearm_after is not None:
        return f"after {alert.rearm_after} bars"
    return " ".join(alert.rearm_when.split()) or AGAIN
