"""The compose file: its form, what each service refers to and runs, and that it says what several hosts say."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import prefect.settings
import pytest
import yaml

from deployments import server
from openbell.settings import PREFIX, Settings
from tests.operate.cluster import ROOT, shared

SECRETS = {"POSTGRES_PASSWORD": "0123abcd", "PREFECT_PASSWORD": "4567efab"}
_ASKED = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "compose.yaml").read_text()


@pytest.fixture(scope="module")
def composed(text: str) -> dict[str, Any]:
    """The file with its variables, as `docker compose config` reads it."""
    return yaml.safe_load(_ASKED.sub(lambda asked: SECRETS.get(asked[1], asked[2]), text))


def ours(composed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that run the image."""
    return {name: service for name, service in composed["services"].items() if service.get("build")}


def test_the_form_is_that_of_the_specification() -> None:
    """The schema of compose-spec (Apache-2.0), as check-jsonschema carries it."""
    command = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, ROOT / "compose.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_whatever_a_service_refers_to_is_there(composed: dict[str, Any]) -> None:
    services = composed["services"]
    for name, service in services.items():
        assert set(service["networks"]) <= set(composed["networks"])
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (ROOT / source).is_dir() if source.startswith(".") else source in composed["volumes"], volume
        for other, how in service.get("depends_on", {}).items():
            waits_for_end = how["condition"] == "service_completed_successfully"
            assert waits_for_end == (services[other]["restart"] == "no"), f"{name} on {other}"


def test_servers_workers_databases_and_the_demo_plan_are_there(composed: dict[str, Any]) -> None:
    assert set(composed["services"]) >= {
        "postgres",
        "redis",
        "migrate",
        "api",
        "services",
        "publish",
        "worker",
        "watchdog",
    }
    assert (ROOT / "deployments/docker/initdb/prefect.sql").read_text().count("CREATE DATABASE prefect;") == 1
    assert (ROOT / "deployments/plans/demo.toml").exists()


def test_X07_nothing_is_reached_from_beyond_this_machine(composed: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in composed["services"].items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:4200:4200"]}
    assert not [service for service in composed["services"].values() if "network_mode" in service]


@pytest.mark.parametrize(("password", "code"), [("openbell:0123", 0), ("", 1)])
def test_X07_the_command_of_the_api_refuses_to_start_without_a_password(
    composed: dict[str, Any], password: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("PREFECT_SERVER_API_HOST", "127.0.0.1")  # undone afterwards, whatever the command sets
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", password)
    python, dash, module, *options = composed["services"]["api"]["command"]
    assert (python, dash, module) == ("python", "-m", "deployments.server")
    assert server.main([*options, "--check"]) == code
    assert ("set PREFECT_SERVER_API_AUTH_STRING" in capsys.readouterr().err) == bool(code)


def test_passwords_come_from_outside_and_compose_stops_without_them(text: str) -> None:
    asked = {name: (how or "") for name, how in _ASKED.findall(text)}
    assert set(asked) == {*SECRETS, "IMAGE"}
    for name in SECRETS:
        assert f"${{{name}:?" in text
    assert not [line for line in text.splitlines() if "PASSWORD:" in line and "${" not in line]


def test_containers_have_no_rights_that_they_do_not_need(composed: dict[str, Any]) -> None:
    for name, service in ours(composed).items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service
        assert "user" not in service, "the image's own"


def test_images_of_others_are_pinned_to_a_major_version(composed: dict[str, Any]) -> None:
    images = {name: service["image"] for name, service in composed["services"].items() if "build" not in service}
    assert set(images) == {"postgres", "redis"}
    assert all(re.fullmatch(r"\w+:\d+-bookworm", image) for image in images.values())


def test_settings_are_known_and_those_of_several_hosts(composed: dict[str, Any]) -> None:
    told = composed["services"]["worker"]["environment"]
    for name in told:
        if name.startswith(PREFIX):
            assert name.removeprefix(PREFIX).lower() in Settings.model_fields
        else:
            known = getattr(prefect.settings, name, None) is not None
            assert known or name == "DO_NOT_TRACK" or name.startswith("PREFECT_REDIS_"), name
    hosts = shared("postgresql://store", "postgresql://prefect", "redis://redis")
    assert set(hosts) <= set(told)
    same = {name for name, value in hosts.items() if "://" not in value}
    assert {name: told[name] for name in same} == {name: hosts[name] for name in same}


def test_all_of_openbell_uses_one_image_with_one_environment(composed: dict[str, Any]) -> None:
    services = ours(composed).values()
    assert len({str((service["image"], service["environment"], service["volumes"])) for service in services}) == 1


@pytest.mark.parametrize("name", ["migrate", "api", "services", "publish", "worker", "watchdog"])
def test_the_command_of_a_service_can_be_understood(composed: dict[str, Any], name: str) -> None:
    command = composed["services"][name]["command"]
    each = [part.split() for part in command[2].split("&&")] if command[0] == "sh" else [command]
    for words in each:
        options = [word for word in words if word.startswith("--")]
        verbs = words[: words.index(options[0])] if options else [word for word in words if word != "-y"]
        done = subprocess.run(
            [Path(sys.executable).parent / verbs[0], *verbs[1:], "--help"],
            capture_output=True, text=True, cwd=ROOT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert all(option in done.stdout for option in options), done.stdout
