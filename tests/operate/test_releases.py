"""The releases and commands of a host, without installing one: from one to the next and back, and what is refused."""

import os
import pwd
import shutil
from pathlib import Path

import pytest

from deployments import service
from deployments import vm as installer


def releases(root: Path, *names: str) -> None:
    for name in names:
        (root / "opt/openbell/releases" / name).mkdir(parents=True)


def test_S20_services_go_to_another_release_and_back_in_one_step(tmp_path: Path, capsys) -> None:
    releases(tmp_path, "1.0-a", "1.1-b")
    current = tmp_path / "opt/openbell/current"
    for name, expected in (("1.0-a", "1.0-a"), ("1.1-b", "1.1-b"), ("previous", "1.0-a"), ("previous", "1.1-b")):
        assert installer.main(["--root", str(tmp_path), "use", name]) == 0
        assert current.resolve().name == expected
    assert installer.main(["--root", str(tmp_path), "use", "1.2-c"]) == 1
    assert capsys.readouterr().err == "error: there is no release '1.2-c'; there are 1.0-a, 1.1-b\n"
    assert current.resolve().name == "1.1-b"


def test_an_installation_without_uv_is_told_in_one_line(tmp_path: Path, capsys) -> None:
    assert installer.main(["--root", str(tmp_path), "install", "--uv", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith(f"error: there is no uv at {tmp_path / 'none'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("psql") is None, reason="needs root and psql")
def test_a_postgresql_that_does_not_answer_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("PGPORT", "1")  # where nobody listens
    assert installer.main(["databases"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: PostgreSQL does not answer (psql: error: connection to server on socket")
    assert "systemctl start postgresql" in told
    assert told.count("\n") == 1


def test_a_command_on_a_host_is_answered_for_by_who_called_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "anna")
    assert service.caller() == "anna"
    monkeypatch.delenv("SUDO_USER")
    assert service.caller() == pwd.getpwuid(os.getuid()).pw_name
