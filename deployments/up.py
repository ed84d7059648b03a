"""``make up``: a Prefect server and worker that stay, with the plans published and on their schedules."""

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from deployments.local import local_prefect
from openbell import planfiles
from openbell.errors import OpenbellError
from openbell.settings import load_settings
from openbell.values.job import RECOVER


def main() -> int:
    """Run until Ctrl-C or SIGTERM; the exit code is 0 then, 1 when a part died on its own."""
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    store = options.dir
    try:
        print("Starting the Prefect server; the first time takes up to half a minute ...", flush=True)  # noqa: T201
        with local_prefect(store / "prefect", store, options.port, tell=_told) as local:
            # What died before is not left until the next ring.
            for name in _recovered():
                local.prefect("deployment", "run", f"{RECOVER.name}/{name}-{RECOVER.name}")
            print(_where(local.url, store.absolute()), flush=True)  # noqa: T201
            local.watch()
    except KeyboardInterrupt:
        print("Stopped.")  # noqa: T201
    except OpenbellError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deployments.up", description=__doc__)
    parser.add_argument("--port", type=int, default=4200, help="port of the Prefect UI and API on 127.0.0.1")
    parser.add_argument("--dir", type=Path, default=Path("var/openbell"), help="folder of the store and of Prefect")
    return parser.parse_args()


def _told(published: str) -> None:
    """What was put back to what the files say; that everything is made in an empty server needs no words."""
    for line in published.splitlines():
        if line.startswith(("update ", "remove ")):
            print(line, flush=True)  # noqa: T201


def _recovered() -> list[str]:
    """The plans whose recovery has a deployment; publishing has read their files."""
    plans = planfiles.load_all(planfiles.plans_folder(load_settings()))
    return [plan.name for plan in plans if plan.rings(RECOVER.name).enabled]


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _where(url: str, store: Path) -> str:
    programs = os.path.relpath(Path(sys.executable).parent)
    return f"""
Up. The demo plan rings on weekdays at 09:35 and 15:35 New York time.

  UI            {url}   (Deployments, Blocks, Concurrency, Automations)
  in a shell    export PREFECT_API_URL={url}/api OPENBELL_HOME={store}
  a run by hand {programs}/prefect deployment run 'trade/demo' --watch
  the store     {programs}/openbell status

Ctrl-C stops everything; nothing is lost.
"""


if __name__ == "__main__":
    sys.exit(main())
