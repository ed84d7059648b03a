"""The append-only ledger of the fault broker: one JSON object a line, stamped when it is written."""

import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path


def stamp(instant: float) -> str:
    """A POSIX time as Alpaca writes it."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Ledger:
    """Lines of ``{seq, mono, time, kind, ...}``; headers, and with them keys, are never written.

    ``mono`` is this machine's monotonic clock in seconds, ``time`` its wall clock as POSIX time; both are read
    under the lock that orders the lines.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._seq = 0

    def write(self, kind: str, **fields: object) -> int:
        """Append one line; returns its number."""
        with self._lock:
            self._seq += 1
            head = {"seq": self._seq, "mono": time.monotonic(), "time": time.time(), "kind": kind}
            self._file.write(json.dumps(head | fields) + "\n")
            self._file.flush()
            return self._seq
