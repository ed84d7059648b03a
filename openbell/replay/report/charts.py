"""The drawings of a report, each a matplotlib figure of its own: no window, no shared state."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from io import BytesIO, StringIO

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from openbell.replay.report.palette import LIGHT, ROLES, Palette, themed
from openbell.replay.report.prices import Priced, thinned
from openbell.replay.result import Floats, Replayed
from openbell.replay.statistics import Statistics, session_days, underwater
from openbell.values.bars import Times

#: Size of a wide and of a small drawing, in inches.
WIDE, FLAT, SMALL = (10.4, 4.6), (10.4, 2.0), (5.2, 2.5)
DPI = 144
#: Days up to which a date has its month with it.
SHORT = 60


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn: the replay with its figures, and in which colours."""

    replayed: Replayed
    found: Statistics
    colours: Palette = LIGHT


def equity_svg(drawn: Drawn) -> str:
    """Equity and drawdown for the page."""
    with _style():
        return _svg(_equity(drawn), "Equity and drawdown")


def equity_png(drawn: Drawn) -> bytes:
    """Equity and drawdown as a picture with a title."""
    replayed = drawn.replayed
    with _style():
        figure = _equity(drawn)
        figure.suptitle(f"{replayed.plan.name}  {replayed.start} to {replayed.end}", x=0.01, ha="left", fontsize=12)
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI, facecolor=drawn.colours.ground)
    return buffer.getvalue()


def exposure_svg(drawn: Drawn) -> str:
    """Gross and net value of positions as parts of equity, for the page."""
    curve, colours = drawn.replayed.curve, drawn.colours
    with _style():
        figure = Figure(figsize=FLAT, layout="constrained")
        axes = _axes(figure, colours)
        days = session_days(curve.times)
        gross = thinned(days, _parts(curve.gross, curve.equity))
        net = thinned(days, _parts(curve.net, curve.equity))
        axes.fill_between(*gross, color=colours.line, alpha=0.18, lw=0)
        axes.plot(*gross, color=colours.line, lw=1.0, label="gross")
        axes.plot(*net, color=colours.ink, lw=0.9, ls=(0, (4, 2)), label="net")
        axes.axhline(0, color=colours.faint, lw=0.7)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        _legend(axes, colours)
        _dates(axes, _numbers(days))
        return _svg(figure, "Exposure, gross and net")


def price_svg(priced: Priced, drawn: Drawn) -> str:
    """The price of one symbol with its positions and fills, for the page."""
    colours = drawn.colours
    with _style():
        figure = Figure(figsize=SMALL, layout="constrained")
        axes = _axes(figure, colours)
        for long, colour in ((True, colours.gain), (False, colours.loss)):
            spans = [(begin, end - begin) for begin, end, side in priced.held if side == long]
            axes.broken_barh(spans, (0, 1), transform=axes.get_xaxis_transform(), color=colour, alpha=0.12, lw=0)
        axes.plot(priced.at, priced.price, color=colours.ink, lw=0.8, alpha=0.85)
        for bought, mark, colour in ((True, "^", colours.gain), (False, "v", colours.loss)):
            for by_exit in (False, True):
                rows = (priced.bought == bought) & (priced.exits == by_exit)
                face = colours.ground if by_exit else colour
                at, price = priced.fill_at[rows], priced.fill_prices[rows]
                axes.scatter(at, price, s=26, c=face, marker=mark, edgecolors=colour, lw=0.8, zorder=3)
        _line(axes, priced)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        return _svg(figure, f"Price and fills of {priced.symbol}")


def _equity(drawn: Drawn) -> Figure:
    curve, colours, opening = drawn.replayed.curve, drawn.colours, drawn.found.opening
    figure = Figure(figsize=WIDE, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    days = session_days(curve.times)
    _plain(above, colours)
    _plain(below, colours)
    fall = drawn.found.drawdown
    if fall:
        first, last = (_number(day) for day in (fall.peak, fall.recovered or days[-1].item()))
        above.axvspan(first, last, color=colours.loss, alpha=0.07, lw=0)
    above.axhline(opening, color=colours.faint, lw=0.8, ls=(0, (2, 2)))
    times, equity = thinned(days, curve.equity)
    above.plot(times, equity, color=colours.line, lw=1.4)
    above.fill_between(times, opening, equity, color=colours.line, alpha=0.10, lw=0)
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    above.set_title("Equity; shaded: the maximum drawdown", loc="left", color=colours.faint, fontsize=9)
    times, depth = thinned(days, underwater(curve.equity, opening))
    below.fill_between(times, depth, 0, color=colours.loss, alpha=0.35, lw=0)
    below.plot(times, depth, color=colours.loss, lw=0.8)
    below.yaxis.set_major_formatter(PercentFormatter(1))
    below.yaxis.set_major_locator(MaxNLocator(3))
    below.set_title("Drawdown", loc="left", color=colours.faint, fontsize=9)
    _dates(below, _numbers(days))
    return figure


@contextmanager
def _style() -> Iterator[None]:
    # Texts stay texts, so that the page's type is used and they can be selected; the salt keeps ids the same each time.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "openbell", "font.size": 9, "axes.unicode_minus": False}):
        yield


def _axes(figure: Figure, colours: Palette) -> Axes:
    axes = figure.subplots()
    _plain(axes, colours)
    return axes


def _plain(axes: Axes, colours: Palette) -> None:
    axes.patch.set_visible(False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colours.faint)
    axes.tick_params(colors=colours.faint, length=0, labelsize=8)
    axes.grid(axis="y", color=colours.grid, lw=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)


def _line(axes: Axes, priced: Priced) -> None:
    if priced.ticks:
        axes.set_xticks(list(priced.ticks), list(priced.ticks.values()))
    else:
        _dates(axes, priced.at)


def _dates(axes: Axes, days: Floats) -> None:
    span = float(days[-1] - days[0]) if len(days) else 0.0
    locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    named = DateFormatter("%d %b") if span < SHORT else ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(named)
    axes.xaxis.get_offset_text().set_visible(False)
    if len(days):
        pad = max(span * 0.01, 0.02)
        axes.set_xlim(float(days[0]) - pad, float(days[-1]) + pad)


def _numbers(days: Times) -> Floats:
    """Days since 1970, which is where matplotlib's axis of dates begins."""
    numbers: Floats = days.astype(np.float64)
    return numbers


def _number(day: date) -> float:
    return float(np.datetime64(day, "D").astype(np.int64))


def _legend(axes: Axes, colours: Palette) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        ncols=2,
        frameon=False,
        labelcolor=colours.faint,
        fontsize=8,
    )


def _parts(value: Floats, equity: Floats) -> Floats:
    return np.where(equity > 0, value / np.where(equity > 0, equity, 1), np.nan)


def _svg(figure: Figure, title: str) -> str:
    buffer = StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return themed(buffer.getvalue(), title)


#: The colours in which drawings for the page are made.
PAGE = ROLES
