"""The report as one page: everything is in it, and it asks no network for anything."""

import html
import json
from dataclasses import replace
from importlib.resources import files
from string import Template

from openbell import __version__
from openbell.replay.report import tables
from openbell.replay.report.charts import PAGE, Drawn, equity_svg, exposure_svg, price_svg
from openbell.replay.report.prices import MARKS, Priced, most_traded, priced
from openbell.replay.result import Replayed
from openbell.replay.telling import amount, figures, over, percent, ratio, source, span, telling, trips
from openbell.stages.wording import clean, count

#: Symbols whose prices are drawn, and trades that are listed from each end.
SYMBOLS, TRADES = 12, 15
KEY = "▲ bought, ▼ sold, hollow: by an exit rule. Green ground: held long; red: short."


CAVEAT = (
    "A replay knows nothing of the market's answer to its orders: fills are those of the paper broker. Past results "
    "say little about coming ones."
)


def page(drawn: Drawn) -> str:
    """The page, as HTML."""
    replayed, found = drawn.replayed, drawn.found
    themed = replace(drawn, colours=PAGE)
    parts = {
        "title": f"Replay of {replayed.plan.name}",
        "name": replayed.plan.name,
        "description": clean(replayed.plan.description),
        "span": span(replayed),
        "source": source(replayed),
        "trades_told": _told(replayed),
        "plan_told": f"{replayed.plan.name}, {replayed.plan.hash[:12]}: every key that differs from its default",
        "plan": json.dumps(replayed.plan.model_dump(mode="json", exclude_defaults=True), indent=2, ensure_ascii=False),
        "footer": f"openbell {__version__}, plan {replayed.plan.hash}. {CAVEAT}",
        "key": KEY,
    }
    drawings = {
        "style": _text("page.css"),
        "notes": _notes(replayed),
        "cards": _cards(drawn),
        "equity": equity_svg(themed),
        "figures": "".join(tables.pairs(title, rows) for title, rows in figures(found, replayed.currency).items()),
        "months": tables.months(found.months),
        "exposure": exposure_svg(themed),
        "prices": _prices(themed),
        "trades": tables.trades(trips(replayed, telling(replayed.trades, TRADES))),
        "counts": _counts(replayed),
        "dropped": tables.dropped([(drop.symbol, drop.code, drop.detail) for drop in replayed.dropped]),
    }
    told = {name: html.escape(text) for name, text in parts.items()}
    return Template(_text("page.html")).substitute(**told, **drawings)


def _text(name: str) -> str:
    return files("openbell.replay.report").joinpath(name).read_text(encoding="utf-8")


def _notes(replayed: Replayed) -> str:
    told = "".join(f"<p>{html.escape(clean(note))}</p>" for note in replayed.notes)
    return f'<div class="notes">{told}</div>' if told else ""


def _cards(drawn: Drawn) -> str:
    found = drawn.found
    cards = [
        ("Total return", percent(found.total_return, signed=True), found.total_return),
        ("Annual return", percent(found.annual_return, signed=True), found.annual_return),
        ("Maximum drawdown", percent(found.drawdown.depth if found.drawdown else None), None),
        (f"Sharpe ratio{over(found)}", ratio(found.sharpe), None),
        ("Trades closed", f"{found.trades:,}", None),
        ("Hit rate", percent(found.hit_rate), None),
    ]
    return "".join(
        f'<div class="card"><b{tables.tone(value)}>{html.escape(text)}</b><span>{title}</span></div>'
        for title, text, value in cards
    )


def _prices(drawn: Drawn) -> str:
    replayed = drawn.replayed
    columns = most_traded(replayed, SYMBOLS)
    if not len(columns):
        return '<p class="none">Nothing was traded.</p>'
    shown = "".join(_price(priced(replayed, int(column)), drawn) for column in columns)
    left = len(replayed.symbols) - len(columns)
    words = f"The {len(columns)} most traded symbols are shown, {count(left, 'symbol')} left out."
    return shown + (f'<p class="left">{words}</p>' if left else "")


def _price(one: Priced, drawn: Drawn) -> str:
    cut = f", the last {MARKS} drawn" if one.fills > len(one.fill_at) else ""
    profit = drawn.replayed.trades.profit[drawn.replayed.trades.column == drawn.replayed.symbols.index(one.symbol)]
    told = f"{count(one.fills, 'fill')}{cut}, profit {amount(float(profit.sum()))}"
    return f"<div><h3>{html.escape(one.symbol)}<span>{told}</span></h3>{price_svg(one, drawn)}</div>"


def _told(replayed: Replayed) -> str:
    total = len(replayed.trades)
    if total > 2 * TRADES:
        return f"the {TRADES} best and the {TRADES} worst of {total:,}, after fees"
    return f"{count(total, 'trade')}, after fees"


def _counts(replayed: Replayed) -> str:
    return "".join(
        (
            tables.counts("Denied, by rule", replayed.denials, "The gate denied no intent."),
            tables.counts("Made smaller, by rule", replayed.clipped, "The gate made no intent smaller."),
            tables.counts("Slots skipped, by reason", replayed.skips, "No slot was skipped."),
        )
    )
