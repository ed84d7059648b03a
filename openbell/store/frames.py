"""A panel of bars as bytes and back: raw numpy buffers, compressed; no pickle."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, bindparam, select

from openbell.errors import StoreError
from openbell.store.run_tables import FRAMES
from openbell.values.bars import FIELDS, Bars, Timeframe, make_bars

_CODEC = "zstd"
_KNOWN = select(FRAMES.c.digest).where(FRAMES.c.digest == bindparam("of_digest"))


def known(connection: Connection, digest: str) -> bool:
    """Whether the panel is stored already."""
    return connection.execute(_KNOWN, {"of_digest": digest}).first() is not None


def pack(bars: Bars, digest: str) -> dict[str, Any]:
    """The row of a panel; StoreError when the panel is not the one that the record names."""
    if bars.digest() != digest:
        raise StoreError(f"the panel to store is {bars.digest()[:12]}, the record names {digest[:12]}")
    arrays = (bars.times.astype("<M8[ns]"), *(bars.panel(name).astype("<f8", copy=False) for name in FIELDS))
    raw = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    header = {
        "symbols": bars.symbols,
        "bars": len(bars),
        "timeframe": bars.timeframe.text,
        "provider": bars.provider,
        "adjustment": bars.adjustment,
        "codec": _CODEC,
        "size": len(raw),
    }
    body = pa.compress(raw, codec=_CODEC, asbytes=True) if raw else b""
    return {"digest": digest, "header": json.dumps(header, separators=(",", ":")), "body": body}


def unpack(digest: str, header: str, body: bytes) -> Bars:
    """The panel behind a row; StoreError when its bytes are not those that were stored."""
    head = json.loads(header)
    try:
        raw = pa.decompress(body, decompressed_size=head["size"], codec=head["codec"], asbytes=True) if body else b""
        bars = _panel(head, raw)
    except (OSError, ValueError) as error:
        raise StoreError(f"stored panel {digest[:12]} cannot be read: {error}") from error
    if bars.digest() != digest:
        raise StoreError(f"stored panel {digest[:12]} has changed: its bytes are now {bars.digest()[:12]}")
    return bars


def _panel(head: dict[str, Any], raw: bytes) -> Bars:
    rows, columns = head["bars"], len(head["symbols"])
    times = np.frombuffer(raw, "<M8[ns]", rows)
    panels = np.frombuffer(raw, "<f8", rows * columns * len(FIELDS), times.nbytes)
    fields = dict(zip(FIELDS, panels.reshape(len(FIELDS), rows, columns), strict=True))
    timeframe = Timeframe(head["timeframe"])
    return make_bars(head["symbols"], times, fields, timeframe, head["provider"], head["adjustment"])


def load(connection: Connection, digest: str) -> Bars | None:
    """The stored panel, None when there is none."""
    row = connection.execute(select(FRAMES).where(FRAMES.c.digest == digest)).first()
    return None if row is None else unpack(row.digest, row.header, row.body)
