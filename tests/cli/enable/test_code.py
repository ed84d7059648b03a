"""What was armed is a plan and code: either of them changed must be armed anew."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import openbell
from openbell.build import build, digest
from openbell.desk import open_desk
from tests.cli.enable.live import ibkr, trade


def test_S20_a_plan_that_changes_must_be_armed_anew(live, gateway):
    live("enable", "demo", "--live", "--confirm", "4321")
    live.write(ibkr(gateway.port).replace('["AAPL"]', '["AAPL", "IBM"]'))
    assert "has changed since" in trade().message
    assert live.json("status")["plans"][0]["state"] == "not armed"


def test_S20_of_two_workers_with_different_code_the_one_that_was_armed_opens_orders(live, tmp_path):
    live("enable", "demo", "--live", "--confirm", "4321")
    (arming,) = [word.arming for word in [open_desk("demo").permits.standing("demo").armed]]
    assert arming.build == build()
    other = elsewhere(tmp_path, live)
    assert "this is 0.1.0+" in other
    assert f"for openbell {arming.build}" in other
    assert trade("run-2").code != "VERSION"


def elsewhere(tmp_path, live):
    """What a run of a copy of the package says that differs from this one by a comment."""
    copy = tmp_path / "deployed"
    shutil.copytree(Path(openbell.__file__).parent, copy / "openbell", ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "openbell" / "jobs" / "trading.py").open("a") as source:
        source.write("# one line more\n")
    said = (
        "from openbell import desk; from openbell.jobs import trading as t; print(t.trade(desk.open_desk('demo'), 'x'))"
    )
    env = {**os.environ, "PYTHONPATH": str(copy), "OPENBELL_HOME": str(live.home), "OPENBELL_PLANS": str(live.plans)}
    command = [sys.executable, "-c", said]
    return subprocess.run(command, capture_output=True, text=True, cwd=copy, env=env, timeout=60, check=True).stdout


def test_S20_every_source_counts_towards_the_code_that_is_armed(tmp_path):
    (tmp_path / "a.py").write_text("x = 1")
    (tmp_path / "sub").mkdir()
    digests = [digest(tmp_path)]
    for name, text in (("a.py", "x = 2"), ("sub/b.py", ""), ("sub/b.py", "x = 1"), ("notes.txt", "no code")):
        (tmp_path / name).write_text(text)
        digests.append(digest(tmp_path))
    assert len(set(digests)) == 4
    assert digests[-1] == digests[-2]
