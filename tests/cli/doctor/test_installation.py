"""openbell doctor: each line is ok, warning or failed for a reason, within its time, and without any secret."""

import socket
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from openbell.calendar.exchange import exchange
from openbell.cli.checks import installation, plans
from openbell.cli.checks.findings import ABOUT
from openbell.ports import Level
from openbell.store import open_journal
from openbell.values.condition import Condition
from openbell.values.plan import Plan
from tests.cli.doctor.looks import LONGEST, ibkr_plan, look, states
from tests.contracts.alpaca_venue import CANARY_SECRET

# --- all well ------------------------------------------------------------------------------------------------


def test_G05_all_is_well_and_every_kind_of_line_is_there(empty, prefect):
    lines = look(empty, prefect)
    bad = {name: line for name, line in lines.items() if line["state"] != "ok"}
    assert set(bad) == {"notify"}, bad
    assert ABOUT.keys() - lines.keys() == {"blocks"}
    assert list(lines) == [name for name in ABOUT if name in lines]


def test_G05_a_person_gets_a_table_and_an_exit_code(empty, prefect):
    told = empty("doctor", "demo", PREFECT_API_URL=prefect.url)
    assert told.exit_code == 0
    assert "0 failed, 1 warnings" in told.stdout
    prefect.heartbeat = None
    told = empty("doctor", "demo", PREFECT_API_URL=prefect.url)
    assert (told.exit_code, "systemctl start openbell-worker" in told.stdout) == (1, True)


def test_an_unknown_plan_is_one_line(empty):
    told = empty("doctor", "dmeo")
    assert (told.exit_code, "did you mean 'demo'" in told.stderr) == (1, True)


# --- the installation ----------------------------------------------------------------------------------------


def test_no_store_is_told_and_none_is_made(terminal, prefect):
    lines = look(terminal, prefect)
    assert lines["schema"]["state"] == "failed"
    assert "openbell migrate" in lines["schema"]["advice"]
    assert not (terminal.home / "openbell.db").exists()
    assert states(lines, "enabled", "slots") == ["warning", "warning"]


def test_a_store_of_another_version(empty, prefect, damaged):
    damaged(empty, "0001")
    assert states(look(empty, prefect), "schema") == ["failed"]


def test_a_store_with_a_damaged_page(filled, prefect):
    path = filled.home / "openbell.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'fills'").fetchone()
        (size,) = file.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 200)
    assert states(look(filled, prefect), "integrity") == ["failed"]


@pytest.mark.parametrize(("mode", "state"), [("paper", "warning"), ("live", "failed")])
def test_X18_a_store_that_others_can_open(empty, prefect, gateway, mode, state):
    empty.write(ibkr_plan(gateway.port, mode))
    (empty.home / "openbell.db").chmod(0o640)
    lines = look(empty, prefect)
    assert lines["permissions"]["state"] == state
    assert "chmod 600" in lines["permissions"]["detail"]


def test_H02_a_halt_is_told_with_the_way_out(empty, prefect):
    open_journal(empty.url).set_switch(Level.HALTED, "kim", "odd prices")
    line = look(empty, prefect)["switch"]
    assert (line["state"], "by kim: odd prices" in line["detail"]) == ("warning", True)
    assert "openbell resume" in line["advice"]


@pytest.mark.parametrize("bad", [{"sqlalchemy": "2.1.9"}, {"fastapi": "0.163.2"}, {"sqlalchemy": "3.0"}])
def test_M9_a_package_that_prefect_fails_with_is_named(bad):
    good = {"sqlalchemy": "2.0.58", "fastapi": "0.150.0"}
    (line,) = installation.versions(good)
    assert line.state is Condition.OK
    (line,) = installation.versions(good | bad)
    assert (line.state, next(iter(bad)) in line.detail) == (Condition.FAILED, True)


def test_an_unknown_variable_is_one_line_and_not_its_value(empty):
    lines = look(empty, OPENBELL_ALPACCA_KEY=CANARY_SECRET)
    assert states(lines, "settings", "schema") == ["failed", None]


# --- the broker ----------------------------------------------------------------------------------------------


# --- the plan ------------------------------------------------------------------------------------------------


def test_A07_a_plan_that_was_switched_off(empty, prefect):
    empty("disable", "demo", "--actor", "kim")
    assert "switched off by kim" in look(empty, prefect)["enabled"]["detail"]


def test_a_plan_that_cannot_run(empty, prefect):
    empty.write(empty.plan.replace("sma_crossover", "sma_crosover"))
    line = look(empty, prefect)["plan"]
    assert (line["state"], "demo.toml:" in line["detail"]) == ("failed", True)


@pytest.mark.parametrize(("days", "mode", "state"), [
    (31, "live", Condition.OK), (30, "live", Condition.WARNING), (30, "paper", Condition.WARNING),
    (8, "live", Condition.WARNING), (7, "live", Condition.FAILED), (7, "paper", Condition.WARNING),
    (-5, "live", Condition.FAILED),
])  # fmt: skip
def test_K10_the_end_of_the_calendar(days, mode, state):
    plan = Plan.model_validate(
        {"name": "p", "mode": mode, "universe": ["AAPL"], "strategies": [{"use": "buy_and_hold"}]}
    )
    now = datetime.combine(exchange("XNYS").last, datetime.min.time(), UTC) + timedelta(hours=15) - timedelta(days=days)
    assert plans.calendar(plan, now).state is state


def test_a_feed_that_lacks_a_symbol_and_one_that_has_none(empty, prefect):
    empty.write(empty.plan.replace('"IBM"]', '"IBM", "NOSUCH"]'))
    line = look(empty, prefect)["feed"]
    assert (line["state"], "NOSUCH" in line["detail"]) == ("warning", True)
    empty.write(empty.plan.replace('"AAPL", "MSFT", "IBM"', '"NOSUCH"'))
    assert states(look(empty, prefect), "feed") == ["failed"]


def test_a_target_without_an_address(empty, prefect):
    target = '[notify]\ntargets = [{ to = "env:OPENBELL_NOTIFY_OPS" }]\n'
    empty.write(empty.plan.replace("[account]", f"{target}[account]", 1))
    line = look(empty, prefect)["notify"]
    assert (line["state"], "OPENBELL_NOTIFY_OPS" in line["detail"]) == ("failed", True)
    well = look(empty, prefect, OPENBELL_NOTIFY_OPS=f"tgram://123456789:{'x' * 35}/12345")
    assert well["notify"]["state"] == "ok", well["notify"]


# --- Prefect -------------------------------------------------------------------------------------------------


def test_no_server_is_named(empty):
    lines = look(empty)
    assert states(lines, "server", "deployments") == ["failed", "warning"]
    assert "PREFECT_API_URL" in lines["server"]["advice"]


def test_the_active_profile_names_the_server(empty, prefect):
    profile = f'active = "desk"\n[profiles.desk]\nPREFECT_API_URL = "{prefect.url}"\n'
    (empty.home / "profiles.toml").write_text(profile)
    assert states(look(empty), "server", "schedule") == ["ok", "ok"]


@pytest.mark.parametrize("manner", ["401", "500", "html", "half", "hang", "list"])
def test_a_server_that_is_none(empty, prefect, manner):
    prefect.manner = manner
    before = time.monotonic()
    lines = look(empty, prefect)
    assert time.monotonic() - before < LONGEST
    assert states(lines, "server", "deployments") == ["failed", "warning"]


def test_nothing_listens_where_the_server_should_be(empty):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        lines = look(empty, f"http://127.0.0.1:{taken.getsockname()[1]}/api")
    assert states(lines, "server") == ["failed"]


def test_M9_S14_schedules_that_never_fire_are_found_although_the_server_looks_well(empty, prefect):
    prefect.runs.clear()
    lines = look(empty, prefect)
    assert states(lines, "server", "deployments", "schedule") == ["ok", "ok", "failed"]
    assert "no run is scheduled of demo-trade" in lines["schedule"]["detail"]
    assert "SQLAlchemy 2.1" in lines["schedule"]["advice"]


def test_S14_runs_that_nobody_starts(empty, prefect):
    prefect.schedule("trade", timedelta(seconds=-50))
    assert states(look(empty, prefect), "late") == ["ok"]
    prefect.schedule("trade", timedelta(minutes=-5))
    line = look(empty, prefect)["late"]
    assert (line["state"], "1 run late, the first of demo-trade" in line["detail"]) == ("failed", True)


@pytest.mark.parametrize("facts", [{"paused": True}, {"schedules": []}, {"schedules": [{"active": False}]}])
def test_a_deployment_that_is_paused(empty, prefect, facts):
    prefect.deployments[0].update(facts)
    line = look(empty, prefect)["deployments"]
    assert (line["state"], "trade (demo-trade)" in line["detail"]) == ("failed", True)


@pytest.mark.parametrize(("job", "state"), [("trade", "failed"), ("alerts", "warning")])
def test_a_job_without_a_deployment(empty, prefect, job, state):
    prefect.deployments = [row for row in prefect.deployments if row["id"] != f"id-{job}"]
    line = look(empty, prefect)["deployments"]
    assert (line["state"], f"no deployment for {job}" in line["detail"]) == (state, True)


@pytest.mark.parametrize("ago", [None, timedelta(minutes=2)])
def test_X11_a_worker_that_is_gone(empty, prefect, ago):
    prefect.heartbeat = None if ago is None else datetime.now(UTC) - ago
    assert states(look(empty, prefect), "worker") == ["failed"]


def test_a_pool_that_was_left_paused_is_told_with_the_command_that_ends_it(empty, prefect):
    prefect.paused = True
    line = look(empty, prefect)["worker"]
    assert (line["state"], line["detail"]) == ("failed", "pool openbell is paused: nothing starts, exits neither")
    assert "openbell-drain --pool openbell --resume" in line["advice"]


def test_a_block_that_is_not_saved(empty, prefect):
    block = 'block = "openbell-paper-account/book"'
    empty.write(empty.plan.replace('name = "book"', f'name = "book"\n{block}'))
    assert states(look(empty, prefect), "blocks") == ["failed"]
    prefect.blocks.add("openbell-paper-account/book")
    lines = look(empty, prefect)
    assert states(lines, "blocks", "broker") == ["ok", "warning"]


# --- secrets -------------------------------------------------------------------------------------------------
