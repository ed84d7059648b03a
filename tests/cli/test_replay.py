"""`openbell replay`: what a plan would have done, for people and machines; the report; what is refused."""

import json
import os
import pty
import resource
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from openbell.calendar.exchange import exchange
from tests.cli.conftest import Terminal

HEAVY = {"pandas", "numpy", "prefect", "sqlmodel", "sqlalchemy", "exchange_calendars", "rich", "pydantic", "matplotlib"}
RANGE = ("--from", "2024-11-01", "--to", "2025-05-30")


def test_help_imports_neither_prefect_nor_anything_heavy():
    code = (
        "import sys\nfrom openbell.cli import cli\ncli(['replay', '--help'], standalone_mode=False)\n"
        f"print('heavy', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy []"


def test_help_answers_in_less_than_half_a_second():
    code = "import sys; sys.argv = ['openbell', 'replay', '--help']; from openbell.cli import main; main()"
    spent = []
    for _ in range(3):
        began = os.times()
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        ended = os.times()
        spent.append(ended.children_user - began.children_user + ended.children_system - began.children_system)
    assert min(spent) < 0.5


def test_a_replay_imports_neither_prefect_nor_the_store_and_draws_nothing_unasked(terminal):
    code = (
        f"import sys\nfrom openbell.cli import cli\ncli(['replay', 'demo', *{RANGE!r}], standalone_mode=False)\n"
        "print('loaded', sorted({'prefect', 'matplotlib', 'sqlalchemy'} & set(sys.modules)))"
    )
    env = {**os.environ, "OPENBELL_HOME": str(terminal.home), "OPENBELL_PLANS": str(terminal.plans)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_A21_a_replay_tells_figures_trades_and_what_was_held_back(terminal):
    told = terminal("replay", "demo", *RANGE, "--set", "schedule.trade.cron=35 9 * * 1-5").output
    for words in ("Replay of demo", "2024-11-01 to 2025-05-30, 3 symbols, 1d bars", "sample prices", "Sharpe ratio"):
        assert words in told
    for words in ("Trades", "equity", "Held back", "HOLIDAY", "--out FOLDER"):
        assert words in told


def test_a_machine_gets_every_figure_trade_and_session(terminal):
    found = terminal.json("replay", "demo", *RANGE)
    sessions = exchange("XNYS").sessions(datetime(2024, 11, 1).date(), datetime(2025, 5, 30).date())
    assert (found["from"], found["to"]) == ("2024-11-01", "2025-05-30")
    assert [row["session"] for row in found["sessions"]] == [str(day) for day in sessions]
    assert found["statistics"]["sessions"] == len(sessions)
    assert found["statistics"]["fills"] > 0
    assert len(found["trades"]) == found["statistics"]["trades"] + found["statistics"]["open_trades"]
    assert found["report"] == []


def test_the_default_range_is_the_last_year_of_sessions(terminal):
    found = terminal.json("replay", "demo")
    assert found["statistics"]["sessions"] == 252
    assert found["to"] == str(exchange("XNYS").last_complete(datetime.now(UTC)))


def test_out_writes_the_report_and_says_where(terminal, tmp_path):
    result = terminal("replay", "demo", *RANGE, "--out", str(tmp_path / "new" / "report"))
    assert result.exit_code == 0
    assert f"report: {tmp_path / 'new' / 'report' / 'report.html'}" in result.output
    assert sorted(path.name for path in (tmp_path / "new" / "report").iterdir()) == [
        "report.html",
        "report.md",
        "report.png",
    ]


def test_a_person_at_a_terminal_sees_how_far_it_is(terminal):
    code = f"import sys; sys.argv = ['openbell', 'replay', 'demo', *{RANGE!r}]; from openbell.cli import main; main()"
    env = {**os.environ, "OPENBELL_HOME": str(terminal.home), "OPENBELL_PLANS": str(terminal.plans), "TERM": "xterm"}
    ours, theirs = pty.openpty()
    with (terminal.home / "stdout").open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=out, stderr=theirs, env=env)
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # how a terminal says that nobody writes to it any more
        while part := os.read(ours, 4096):
            seen += part
    os.close(ours)
    assert process.wait(60) == 0
    assert b"replaying" in seen
    assert b"slots" in seen
    assert b"replaying" not in (terminal.home / "stdout").read_bytes()


def test_set_changes_the_plan_for_this_replay_only(terminal):
    before = (terminal.plans / "demo.toml").read_text()
    plain = terminal.json("replay", "demo", *RANGE)
    changed = terminal.json("replay", "demo", *RANGE, "--set", "risk.max_positions=1", "--set", "fast=5")
    assert changed["plan_hash"] != plain["plan_hash"]
    assert changed["set"] == {"risk.max_positions": "1", "fast": "5"}
    assert changed["statistics"]["fills"] < plain["statistics"]["fills"]
    assert (terminal.plans / "demo.toml").read_text() == before


def test_cash_is_what_the_account_opens_with(terminal):
    found = terminal.json("replay", "demo", *RANGE, "--cash", "2500.50")
    assert Decimal(found["opening_cash"]) == Decimal("2500.50")


def test_a_plan_may_be_a_file_that_is_no_plan_of_the_installation_yet(terminal, tmp_path):
    draft = tmp_path / "draft.toml"
    draft.write_text(terminal.plan.replace('name = "demo"', 'name = "draft"'))
    assert terminal.json("replay", str(draft), *RANGE)["plan"] == "draft"


def write_bars(path: Path, first: str = "2012-01-03", last: str = "2013-03-28") -> None:
    days = exchange("XNYS").sessions(datetime.fromisoformat(first).date(), datetime.fromisoformat(last).date())
    count, rows = len(days), []
    for number, symbol in enumerate(("AAPL", "IBM", "MSFT")):
        close = 100 + 20 * np.sin(np.arange(count) / (11 + number))
        rows.append(
            pa.table(
                {
                    "timestamp": [str(day) for day in days],
                    "symbol": [symbol] * count,
                    **dict.fromkeys(("open", "high", "low", "close"), close),
                    "volume": np.full(count, 1e6),
                }
            )
        )
    pq.write_table(pa.concat_tables(rows), path)


def test_feed_takes_prices_from_elsewhere_and_the_range_from_them(terminal, tmp_path):
    write_bars(tmp_path / "bars.parquet")
    result = terminal("replay", "demo", "--feed", "files:path=bars.parquet", "--json", OPENBELL_DATA=str(tmp_path))
    assert result.exit_code == 0, result.output
    assert '"to": "2013-03-28"' in result.stdout
    assert '"provider": "files' in result.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "risk.max_postions=3"), "unknown key 'risk.max_postions'; did you mean 'risk.max_positions'?"),
        (("--set", "fast"), "'fast' is not KEY=VALUE"),
        (("--set", "fast=100"), "fast 100 is not below slow 30"),
        (("--set", "risk.max_positions=-1"), "risk.max_positions"),
        (("--set", "account.params.csh=1"), "unknown key 'csh'; did you mean 'cash'?"),
        (("--set", "universe=[]"), "universe"),
        (("--from", "2025-05-01", "--to", "2025-04-01"), "from 2025-05-01 is after to 2025-04-01"),
        (
            ("--from", "1950-01-01", "--to", "1950-02-01"),
            "1950-01-01 is before 1990-01-02, the first session of the XNYS",
        ),
        (("--to", "2999-01-01"), "to 2999-01-01 is after"),
        (("--from", "2025-07-04", "--to", "2025-07-06"), "holds no session of XNYS"),
        (("--feed", "file:path=x.csv"), "feed 'file' is not known; did you mean 'files'?"),
        (("--feed", "files:pth=x.csv"), "unknown key 'pth'; did you mean 'path'?"),
        (("--feed", "files:path=gone.csv"), "path 'gone.csv' is not there"),
        (("--feed", "files:path=../x.csv"), "'../x.csv' is not a relative path inside the data folder"),
        (("--cash", "0"), "cash 0 is not above 0"),
        (("--cash", "1e13"), "cash 1E+13 is above 1,000,000,000,000"),
        (("--out", "/dev/null"), "/dev/null is not a folder"),
    ],
)
def test_what_cannot_be_replayed_is_one_clear_line(terminal, words, told):
    result = terminal("replay", "demo", *words)
    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ("replay",),
        ("replay", "demo", "--from", "yesterday"),
        ("replay", "demo", "--cash", "much"),
        ("replay", "demo", "--cash", "nan"),
        ("replay", "demo", "--run", "run-1"),
        ("replay", "--run", "run-1", "--set", "fast=5"),
    ],
)
def test_wrong_usage_has_exit_code_2(terminal, words):
    assert terminal(*words).exit_code == 2


def test_an_unknown_plan_is_told_with_the_nearest(terminal):
    result = terminal("replay", "dmo")
    assert (result.exit_code, "did you mean 'demo'?" in result.stderr) == (1, True)


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit on files here")
def test_a_full_disk_while_the_report_is_written_leaves_nothing_half_written(terminal, tmp_path):
    code = (
        "import resource\nfrom openbell.cli import main\nimport sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))\n"
        f"sys.argv = ['openbell', 'replay', 'demo', *{RANGE!r}, '--out', {str(tmp_path / 'out')!r}]\nmain()"
    )
    env = {**os.environ, "OPENBELL_HOME": str(terminal.home), "OPENBELL_PLANS": str(terminal.plans)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env)
    assert (done.returncode, done.stderr) == (
        1,
        f"error: the report cannot be written to {tmp_path / 'out'}: File too large\n",
    )
    assert "Sharpe ratio" in done.stdout
    assert not (tmp_path / "out").exists()


def test_a_machine_that_asked_for_a_report_gets_it_or_an_error(terminal):
    result = terminal("replay", "demo", *RANGE, "--out", "/proc/nothing/here", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the report cannot be written to /proc/nothing/here" in result.stderr


def test_a_year_of_the_sample_is_replayed_in_the_blink_of_an_eye(terminal: Terminal):
    terminal.json("replay", "demo")
    began = time.process_time()
    terminal.json("replay", "demo")
    assert time.process_time() - began < 5


def test_a_range_outside_the_data_is_refused_with_the_side_that_it_broke(terminal, tmp_path):
    write_bars(tmp_path / "bars.parquet")
    feed = ("--feed", "files:path=bars.parquet")
    early = terminal("replay", "demo", *feed, "--from", "2011-11-01", OPENBELL_DATA=str(tmp_path))
    late = terminal("replay", "demo", *feed, "--from", "2013-04-02", OPENBELL_DATA=str(tmp_path))
    assert (early.exit_code, "start 2011-11-01 is before 2012-01-03, the first session" in early.stderr) == (1, True)
    assert (late.exit_code, "from 2013-04-02 is after 2013-03-28, the newest session" in late.stderr) == (1, True)


def test_without_a_range_a_short_history_is_replayed_as_far_as_it_goes(terminal, tmp_path):
    write_bars(tmp_path / "bars.parquet", "2013-01-02")
    words = ("replay", "demo", "--feed", "files:path=bars.parquet", "--json")
    found = json.loads(terminal(*words, OPENBELL_DATA=str(tmp_path)).stdout)
    assert (found["from"], found["to"]) == ("2013-01-02", "2013-03-28")


def test_X06_a_stored_run_is_decided_again_and_what_differs_is_told(filled):
    """The record of the fixture was written by hand, and holds no inputs that could lead to it."""
    found = filled("replay", "--run", "run-completed")
    assert (found.exit_code, "run run-completed" in found.output) == (1, True)
    unknown = filled("replay", "--run", "run-gone")
    assert (unknown.exit_code, "run-gone" in unknown.stderr, unknown.stderr.count("\n")) == (1, True, 1)


@pytest.mark.parametrize("broker", ["alpaca", "ibkr"])
def test_a_plan_for_a_real_broker_is_replayed_on_paper_and_says_so(terminal, broker):
    words = ("--set", f"account.broker={broker}", "--set", "mode=live")
    found = terminal.json("replay", "demo", *RANGE, *words)
    assert found["statistics"]["fills"] > 0
    assert Decimal(found["opening_cash"]) == 100_000
    assert any(broker in note and "replayed on a paper account" in note for note in found["notes"])
