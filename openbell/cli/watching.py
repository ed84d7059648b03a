"""A bar on the terminal while something long is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from openbell.replay import request

#: Seconds between two drawings.
PAUSE = 0.1


@contextmanager
def watched(what: str, unit: str, quiet: bool) -> Iterator[request.Progress]:
    """Takes how many of how many are done; nothing is shown in a pipe."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield request.silent
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn(unit))
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    # Drawn when told, not by a thread: a process with threads is not copied for a sweep.
    with Progress(*columns, *times, console=console, transient=True, auto_refresh=False) as bar:
        task, drawn = bar.add_task("", total=None), 0.0

        def tell(done: int, of: int) -> None:
            nonlocal drawn
            now = monotonic()
            bar.update(task, completed=done, total=of, refresh=now - drawn > PAUSE)
            drawn = now if now - drawn > PAUSE else drawn

        yield tell
