"""openbell doctor against a real Prefect server: schedules that will fire, one that is paused, and a worker."""

import json
import os
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from deployments.local import ROOT, LocalPrefect
from openbell import store as stores
from openbell.cli import cli
from openbell.settings import load_settings

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("server")]
CHECKS = ("server", "deployments", "schedule", "worker")


def look(prefect: LocalPrefect) -> dict[str, dict[str, Any]]:
    env = {"PREFECT_API_URL": f"{prefect.url}/api", "OPENBELL_PLANS": str(ROOT / "deployments" / "plans")}
    result = CliRunner(env={**os.environ, **env}).invoke(cli, ["doctor", "demo", "--json"])
    return {line["check"]: line for line in json.loads(result.stdout)["findings"]}


def eventually_all_well(prefect: LocalPrefect, seconds: float = 60) -> dict[str, dict[str, Any]]:
    """A worker takes a while to be seen, and a scheduler to schedule."""
    end = time.monotonic() + seconds
    while True:
        lines = look(prefect)
        if time.monotonic() > end or all(name in lines and lines[name]["state"] == "ok" for name in CHECKS):
            return lines


def ask(prefect: LocalPrefect, path: str) -> httpx.Response:
    return httpx.post(f"{prefect.url}/api/deployments/{path}", timeout=10)


def test_G05_S14_a_real_server_whose_schedules_fire_and_one_that_is_paused(prefect: LocalPrefect, store: Path) -> None:
    stores.upgrade(load_settings().url)
    lines = eventually_all_well(prefect)
    assert {name: lines[name]["state"] for name in CHECKS} == dict.fromkeys(CHECKS, "ok"), lines
    demo = httpx.get(f"{prefect.url}/api/deployments/name/trade/demo", timeout=10).json()["id"]
    try:
        assert ask(prefect, f"{demo}/pause_deployment").is_success
        line = look(prefect)["deployments"]
        assert (line["state"], "trade (demo)" in line["detail"]) == ("failed", True)
    finally:
        assert ask(prefect, f"{demo}/resume_deployment").is_success
    stores.close(load_settings().url)
