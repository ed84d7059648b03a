"""Files of bars, and the feed that reads them."""

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from openbell.feeds.files import FilesFeed
from openbell.values.bars import FIELDS
from tests.feeds.frames import AS_OF, DAY, SYMBOLS, XNYS


def table(rows, time=None, **renamed):
    columns = {"timestamp": pa.array(rows.times) if time is None else time, "symbol": pa.array(rows.symbols.tolist())}
    columns |= {name: pa.array(np.asarray(rows.columns[name])) for name in FIELDS}
    return pa.table({renamed.get(name, name): column for name, column in columns.items()})


def save(folder, content, name="bars.csv"):
    path = folder / name
    (parquet.write_table if path.suffix == ".parquet" else csv.write_csv)(content, path)
    return name


def feed(folder, path="bars.csv", timeframe=DAY, **options):
    return FilesFeed(folder, path, timeframe, XNYS, **options)


def bars(folder, path="bars.csv", timeframe=DAY, count=20, symbols=SYMBOLS, **options):
    return feed(folder, path, timeframe, **options).bars(symbols, timeframe, count, AS_OF)


def text(folder, content, name="bars.csv"):
    (folder / name).write_text(content)
    return folder


def in_utc(rows, unit="us"):
    return pa.array(rows.times.astype(f"datetime64[{unit}]"), pa.timestamp(unit, "UTC"))
