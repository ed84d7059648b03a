"""Sweeps and strategies on a Dask cluster by TCP: a real scheduler, workers that die, and workers that do not fit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from openbell import planfiles
from openbell.jobs.asking import asking
from openbell.replay.sweep.grid import parse_grid
from openbell.replay.sweep.rows import known_rows
from openbell.replay.sweep.sweep import sweep
from openbell.settings import Settings
from openbell.stages.evaluate import Seat, evaluate
from openbell.strategies.sma_crossover import SmaCrossover
from tests.contracts.panels import random_bars
from tests.replay.sweep.sweeping import asked, command, labour

GRID = ("fast=3:10:1", "slow=20")
#: A worker on a machine where openbell was never installed.
STRANGER = """
import runpy, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "openbell":
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Absent())
runpy.run_module("dask", run_name="__main__", alter_sys=True)
"""


class Cluster:
    """A scheduler, and workers that come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file, self.running = folder, folder / "scheduler.json", []
        self.start("-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        until(lambda: self.file.exists() and self.file.read_text().rstrip().endswith("}"), "scheduler")

    @property
    def address(self) -> str:
        return json.loads(self.file.read_text())["address"]

    def start(self, *words: str) -> subprocess.Popen:
        options = ("--scheduler-file", str(self.file))
        with (self.folder / f"{len(self.running)}.log").open("w") as log:
            process = subprocess.Popen([sys.executable, *words, *options], stdout=log, stderr=log, cwd=self.folder)
        self.running.append(process)
        return process

    def worker(self, *program: str) -> subprocess.Popen:
        words = ("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder))
        return self.start(*(program or ("-m", "dask")), *words)

    def stop(self) -> None:
        for process in reversed(self.running):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    pytest.importorskip("distributed", reason="needs the extra dask")
    folder = tmp_path / "cluster"
    folder.mkdir()
    found = Cluster(folder)
    yield found
    found.stop()


def until(true, what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"no {what} in {seconds:g} s"
        time.sleep(0.02)


def test_a_sweep_outlives_its_workers_and_says_what_is_wrong_with_one_that_does_not_fit(tmp_path, cluster):
    words = command(tmp_path, "--dask", cluster.address, grid=GRID)
    stranger = cluster.worker("-c", STRANGER)
    refused = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert refused.returncode == 1
    assert "cannot run openbell: ModuleNotFoundError" in refused.stderr
    stranger.kill()

    first = cluster.worker()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sweeping:
        until(lambda: known_rows(tmp_path / "swept.jsonl") or sweeping.poll() is not None, "row", 120)
        assert sweeping.returncode is None, sweeping.stderr.read()
        os.kill(first.pid, signal.SIGKILL)  # the bars go with it
        assert len(known_rows(tmp_path / "swept.jsonl")) < 8
        cluster.worker()
        told, complaints = sweeping.communicate(timeout=120)
    assert sweeping.returncode == 0, complaints
    plan = planfiles.load(tmp_path / "swept.toml")
    here = sweep(asked(plan), parse_grid(plan, GRID), labour(tmp_path, rows=tmp_path / "here"))
    found = {tuple(row["point"].values()): row["figures"] for row in json.loads(told)["rows"]}
    assert found == {tuple(row.point.values()): dict(row.figures) for row in here.rows}
    assert sweep(asked(plan), parse_grid(plan, GRID), labour(tmp_path, rows=tmp_path / "swept.jsonl")).reused == 8

    bars = random_bars(60, symbols=3)
    seats = [Seat(f"s{n}", SmaCrossover(fast=n, slow=20), bars.symbols) for n in (3, 5, 7)]
    ask = asking(Settings(evaluate_dask=cluster.address))
    assert repr(evaluate(seats, bars, ask=ask)) == repr(evaluate(seats, bars))
