"""The report in a folder: whole or not at all."""

from pathlib import Path

from openbell.replay.report.charts import Drawn, equity_png
from openbell.replay.report.folder import write_aside
from openbell.replay.report.page import page
from openbell.replay.report.text import markdown
from openbell.replay.result import Replayed
from openbell.replay.statistics import Statistics

PAGE, PICTURE, TEXT = "report.html", "report.png", "report.md"


def write_report(replayed: Replayed, found: Statistics, folder: Path) -> tuple[Path, ...]:
    """Write page, picture and text, which replace those of an earlier report; the paths, the page first.

    Raises:
        InputError: the folder cannot be written to. What stood there stands there still.
    """
    drawn = Drawn(replayed, found)
    contents = {
        PAGE: page(drawn).encode(),
        PICTURE: equity_png(drawn),
        TEXT: markdown(replayed, found, PICTURE).encode(),
    }
    return write_aside(folder, contents)
