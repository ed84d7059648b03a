"""Many programs that start one slot at one instant; fifty of them cost two minutes of computing, the suite has fewer.

OPENBELL_TEST_STARTS says how many. ``tests/store`` has fifty processes that claim one slot, without their start-up.
"""

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing

import pytest

from tests.faults.lanes import ROOT
from tests.faults.scene import SYMBOLS

pytestmark = pytest.mark.xdist_group("heavy")
CROWD = int(os.environ.get("OPENBELL_TEST_STARTS", "12"))


def test_S01_S02_P06_of_the_programs_that_start_one_slot_one_works_and_the_rest_are_stored_skips(tmp_path):
    """They find no store either: one of them makes it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBELL_")}
    command = [sys.executable, "-m", "tests.faults.starter", str(tmp_path)]
    started = [
        subprocess.Popen(
            [*command, str(number), str(CROWD)], cwd=ROOT, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for number in range(CROWD)
    ]
    said = Counter(process.communicate(timeout=240)[0].decode().strip() for process in started)
    skipped = said["skipped OVERLAP"] + said["skipped DUPLICATE_RUN"]
    assert (said["completed"], skipped) == (1, CROWD - 1), said
    with closing(sqlite3.connect(tmp_path / "openbell.db")) as store:
        assert dict(store.execute("SELECT outcome, count(*) FROM runs GROUP BY outcome")) == {
            "completed": 1,
            "skipped": CROWD - 1,
        }
        assert store.execute("SELECT count(*) FROM paper_orders").fetchone() == (len(SYMBOLS),)
        assert store.execute("SELECT count(*) FROM slots").fetchone() == (1,)
