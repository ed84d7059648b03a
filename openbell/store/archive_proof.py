"""Proof that the files of a month hold what was sealed: the chain of its records, computed anew from the files."""

from pathlib import Path
from typing import Any

from openbell.errors import StoreError
from openbell.store import archive_files as files
from openbell.store import frames
from openbell.store.audit import Grouped, amount
from openbell.store.run_tables import FRAMES, RUNS, SIGNALS, VERDICTS
from openbell.store.sealing import Rows, chain
from openbell.values.money import text


def prove(folder: Path, month: files.Month) -> None:
    """StoreError, naming the record, unless the files hold each record of the month as it was sealed."""
    signals = Grouped(files.rows(folder, SIGNALS), "run")
    verdicts = Grouped(files.rows(folder, VERDICTS), "run")
    number, last = month.first - 1, month.before
    for row in files.rows(folder, RUNS):
        digest = digest_of(row, signals.take(row.sequence), verdicts.take(row.sequence))
        follows = row.sequence == number + 1 and row.previous_hash == last
        if not follows or chain(last, row.sequence, digest) != row.hash:
            raise StoreError(f"record {row.sequence} is not as it was sealed; nothing was archived: `openbell verify`")
        number, last = row.sequence, row.hash
    if (number, last) != (month.last, month.head) or next(signals.rest(), None) or next(verdicts.rest(), None):
        raise StoreError(f"the files of {month.month} do not hold its records {month.first} to {month.last}")
    for frame in files.rows(folder, FRAMES):
        frames.unpack(frame.digest, frame.header, frame.body)


def digest_of(run: Any, signals: list[Any], verdicts: list[Any]) -> str:
    """The digest of a stored record; rows of signals and verdicts as the database or a file has them."""
    bare = [(*tuple(row)[2:8], text(amount(row.asked)), text(amount(row.quantity)), row.rulings) for row in verdicts]
    return Rows(run.body, [tuple(row)[2:] for row in signals], bare).digest()
