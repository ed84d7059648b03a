"""What a sweep leaves in a folder: every row as CSV, and one figure over two axes as a picture."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from openbell.errors import InputError
from openbell.replay.report.palette import LIGHT
from openbell.replay.sweep.ranking import Heat, heat, shares
from openbell.replay.sweep.sweep import Swept
from openbell.replay.sweep.work import FIGURES

RESULTS, PICTURE = "results.csv", "heatmap.png"
DPI = 144
#: Cells that still have room for their number.
_ROOM = 24
_COLOURS = LinearSegmentedColormap.from_list("openbell", (LIGHT.loss, LIGHT.ground, LIGHT.gain))


def write_sweep(swept: Swept, by: str, folder: Path) -> tuple[Path, ...]:
    """The files that were written; InputError names what the disk refused."""
    found = heat(swept, by)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [_results(swept, folder / RESULTS)]
        if found is not None and np.isfinite(found.values).any():
            picture(found, _title(swept, found)).savefig(folder / PICTURE, dpi=DPI, facecolor=LIGHT.ground)
            written.append(folder / PICTURE)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from None
    return tuple(written)


def _results(swept: Swept, path: Path) -> Path:
    names = [axis.name for axis in swept.grid.axes]
    with path.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file, lineterminator="\n")
        sheet.writerow((*names, *FIGURES, "closing_cash", "refused"))
        for row in swept.rows:
            figures = (row.figures.get(name) for name in FIGURES)
            sheet.writerow((*row.point.values(), *figures, row.cash, row.refused))
    return path


def _title(swept: Swept, found: Heat) -> str:
    best = "" if len([axis for axis in swept.grid.axes if len(axis.values) > 1]) == 2 else ", best of the other axes"
    return f"{swept.plan.name}: {found.by.replace('_', ' ')}{best}, {swept.request.start} to {swept.request.end}"


def picture(found: Heat, title: str) -> Figure:
    """The figure over both axes, the best in green."""
    down, across = len(found.down.values), len(found.across.values)
    figure = Figure(figsize=(2.5 + 0.55 * min(across, 30), 1.8 + 0.42 * min(down, 30)), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(np.ma.masked_invalid(shares(found)), cmap=_COLOURS, vmin=0, vmax=1, aspect="auto")
    axes.set_title(title, loc="left", fontsize=10, color=LIGHT.ink)
    axes.set_xlabel(found.across.name)
    axes.set_ylabel(found.down.name)
    _ticks(axes.set_xticks, found.across.values)
    _ticks(axes.set_yticks, found.down.values)
    if max(down, across) <= _ROOM:
        for (row, column), value in np.ndenumerate(found.values):
            if np.isfinite(value):
                axes.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=7, color=LIGHT.ink)
    return figure


def _ticks(place: object, values: Sequence[str]) -> None:
    step = max(1, len(values) // _ROOM)
    at = range(0, len(values), step)
    place(list(at), [values[number] for number in at], fontsize=8)  # type: ignore[operator]
