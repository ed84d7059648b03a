"""The installation of one host: what is put where, what the units say, and that their own commands work."""

import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import prefect.settings
import pytest

from deployments.local import PROFILE
from deployments.publish_deployments import LIVE_POOL
from deployments.service import environment
from tests import servers
from tests.operate.cluster import ROOT
from tests.operate.staged import Vm
from tests.servers import until

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("vm"), pytest.mark.timeout(420)]
UNITS = ("server", "worker", "watchdog", "worker-live", "api", "services")


@pytest.fixture(scope="module")
def vm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vm]:
    """A host that was installed and not started."""
    made = Vm(tmp_path_factory.mktemp("vm"))
    yield made
    shutil.rmtree(made.root / "opt")


@pytest.fixture(scope="module")
def running(vm: Vm) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The commands of the units, started as systemd starts them."""
    assert vm.run("openbell", "migrate").returncode == 0
    started = {
        "server": vm.start("server"),
        "worker": vm.start("worker"),
        "watchdog": vm.start("watchdog", "--port", "0"),
    }
    try:
        until(lambda: "Worker " in (vm.root / "worker.log").read_text(), 180)
        yield started
    finally:
        for process in started.values():
            process.kill()
            process.wait()


def ask(vm: Vm, verb: str, path: str, body: Any = None) -> Any:
    return servers.ask(vm.url, verb, path, body, vm.password)


def deployment(vm: Vm, flow: str) -> str:
    flow_id = ask(vm, "POST", "flows/", {"name": flow})["id"]
    body = {"name": "vm", "flow_id": flow_id, "entrypoint": f"flows.{flow}.{flow}", "pull_steps": []}
    return str(
        ask(vm, "POST", "deployments/", {**body, "work_pool_name": "openbell", "parameters": {"plan": "demo"}})["id"]
    )


def run_of(vm: Vm, of: str, state: str = "SCHEDULED") -> str:
    return str(ask(vm, "POST", f"deployments/{of}/create_flow_run", {"state": {"type": state}})["id"])


def state_of(vm: Vm, run: str) -> str:
    return str(ask(vm, "GET", f"flow_runs/{run}")["state"]["type"])


# --- what is put where -----------------------------------------------------------------------------------------


def test_passwords_are_fresh_and_for_root_alone(vm: Vm) -> None:
    assert stat.S_IMODE(vm.settings.stat().st_mode) == 0o600
    assert "@" not in vm.text
    assert len(vm.password[1]) >= 32
    assert environment(vm.text)["PREFECT_SERVER_API_AUTH_STRING"] == ":".join(vm.password)


def test_a_second_installation_leaves_settings_plans_and_the_running_release_alone(vm: Vm) -> None:
    plan = vm.root / "etc/openbell/plans/demo.toml"
    before, link = vm.settings.read_bytes(), (vm.root / "opt/openbell/current").readlink()
    plan.write_text(plan.read_text() + "\n# mine\n")
    files = {path: path.stat().st_ctime_ns for path in link.rglob("*.py")}
    assert "It waits" not in vm.install(), "this is the release that runs"
    assert {path: path.stat().st_ctime_ns for path in link.rglob("*.py")} == files
    assert vm.settings.read_bytes() == before
    assert plan.read_text().endswith("# mine\n")
    assert (vm.root / "opt/openbell/current").readlink() == link


def test_the_release_has_every_package_with_its_files_and_no_tools(vm: Vm) -> None:
    (site,) = (vm.root / "opt/openbell/current/lib").glob("python3.*/site-packages")
    for name in ("openbell", "flows", "tasks", "blocks", "deployments/plans/demo.toml", "deployments/alerts/demo.toml"):
        assert (site / name).exists(), name
    for name in ("deployments/systemd/openbell-worker.service", "openbell/store/migrations", "openbell/py.typed"):
        assert (site / name).exists(), name
    assert not (site / "mypy").exists()
    assert not (site / "hypothesis").exists()


def test_the_release_is_this_checkout_and_no_older_build_of_it(vm: Vm) -> None:
    """uv takes a build from its cache for as long as pyproject.toml stays as it is, whatever else has changed."""
    (site,) = (vm.root / "opt/openbell/current/lib").glob("python3.*/site-packages")
    for package in ("openbell", "flows", "tasks", "blocks", "deployments"):
        here, there = (
            {path.relative_to(root): path.read_bytes() for path in (root / package).rglob("*.py")}
            for root in (ROOT, site)
        )
        assert here == there, package


def test_settings_are_the_measured_ones(vm: Vm) -> None:
    told = environment(vm.text)
    differ = {"PREFECT_WORKER_QUERY_SECONDS"}  # a demo must not wait for its worker
    assert {name: told[name] for name in PROFILE if name not in differ} == {
        name: value for name, value in PROFILE.items() if name not in differ
    }
    assert set(told["PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"].split(",")) == {"events", "flow_runs"}
    assert told["PREFECT_SERVER_API_HOST"] == told["PREFECT_WORKER_WEBSERVER_HOST"] == "127.0.0.1"


def test_every_setting_is_known_to_openbell_and_to_prefect(vm: Vm) -> None:
    for name in environment(vm.text):
        if name.startswith("PREFECT_"):
            assert getattr(prefect.settings, name).name == name
    assert vm.run("openbell", "plans").returncode == 0


def test_X12_a_command_of_root_imports_nothing_from_the_folder_that_it_is_given_in(vm: Vm, tmp_path: Path) -> None:
    (tmp_path / "deployments").mkdir()
    for name in ("__init__", "service"):
        (tmp_path / f"deployments/{name}.py").write_text("raise SystemExit(7)")
    command = [vm.root / "usr/local/bin/openbell-env", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.startswith("usage: openbell-env [--live]")) == (2, True)


# --- the units -------------------------------------------------------------------------------------------------


def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("no systemd-analyze here (apt-get install systemd)")
    return found


def test_systemd_takes_the_units_as_they_are(vm: Vm) -> None:
    units = sorted((vm.root / "etc/systemd/system").glob("*.service"))
    assert len(units) == len(UNITS)
    done = subprocess.run([analyze(), "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_exposed_as_little_as_it_can_be(vm: Vm, name: str) -> None:
    path = vm.root / f"etc/systemd/system/openbell-{name}.service"
    command = [analyze(), "security", "--offline=true", "--threshold=20", "--no-pager", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_has_a_user_a_restart_policy_and_limits_of_its_own(vm: Vm, name: str) -> None:
    unit = vm.unit(name)
    assert (unit["NoNewPrivileges"], unit["ProtectHome"]) == ("true", "true")
    assert unit["User"] == unit["Group"] == ("openbell-live" if name == "worker-live" else "openbell")
    assert (unit["ProtectSystem"], unit["Restart"]) == ("strict", "always")
    assert {"MemoryMax", "TasksMax", "LimitNOFILE", "TimeoutStopSec"} <= set(unit)
    assert unit["EnvironmentFile"] == str(vm.settings.with_name("live.env") if name == "worker-live" else vm.settings)


def test_the_units_for_several_hosts_run_what_was_tried_with_several_hosts(vm: Vm) -> None:
    server, api, services = (dict(vm.unit(name)) for name in ("server", "api", "services"))
    assert api.pop("ExecStart").endswith("-m deployments.server --no-services")
    assert services.pop("ExecStart").endswith("opt/openbell/current/bin/prefect server services start")
    server.pop("ExecStart")
    assert server == api == services


def test_live_plans_have_a_worker_of_their_own_that_differs_in_user_home_pool_and_keys_alone(vm: Vm) -> None:
    paper, live = dict(vm.unit("worker")), dict(vm.unit("worker-live"))
    started = paper.pop("ExecStart").split()
    expected = [*started[:5], "--label", "live", "--pool", LIVE_POOL, "--one-store", *started[5:]]
    assert live.pop("ExecStart").split() == expected
    assert (live.pop("EnvironmentFile"), paper.pop("EnvironmentFile")) == (
        str(vm.settings.with_name("live.env")),
        str(vm.settings),
    )
    for key in ("User", "Group", "WorkingDirectory", "StateDirectory"):
        assert live.pop(key) == paper.pop(key) + "-live"
    assert live == paper


def test_what_the_live_worker_has_is_closed_to_every_other_service(vm: Vm) -> None:
    """Its file is root's, its home its user's; the settings of the others name neither."""
    file, home = vm.settings.with_name("live.env"), vm.root / "var/lib/openbell-live"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, home)] == [0o600, 0o700]
    live, others = environment(file.read_text()), environment(vm.text)
    assert {name for name in live if "HOME" in name or "DATA" in name} == {
        "OPENBELL_HOME", "OPENBELL_DATA", "PREFECT_HOME"
    }  # fmt: skip
    assert all(str(home) in live[name] for name in live if not name.endswith("PORT"))
    assert not [name for name in others if name.endswith(("_KEY", "_KEY_ID"))]
    assert not [name for name, value in others.items() if "-live" in value]
    assert live["PREFECT_WORKER_WEBSERVER_PORT"] != others["PREFECT_WORKER_WEBSERVER_PORT"]


# --- their commands ----------------------------------------------------------------------------------------------


def test_the_server_answers_this_machine_and_only_with_the_password(vm: Vm, running: object) -> None:
    assert httpx.post(f"{vm.url}/api/deployments/filter", json={}, timeout=20).status_code == httpx.codes.UNAUTHORIZED
    assert ask(vm, "POST", "work_pools/filter", {})[0]["name"] == "openbell"


def test_the_ui_is_served_from_where_the_service_may_write(vm: Vm, running: object) -> None:
    page = httpx.get(vm.url, follow_redirects=True, timeout=20)
    assert (page.status_code, "<html" in page.text.lower()) == (200, True)
    assert (vm.root / "var/lib/openbell/ui/v2/index.html").exists()


def test_a_run_goes_through_the_worker_of_the_unit(vm: Vm, running: object) -> None:
    run = run_of(vm, deployment(vm, "trade"))
    until(lambda: state_of(vm, run) in {"COMPLETED", "FAILED", "CRASHED"}, 90)
    assert state_of(vm, run) == "COMPLETED"
    assert "trade" in vm.run("openbell", "history").stdout


def test_the_watchdog_works_on_the_same_store(vm: Vm, running: object) -> None:
    until(lambda: "watching all plans" in (vm.root / "watchdog.log").read_text(), 60)
    assert vm.run("openbell", "health").returncode in (0, 1)
    assert "Traceback" not in (vm.root / "watchdog.log").read_text()


# --- the drain -----------------------------------------------------------------------------------------------------


def test_a_drain_waits_for_what_runs_and_starts_nothing_more(vm: Vm, running: object) -> None:
    made = deployment(vm, "recover")
    first = run_of(vm, made)
    until(lambda: state_of(vm, first) in {"PENDING", "RUNNING"}, 60)
    done = vm.run("openbell-drain", "--seconds", "60")
    assert done.returncode == 0, done.stderr
    assert "is paused and nothing runs" in done.stdout
    assert state_of(vm, first) == "COMPLETED"
    waiting = run_of(vm, made)
    time.sleep(8)
    assert state_of(vm, waiting) == "SCHEDULED"
    assert vm.run("openbell-drain", "--resume").returncode == 0
    until(lambda: state_of(vm, waiting) == "COMPLETED", 90)


def test_a_drain_that_takes_too_long_names_what_still_runs(vm: Vm, running: object) -> None:
    stuck = run_of(vm, deployment(vm, "recover"), "RUNNING")
    name = ask(vm, "GET", f"flow_runs/{stuck}")["name"]
    done = vm.run("openbell-drain", "--seconds", "1")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {name} still ran after 1 s; pool openbell stays paused")
    end = {"state": {"type": "CRASHED"}, "force": True}
    threading.Timer(2, lambda: ask(vm, "POST", f"flow_runs/{stuck}/set_state", end)).start()
    assert vm.run("openbell-drain", "--seconds", "60").returncode == 0
    assert vm.run("openbell-drain", "--resume").returncode == 0


def test_a_drain_of_a_pool_that_is_not_there_says_so(vm: Vm, running: object) -> None:
    done = vm.run("openbell-drain", "--pool", "opnbell")
    assert (done.returncode, done.stderr) == (
        1,
        "error: there is no work pool 'opnbell'; `prefect work-pool ls` lists them\n",
    )


def test_each_service_stops_in_the_time_that_its_unit_gives(
    vm: Vm, running: dict[str, subprocess.Popen[bytes]]
) -> None:
    for name in ("watchdog", "worker", "server"):
        running[name].send_signal(signal.SIGTERM)
        running[name].wait(timeout=int(vm.unit(name)["TimeoutStopSec"]))


def test_a_drain_without_a_server_is_told_in_one_line(vm: Vm) -> None:
    command = [sys.executable, "-m", "deployments.drain", "--patience", "0"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PREFECT_API_URL": "http://127.0.0.1:1/api", "PREFECT_HOME": str(vm.root / "nobody"), "PATH": "/usr/bin"},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: Prefect does not answer")
    assert "Traceback" not in done.stderr
