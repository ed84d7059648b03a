"""A run ends with the process that started it, and not some orders later.

What a worker or a container starts is a process that starts another one, which has the flow. A SIGTERM for the first
alone (``prefect flow-run execute`` sets no handler) leaves the second at work with nobody above it.
"""

import os
import signal
import time
from functools import lru_cache
from threading import Thread

#: Set in a process that has one flow run to execute, and somebody who waits for it.
STARTED = "PREFECT__FLOW_RUN_ID"
#: Read when the process begins: later the parent may be gone.
PARENT = os.getppid()
#: Seconds between two looks.
PAUSE = 0.2


@lru_cache(maxsize=1)
def end_with_parent() -> None:
    """From now on the end of the parent counts as SIGTERM: an order on its way is finished, and none begins."""
    if STARTED in os.environ:
        Thread(target=_watch, name="openbell parent", daemon=True).start()


def _watch() -> None:
    while os.getppid() == PARENT:
        time.sleep(PAUSE)
    os.kill(os.getpid(), signal.SIGTERM)
