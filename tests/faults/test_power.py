"""Power cuts: what was told to the broker is in the store, whatever the disk has lost."""

import ast
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections import defaultdict
from contextlib import closing

import pytest

from openbell import store
from openbell.store.verify import verify
from tests.faults.lanes import ROOT
from tests.faults.powercut import SLOTS, File, read

pytestmark = pytest.mark.xdist_group("heavy")
#: Cuts at an instant at which nothing was told, besides those at which an order leaves.
ELSEWHERE = 20


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The home that was traded in, its files before, and everything that was asked of the disk in order."""
    if sys.platform != "linux" or not shutil.which("cc"):
        pytest.skip("needs Linux and a C compiler")
    place = tmp_path_factory.mktemp("power")
    home, library, log = place / "home", place / "disk.so", place / "log"
    store.ensure(f"sqlite:///{home / 'openbell.db'}")
    store.close(f"sqlite:///{home / 'openbell.db'}")
    before = {path: path.read_bytes() for path in home.iterdir()}
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, ROOT / "tests/faults/disk.c", "-ldl"], check=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBELL_")}
    told = {"OPENBELL_HOME": str(home), "LD_PRELOAD": str(library), "DISK_FILES": f"{home}/", "DISK_LOG": str(log)}
    command = [sys.executable, "-m", "tests.faults.powercut", str(home)]
    subprocess.run(command, cwd=ROOT, env=kept | told, check=True, timeout=120)
    return home, before, list(read(log))


def test_C21_after_a_power_cut_each_order_that_left_is_in_the_store(asked, tmp_path):
    home, before, requests = asked
    dice = random.Random(21)
    told = [place for place, each in enumerate(requests) if each.path.name == "told"]
    cuts = {*told, *dice.sample(range(len(requests)), ELSEWHERE)}
    files = defaultdict(File, {path: File(bytearray(content)) for path, content in before.items()})
    left = []
    for place, each in enumerate(requests):
        if each.path.name == "told":
            left.append(each.data.decode().strip())
        else:
            files[each.path].ask(each)
        if place in cuts:
            folder = tmp_path / str(place)
            folder.mkdir()
            for path, file in files.items():
                (folder / path.relative_to(home)).write_bytes(file.cut(dice))
            check(folder, left)
    assert len(left) == 10 * SLOTS


def check(folder, left):
    """The store opens, verifies, and has the mark of each order that has left."""
    url = f"sqlite:///{folder / 'openbell.db'}"
    store.open_journal(url)
    assert [found for each in verify(url) for found in each.findings] == []
    store.close(url)
    with closing(sqlite3.connect(folder / "openbell.db")) as read_back:
        marked = {row[0] for row in read_back.execute("SELECT client_id FROM order_events WHERE state = 'sending'")}
    assert set(left) <= marked


def test_C21_the_log_was_carried_over_into_the_file_while_it_was_cut(asked):
    """Else the tests above would never see a checkpoint, which overwrites pages in place."""
    home, _, requests = asked
    assert any(each.kind == "w" and each.path == home / "openbell.db" for each in requests)


def test_C21_every_connection_to_a_store_is_made_in_one_place():
    """Which sets it up to sync each commit; see tests/store for the pragmas."""
    makers = {
        (path.name, node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id)
        for path in (ROOT / "openbell").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
        if ast.unparse(node.func) in ("sqlite3.connect", "create_engine", "sqlalchemy.create_engine")
    }
    assert makers == {("sqlite_file.py", "connect"), ("connect.py", "create_engine")}
