"""A migration that dies leaves the store as it was, and the store is refused until it is through."""

import json
import re
import subprocess
import sys

import pytest

from openbell.store import sqlite_file
from openbell.store.schema import HEAD
from tests.store.racers import ROOT

pytestmark = pytest.mark.xdist_group("heavy")


def kills(url, revision, stride):
    """What was seen after each kill, and at last when the migration was through."""
    command = [sys.executable, "-m", "tests.store.migrating", url, revision, str(stride)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    *killed, through = map(json.loads, done.stdout.splitlines())
    return killed, through


@pytest.mark.parametrize(("revision", "told"), [("", r"none \(empty\)"), ("0001", "0001")])
def test_C19_a_migration_killed_after_any_statement_is_refused_and_leaves_nothing(tmp_path, revision, told):
    path = tmp_path / "openbell.db"
    sqlite_file.make_file(path)
    killed, through = kills(f"sqlite:///{path}", revision, 1 if revision else 3)
    check(killed, through, told)
    assert len(killed) > 10
    assert through["halted"] == (["halted"] if revision else [])


@pytest.mark.postgres
def test_C19_as_well_on_postgresql(postgres_url):
    killed, through = kills(postgres_url, "0001", 4)
    check(killed, through, "0001")


def check(killed, through, told):
    refused = rf"SchemaMismatch: .* has schema {told}, this openbell needs {HEAD}: run openbell migrate"
    for seen in killed:
        assert re.fullmatch(refused, seen["said"]), seen
        assert (seen["tables"], seen["halted"]) == (killed[0]["tables"], killed[0]["halted"])
    assert through["said"] == ""
    assert set(through["tables"]) > set(killed[0]["tables"])
