"""OPENBELL_LOG_FORMAT=json in runs that Prefect starts: lines of openbell and of Prefect's run, with all their ids."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.local import LocalPrefect

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("server")]

SCRIPT = "from flows.orders import orders; import asyncio; asyncio.run(orders(plan='demo', return_state=True))"
CANARY = "canary-Zq7xW4mT-token"


def logged(prefect: LocalPrefect, store: Path, form: str) -> list[str]:
    env = {
        **prefect.environment,
        "OPENBELL_HOME": str(store),
        "OPENBELL_LOG_FORMAT": form,
        "OPENBELL_ALPACA_SECRET_KEY": CANARY,
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True)
    assert CANARY not in done.stdout + done.stderr
    return done.stderr.splitlines()


def test_N06_lines_of_a_flow_run_are_json_with_run_plan_slot_and_the_ids_of_prefect(prefect, store):
    lines = logged(prefect, store, "json")
    found = [json.loads(line) for line in lines if line.startswith("{")]
    ours = [line for line in found if line["logger"] == "openbell.runs"]
    assert [(line["plan"], line["job"]) for line in ours] == [("demo", "orders")]
    assert ours[0]["slot"].startswith("demo/orders/")
    theirs = [line for line in found if line["logger"].startswith("prefect.")]
    assert any(line.get("flow_run_id") == ours[0]["run"] for line in theirs)
    assert any(line.get("run") == ours[0]["run"] for line in theirs)


def test_with_text_prefects_own_lines_stay_as_they_are(prefect, store):
    lines = logged(prefect, store, "text")
    assert not [line for line in lines if line.startswith("{")]
    assert any("Flow run" in line for line in lines)
