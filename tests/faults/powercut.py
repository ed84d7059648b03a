"""A disk that loses what was not synced: the files as they may stand after a power cut at any instant.

``python -m tests.faults.powercut HOME`` is the program that is cut: it trades, and writes into the file ``told`` the
id of each order at the instant at which it leaves for the broker.
"""

import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from openbell.jobs import trading
from tests.orders.desks import Tape, Wire, open_desk

#: What a disk writes as a whole.
SECTOR = 512
#: Slots that are traded one after the other: enough for the write-ahead log to be carried over once.
SLOTS = 6


@dataclass(frozen=True)
class Asked:
    """One thing that was asked of the disk."""

    kind: str
    offset: int
    path: Path
    data: bytes


@dataclass
class File:
    """What of a file is on the disk for certain, and what was asked since."""

    kept: bytearray = field(default_factory=bytearray)
    pending: list[Asked] = field(default_factory=list)

    def ask(self, asked: Asked) -> None:
        """Take a request; a sync makes everything before it certain."""
        self.pending.append(asked)
        if asked.kind == "s":
            for each in self.pending:
                _apply(self.kept, each, len(each.data))
            self.pending.clear()

    def cut(self, dice: random.Random) -> bytes:
        """The file after a power cut: each request since the last sync is lost, done, or done in part."""
        left = bytearray(self.kept)
        for each in self.pending:
            sectors = -(-len(each.data) // SECTOR)
            if each.kind == "w" or dice.random() < 0.5:
                _apply(left, each, dice.choice((0, dice.randint(0, sectors), sectors)) * SECTOR)
        return bytes(left)


def _apply(content: bytearray, asked: Asked, length: int) -> None:
    if asked.kind == "t":
        del content[asked.offset :]
        content.extend(bytes(asked.offset - len(content)))
    data = asked.data[:length]
    if data:
        content.extend(bytes(max(0, asked.offset - len(content))))
        content[asked.offset : asked.offset + len(data)] = data


def read(log: Path) -> Iterator[Asked]:
    """The requests of a log that ``disk.c`` wrote."""
    content, place = log.read_bytes(), 0
    while place < len(content):
        end = content.index(b"\n", place)
        kind, offset, length, path = content[place:end].split(b" ", 3)
        place = end + 1 + int(length)
        yield Asked(kind.decode(), int(offset), Path(os.fsdecode(path)), content[end + 1 : place])


def main(home: Path) -> None:
    """Trade, and say what is told to the broker; ends without closing anything."""
    wire = Wire(Tape())
    with (home / "told").open("ab", buffering=0) as told:
        wire.before_post = lambda _: told.write(f"{wire.posts[-1][1]}\n".encode())
        for number in range(SLOTS):
            record = trading.trade(open_desk(home, wire, name=f"plan{number}"), f"run-{number}")
            assert record.fills, record.message
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
