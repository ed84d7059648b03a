"""Rows of a sweep: what is kept, taken again, and how they are ranked."""

import json
import os
import signal
import subprocess
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from openbell.errors import InputError
from openbell.feeds.sample import SampleFeed
from openbell.replay.request import Request
from openbell.replay.sweep.grid import parse_grid
from openbell.replay.sweep.ranking import heat, ranked, shares
from openbell.replay.sweep.rows import known_rows
from openbell.replay.sweep.sweep import Labour, sweep
from openbell.replay.sweep.work import Row
from tests.replay.sweep.sweeping import GRID, PLAN, asked, command, labour


def test_values_that_no_plan_may_have_are_told_and_the_rest_is_worked_out(tmp_path):
    found = sweep(asked(), parse_grid(PLAN, ["fast=5,20", "slow=10"]), labour(tmp_path))
    assert [bool(row.refused) for row in found.rows] == [False, True]
    assert "fast 20 is not below slow 10" in found.rows[1].refused
    with pytest.raises(InputError, match=r"no point of the grid can be replayed; the first: .*fast 20 is not below"):
        sweep(asked(), parse_grid(PLAN, ["fast=20,30", "slow=10"]), labour(tmp_path))


def test_rows_that_are_there_are_not_worked_out_again(tmp_path):
    first = sweep(asked(), parse_grid(PLAN, GRID), labour(tmp_path))
    again = sweep(asked(), parse_grid(PLAN, ["slow=10,20,30", "fast=3,5"]), labour(tmp_path))
    assert (first.reused, again.reused) == (0, 4)
    fresh = sweep(asked(), parse_grid(PLAN, GRID), labour(tmp_path, fresh=True))
    assert fresh.reused == 0
    assert fresh.rows == first.rows


@pytest.mark.parametrize("change", ["cash", "end", "plan"])
def test_rows_of_another_range_cash_or_plan_are_not_taken(tmp_path, change):
    sweep(asked(), parse_grid(PLAN, GRID), labour(tmp_path))
    other = {
        "cash": Request(PLAN, SampleFeed(), date(2026, 9, 1), date(2026, 10, 30), cash=Decimal(5000)),
        "end": Request(PLAN, SampleFeed(), date(2026, 9, 1), date(2026, 10, 29)),
        "plan": asked(PLAN.model_copy(update={"universe": ("AAPL", "IBM")})),
    }[change]
    assert sweep(other, parse_grid(PLAN, GRID), labour(tmp_path)).reused == 0
    assert sweep(asked(), parse_grid(PLAN, GRID), labour(tmp_path)).reused == 4


def test_a_line_that_was_cut_off_is_worked_out_again(tmp_path):
    path = tmp_path / "rows.jsonl"
    first = sweep(asked(), parse_grid(PLAN, GRID), labour(tmp_path))
    path.write_bytes(path.read_bytes()[:-40])
    assert len(known_rows(path)) == 3
    again = sweep(asked(), parse_grid(PLAN, GRID), labour(tmp_path))
    assert (again.reused, again.rows) == (3, first.rows)
    assert len(known_rows(path)) == 4


def test_a_killed_sweep_leaves_no_process_and_goes_on_where_it_stopped(tmp_path):
    words = command(tmp_path, "--jobs", "3", grid=("fast=2:40:1", "slow=50:60:1"))
    rows = tmp_path / "swept.jsonl"
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: rows.exists() and len(known_rows(rows)) >= 5 and len(children(process.pid)) >= 2)
        workers = children(process.pid)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_for(lambda: not any(alive(pid) for pid in workers))
    kept = len(known_rows(rows))
    done = subprocess.run(
        command(tmp_path, "--jobs", "1", grid=("fast=2:3:1", "slow=50:60:1")), capture_output=True, check=True
    )
    told = json.loads(done.stdout)
    assert kept >= 5
    assert told["points"] == 22
    assert told["reused"] >= min(5, kept)


def wait_for(seen, patience: float = 120.0) -> None:
    end = time.monotonic() + patience
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in found.read_text().split()] if found.exists() else []


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_a_full_disk_is_one_clear_error():
    with pytest.raises(InputError, match=r"/dev/full cannot be written: No space left on device"):
        sweep(asked(), parse_grid(PLAN, GRID), Labour(Path("/dev/full")))


def rows_of(*values: float | None) -> list[Row]:
    return [Row({"at": str(number)}, {"sharpe": value, "costs": value}) for number, value in enumerate(values)]


def test_points_are_ordered_from_the_best_down_and_the_unknown_comes_last():
    rows = rows_of(0.5, None, 2.0, -1.0)
    assert [row.point["at"] for row in ranked(rows, "sharpe")] == ["2", "0", "3", "1"]
    assert [row.point["at"] for row in ranked(rows, "costs")] == ["3", "0", "2", "1"]


def test_a_heat_map_has_the_best_over_the_other_axes(tmp_path):
    grid = parse_grid(PLAN, ["fast=3,5", "slow=10,20", "risk.max_positions=1,2"])
    found = sweep(asked(), grid, labour(tmp_path))
    map_ = heat(found, "closing")
    assert map_ is not None
    assert map_.values.shape == (2, 2)
    by_point = {tuple(row.point.values()): row.figures["closing"] for row in found.rows}
    assert map_.values[1, 0] == max(by_point["5", "10", "1"], by_point["5", "10", "2"])
    assert np.nanmax(shares(map_)) == 1.0
    assert heat(sweep(asked(), parse_grid(PLAN, ["fast=3,5"]), labour(tmp_path)), "closing") is None
