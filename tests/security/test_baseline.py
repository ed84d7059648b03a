"""The security baseline: no pickle, loopback, locked and audited dependencies, safe reading of what is persisted."""

import ast
import os
import pickle
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deployments.local import PROFILE
from openbell.binding import check_bind, check_prefect, is_loopback
from openbell.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("openbell", "flows", "tasks", "blocks", "deployments")
SOURCES = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
#: What runs code that it reads, or keeps objects in a form that does.
DANGEROUS = {"pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal", "joblib"}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def called(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_X10_no_module_of_ours_imports_a_pickler():
    assert len(SOURCES) > 200
    assert {str(path): found for path in SOURCES if (found := DANGEROUS & set(imported(path)))} == {}


def test_X10_nothing_of_ours_evaluates_text_or_loads_objects_from_files():
    wrong = {"eval", "exec", "compile", "pd.read_pickle", "yaml.load", "yaml.unsafe_load"}
    found = {str(path): bad for path in SOURCES if (bad := wrong & set(called(path)))}
    assert found == {}


def test_X10_numpy_is_never_allowed_to_read_a_pickle():
    allowed = re.compile(r"allow_pickle\s*=\s*(?!False)")
    assert [str(path) for path in SOURCES if allowed.search(path.read_text())] == []


def test_X10_the_search_itself_finds_one(tmp_path):
    path = tmp_path / "x.py"
    path.write_text("import pickle\nfrom cloudpickle import dumps\neval('1')\n")
    assert set(imported(path)) == {"pickle", "cloudpickle"}
    assert "eval" in set(called(path))


def test_X10_every_flow_and_task_persists_results_as_json_or_not_at_all():
    from prefect import Flow, Task

    found = []
    for path in (*(ROOT / "flows").glob("*.py"), *(ROOT / "tasks").glob("*.py")):
        module = __import__(f"{path.parent.name}.{path.stem}", fromlist=["_"])
        found += [item for item in vars(module).values() if isinstance(item, (Flow, Task))]
    assert len(found) > 10
    for item in found:
        assert item.persist_result is False or str(item.result_serializer) in ("json", "JSONSerializer"), item.name


def test_X10_a_pickle_in_the_place_of_a_panel_is_never_loaded(tmp_path):
    from openbell.errors import StoreError
    from openbell.store import frames

    class Canary:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "loaded"),)

    header = '{"symbols":["A"],"bars":1,"timeframe":"1d","provider":"x","adjustment":"raw","codec":"zstd","size":48}'
    with pytest.raises(StoreError):
        frames.unpack("0" * 64, header, pickle.dumps(Canary()))
    assert not (tmp_path / "loaded").exists()


def test_X11_yaml_that_constructs_objects_is_read_by_nobody():
    wanted = {"yaml", "ruamel"}
    found = {str(path.relative_to(ROOT)) for path in SOURCES if wanted & set(imported(path))}
    unsafe = [path for path in found if re.search(r"yaml\.(load|unsafe_load|full_load)\(", (ROOT / path).read_text())]
    assert unsafe == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "198.51.100.7", "bell.example.org"])
@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({}, ("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_URL")),
        ({"PREFECT_SERVER_API_AUTH_STRING": "admin:pass"}, ("PREFECT_API_URL",)),
        ({"PREFECT_API_URL": "https://bell.example.org/api"}, ("PREFECT_SERVER_API_AUTH_STRING",)),
        ({"PREFECT_SERVER_API_AUTH_STRING": "a:b", "PREFECT_API_URL": "http://x/api"}, ("PREFECT_API_URL",)),
    ],
)
def test_X07_the_prefect_server_does_not_start_beyond_this_machine_unprotected(host, variables, missing):
    env = {**os.environ, "PREFECT_SERVER_API_HOST": host, "PREFECT_API_URL": "", **variables}
    with pytest.raises(InputError) as caught:
        check_prefect(env)
    assert all(name in str(caught.value) for name in missing)
    assert "admin:pass" not in str(caught.value)


def test_X07_what_starts_the_server_refuses_it_too():
    env = {**os.environ, "PREFECT_SERVER_API_HOST": "0.0.0.0"}
    env.pop("PREFECT_SERVER_API_AUTH_STRING", None)
    command = [sys.executable, "-m", "deployments.server"]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "beyond this machine" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost", "127.3.2.1"])
def test_X07_on_this_machine_it_starts_without(host):
    check_bind(host, "it", "a password", "TLS")


def test_X07_with_both_it_may_listen_anywhere():
    protected = {"PREFECT_SERVER_API_AUTH_STRING": "a:b", "PREFECT_API_URL": "https://bell.example.org/api"}
    assert check_prefect({**protected, "PREFECT_SERVER_API_HOST": "0.0.0.0"}) == "0.0.0.0"


@pytest.mark.parametrize("host", ["127.0.0.1.example.org", "localhost.example.org", "", "0", "2130706433", "10.0.0.1"])
def test_X07_a_name_that_only_looks_like_this_machine_does_not_count(host):
    assert not is_loopback(host)


def test_X13_every_locked_package_has_a_hash_and_prefect_is_past_its_known_holes():
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    files = {
        package["name"]: (*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ()))
        for package in lock["package"]
        if "registry" in package["source"]
    }
    assert len(files) > 100
    assert [
        name for name, of in files.items() if not of or any("sha256:" not in one.get("hash", "") for one in of)
    ] == []
    (prefect,) = [package["version"] for package in lock["package"] if package["name"] == "prefect"]
    assert tuple(map(int, prefect.split("."))) >= (3, 6, 28)


def test_X13_the_lock_is_what_pyproject_asks_for():
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    (ours,) = [package for package in lock["package"] if package["name"] == "openbell"]
    locked = {dependency["name"] for dependency in ours["dependencies"]}
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[<>=!~\[ ]", line, maxsplit=1)[0].lower().replace("_", "-") for line in asked}
    assert names == locked


def test_retention_of_prefect_is_set_where_servers_are_started():
    for name in ("VACUUM_ENABLED", "VACUUM_RETENTION_PERIOD"):
        assert f"PREFECT_SERVER_SERVICES_DB_{name}" in PROFILE
    script = (
        "from prefect.settings import get_current_settings as s; v = s().server; w = v.services.db_vacuum; "
        "print(w.retention_period.days, sorted(w.enabled), v.events.retention_period.days)"
    )
    env = {**os.environ, **PROFILE}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "30 ['events', 'flow_runs'] 7"
