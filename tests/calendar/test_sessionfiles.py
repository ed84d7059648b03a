"""Sessions that one process keeps for the next ones of the day."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from openbell import store
from openbell.calendar.exchange import library
from openbell.calendar.sessions import Sessions
from openbell.errors import CalendarError
from openbell.sessionfiles import sessions

#: What a run that finds its sessions kept must not load before its first line.
HEAVY = ("pandas", "exchange_calendars", "alpaca", "ib_insync", "alembic", "matplotlib")
START = f"""
import sys
import flows.exits, flows.orders, flows.trade
from openbell.calendar.slots import slot_for
from openbell.desk import open_desk
from openbell.values.job import TRADE
desk = open_desk("demo")
slot_for(desk.plan, TRADE, desk.clock())
print([name for name in {HEAVY} if name in sys.modules])
"""


@pytest.mark.parametrize("code", ["XHKG", "24/7"])
def test_what_is_kept_is_what_the_library_says(code: str, tmp_path: Path) -> None:
    made, read = sessions(code, tmp_path), sessions(code, tmp_path)
    assert made is not read
    _same(read, library(code))


def test_a_damaged_file_and_one_of_another_day_are_replaced(tmp_path: Path) -> None:
    true = sessions("24/7", tmp_path)
    (file,) = tmp_path.iterdir()
    sound = file.read_bytes()
    with np.load(file) as arrays:
        other = {**arrays, "made": np.array("of another day"), "closes": arrays["opens"]}
    at = len(sound) // 2
    np.savez(tmp_path / "other.npz", **other)
    for damaged in (b"", sound[:at], sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :]):
        file.write_bytes(damaged)
        _same(sessions("24/7", tmp_path), true)
    (tmp_path / "other.npz").replace(file)
    _same(sessions("24/7", tmp_path), true)
    assert sorted(tmp_path.iterdir()) == [file]
    _same(sessions("24/7", tmp_path), true)


def test_a_code_that_nobody_knows_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(CalendarError, match="did you mean 'XNYS'"):
        sessions("XNYSS", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_that_finds_its_sessions_kept_loads_nothing_heavy(tmp_path: Path) -> None:
    sessions("XNYS", tmp_path / "cache" / "calendars")
    store.ensure(f"sqlite:///{tmp_path}/openbell.db")
    environment = {**os.environ, "OPENBELL_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", START], env=environment, check=True, stdout=subprocess.PIPE)
    assert done.stdout == b"[]\n"


def _same(one: Sessions, other: Sessions) -> None:
    left, right = one.arrays(), other.arrays()
    assert left.keys() == right.keys()
    for name, array in left.items():
        assert np.array_equal(array, right[name]), name
