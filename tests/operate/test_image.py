"""The image: the steps of the Dockerfile in order, in empty folders, and what the result can do."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from deployments import healthy
from deployments.local import LocalPrefect, local_prefect
from tests.operate.cluster import ROOT
from tests.operate.dockerfile import Build, Stage, steps, works
from tests.operate.staged import uv

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("image"), pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Every step was done."""
    cache = subprocess.run([uv(), "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    path = f"{uv().parent}:/usr/local/bin:/usr/bin:/bin"
    made = Build(
        ROOT, tmp_path_factory.mktemp("image"), {"UV_CACHE_DIR": cache, "UV_PYTHON": sys.executable, "PATH": path}
    )
    made.run(ROOT / "Dockerfile")
    return made


@pytest.fixture(scope="module")
def image(build: Build) -> Stage:
    """The last stage."""
    return build.stages[-1]


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPrefect]:
    """A server with deployments and no worker."""
    home = tmp_path_factory.mktemp("prefect")
    with local_prefect(home / "server", home / "store", worker=False, fill=LocalPrefect.deploy) as local:
        yield local


def site(image: Stage) -> Path:
    (found,) = image.at("/opt/openbell/lib").glob("python3.*/site-packages")
    return found


def test_only_what_needs_a_registry_or_root_was_stood_in_for(build: Build) -> None:
    (pinned,) = re.findall(r"^UV_VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert build.stood_in == [f"uv=={pinned}", "useradd"]
    assert [stage.base for stage in build.stages] == ["python:3.12-slim-bookworm"] * 2


def test_the_image_runs_as_a_numbered_user_who_is_not_root(image: Stage) -> None:
    assert int(image.user) > 0
    assert f"--uid {image.user} " in image.last("RUN").words
    assert image.steps.index(image.last("USER")) > image.steps.index(image.last("RUN"))


def test_the_last_stage_builds_nothing_and_has_nothing_to_build_with(image: Stage) -> None:
    ran = [step.words.split()[0] for step in image.steps if step.verb == "RUN"]
    assert ran == ["useradd"]
    inside = {path.name for path in image.at("/opt/openbell/bin").iterdir()} | {
        path.name for path in site(image).iterdir()
    }
    assert not inside & {"uv", "pip", "setuptools", "hatchling", "mypy", "ruff", "hypothesis", "gcc", "cc"}
    assert not image.at("/src").exists()


def test_every_package_is_in_the_image_with_its_files(image: Stage) -> None:
    for name in ("openbell/py.typed", "flows/trade.py", "tasks", "blocks", "deployments/plans/demo.toml"):
        assert (site(image) / name).exists(), name
    for name in ("alerts/demo.toml", "docker/work-pool.json", "kubernetes/work-pool.json", "systemd/openbell.env"):
        assert (site(image) / "deployments" / name).exists(), name
    assert not list(site(image).glob("deployments/**/*.db"))


def test_nothing_that_is_not_copied_is_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for step in steps(ROOT / "Dockerfile") if step.verb == "COPY" for word in step.words.split()[:-1]}
    assert sent == {word for word in copied if not word.startswith(("--", "/"))}


def test_the_command_and_the_check_of_the_image_are_there(image: Stage, tmp_path: Path) -> None:
    for verb in ("CMD", "HEALTHCHECK"):
        words = image.last(verb).words
        command = image.last(verb).listed() if verb == "CMD" else json.loads(words[words.index("[") :])
        assert command[:2] == ["python", "-m"]
        done = works([*command[:2], "pydoc", command[2]], image, tmp_path)
        assert done.returncode == 0, done.stderr
    done = works(["python", "-m", "deployments.worker", "--help"], image, tmp_path)
    assert "may join" in done.stdout


def test_a_run_is_executed_from_an_empty_folder_with_the_installed_package_alone(
    image: Stage, prefect: LocalPrefect, tmp_path: Path
) -> None:
    api = f"{prefect.url}/api"
    of = httpx.get(f"{api}/deployments/name/trade/demo", timeout=20).json()["id"]
    body = {"state": {"type": "PENDING"}}
    run = httpx.post(f"{api}/deployments/{of}/create_flow_run", json=body, timeout=20).json()["id"]
    (tmp_path / "empty").mkdir()
    asked = {"PREFECT_API_URL": api, "PREFECT__FLOW_RUN_ID": run}
    done = works(["prefect", "flow-run", "execute"], image, tmp_path / "empty", **asked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert httpx.get(f"{api}/flow_runs/{run}", timeout=20).json()["state"]["type"] == "COMPLETED"
    assert list((tmp_path / "empty").iterdir()) == []
    history = works(["openbell", "history"], image, tmp_path / "empty")
    assert "trade" in history.stdout
    assert image.at("/var/lib/openbell/openbell.db").exists()


# --- the health check ----------------------------------------------------------------------------------------------


class Answering(HTTPServer):
    """Answers every question with one status."""

    status = 200


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """What a worker or a server answers with, on its port."""
    server = Answering(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("PREFECT_WORKER_WEBSERVER_PORT", "PREFECT_SERVER_API_PORT"):
        monkeypatch.setenv(name, str(server.server_port))
    yield server
    server.shutdown()
    server.server_close()


#: What the first process of a container is: an init with the command that it was given, or what the command became.
INIT = ["/sbin/docker-init", "--", "python", "-m"]
WORKER = [*INIT, "deployments.worker", "--host", "containers"]
SERVER = [*INIT, "deployments.server", "--no-services", "--host", "0.0.0.0", "--private-network"]
BECAME_WORKER = ["/opt/openbell/bin/python", "-m", "prefect", "worker", "start", "--pool", "openbell"]
BECAME_SERVER = ["/opt/openbell/bin/python", "-m", "prefect", "server", "start", "--no-services"]


@pytest.mark.parametrize("words", [WORKER, SERVER, BECAME_WORKER, BECAME_SERVER])
@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_a_container_is_as_healthy_as_what_it_runs(
    endpoint: Answering, words: list[str], status: int, code: int
) -> None:
    endpoint.status = status
    assert healthy.main(words) == code


def test_a_worker_that_does_not_answer_is_unhealthy(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("PREFECT_WORKER_WEBSERVER_PORT", "1")
    assert healthy.main(WORKER) == 1
    assert "http://127.0.0.1:1/health does not answer" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["prefect", "flow-run", "execute"], ["prefect", "server", "services", "start"], []])
def test_a_command_that_answers_nobody_is_left_alone(words: list[str]) -> None:
    assert healthy.main(words) == 0
