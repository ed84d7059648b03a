"""Order ids that only ever grow, whatever the gateway says next.

An id that is used a second time does not fail: it changes the order that bears it. After a restart the gateway can name
ids again that it gave before, so the highest one is kept on disk, per account and client id. Ids are taken from there a
block at a time: one write for many orders, and a process that dies skips the rest of its block.
"""

import os
from pathlib import Path
from typing import Any

from openbell.errors import BrokerError

#: Ids of one write.
BLOCK = 100


class OrderIds:
    """Issues the ids of one account and client; without a folder it keeps nothing.

    BrokerError when what was kept cannot be read or written: no order goes out then.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._block = 0

    def issue(self, wire: Any, account: str, client_id: int) -> int:
        """The next id by the gateway and by what was kept; ``wire`` is the SDK's client."""
        number: int = wire.getReqId()
        if self._folder is None or number <= self._block:
            return number
        path = self._folder / f"ibkr-{account}-{client_id}.id"
        used = _read(path)
        if number <= used:
            wire.updateReqId(used + 1)
            number = wire.getReqId()
        _write(path, number + BLOCK - 1)
        self._block = number + BLOCK - 1
        return number


def _read(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError):
        raise BrokerError(
            f"ibkr: {path} does not hold the highest order id: write the highest id of this client there, see TWS"
        ) from None


def _write(path: Path, number: int) -> None:
    """Whole or not at all, and on the disk before any order goes out."""
    draft = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(str(number))
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except OSError as error:
        raise BrokerError(f"ibkr: the highest order id cannot be kept in {path}: {error.strerror}") from None
