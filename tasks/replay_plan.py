"""replay-plan and report-replay."""

import socket
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_image_artifact, create_markdown_artifact

from blocks.desk import load_plan, spec_of
from openbell.errors import InputError
from openbell.replay.asking import Wish, request
from openbell.replay.report.text import markdown
from openbell.replay.report.write import PAGE, PICTURE, write_report
from openbell.replay.request import Progress, Request
from openbell.replay.result import Replayed
from openbell.replay.run import replay
from openbell.replay.statistics import statistics
from openbell.replay.telling import headline
from openbell.settings import load_settings
from openbell.specs import FeedSpec
from tasks.handed import Handed
from tasks.policies import ONCE

#: Minutes that a replay may take, and seconds between two lines about how far it is.
LONGEST, PAUSE = 60, 10
#: One task for all of a replay: what is decided in it costs no request to Prefect's server.
ALONE: dict[str, Any] = {**ONCE, "timeout_seconds": 60 * LONGEST}


def ask(plan: str, wish: Wish) -> Handed[Request]:
    """What is to be replayed; an OpenbellError says what of the wish cannot be."""
    return Handed(request(load_plan(plan), wish, load_settings(), blocks=_feed))


@task(name="replay-plan", **ALONE)
def replay_plan(asked: Handed[Request]) -> Handed[Replayed]:
    """What the plan would have done."""
    replayed = replay(replace(asked.value, progress=_lines()))
    for note in replayed.notes:
        get_run_logger().info("%s", note)
    get_run_logger().info("%d slots, %d decided, %d fills", replayed.slots, replayed.decided, len(replayed.fills))
    return Handed(replayed)


@task(name="report-replay", **ONCE)
def report_replay(replayed: Handed[Replayed]) -> str:
    """The report beside the store and in the Prefect UI; what it comes to, in one line."""
    told, found = replayed.value, statistics(replayed.value)
    name = told.plan.name
    folder = load_settings().home.expanduser() / "replays" / name
    words, picture = headline(told, found), ""
    try:
        write_report(told, found, folder)
        picture = _inline(folder / PICTURE)
        where = f"The page with all charts is {folder / PAGE} on {socket.gethostname()}."
        create_image_artifact(image_url=picture, key=f"replay-{name}-equity", description=words)
    except InputError as error:
        # What was found is worth more than the page about it.
        get_run_logger().warning("%s", error)
        where = str(error)
    text = f"{markdown(told, found, picture)}\n{where}\n"
    create_markdown_artifact(text, key=f"replay-{name}", description=words)
    get_run_logger().info("%s", words)
    return words


def _feed(name: str) -> FeedSpec:
    return spec_of(name, FeedSpec, "feed")


def _inline(path: Path) -> str:
    """A picture as an address that holds it: the server has no place for files."""
    return f"data:image/png;base64,{b64encode(path.read_bytes()).decode()}"


def _lines() -> Progress:
    """A line in the log now and then."""
    log, last = get_run_logger(), monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal last
        if monotonic() - last >= PAUSE:
            last = monotonic()
            log.info("%d of %d slots", done, of)

    return tell
