"""openbell watch: heartbeats, messages and metrics, with Prefect down and without the keys of anybody."""

import http.client
import json
import re
import signal
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text

from openbell import store
from openbell.errors import InputError
from openbell.settings import load_settings
from openbell.store.connect import open_store
from openbell.store.verify import verify
from openbell.values.message import MessageState
from openbell.values.record import Outcome
from openbell.watch.endpoint import Address, application, serving
from openbell.watch.judging import signs
from openbell.watch.looking import look
from openbell.watch.metrics import registry


def test_I15_slots_are_written_down_as_missed_and_told_with_prefect_down(home, receiver):
    home.beat(timedelta(minutes=10))
    result = home("watch", "--once", "--json")
    done = json.loads(result.stdout)
    assert (result.exit_code, done["beats"]) == (0, 1)
    assert done["missed"] >= 5
    missing = [run for run in home.runs(job="orders") if run.outcome is Outcome.MISSED]
    assert len(missing) >= 5
    assert any("orders" in str(message.body) for message in receiver.received)
    assert not [check for check in verify(home.url) if not check.ok]


def test_the_first_round_begins_to_watch_and_the_next_leaves_it_to_prefect(home):
    assert json.loads(home("watch", "--once", "--json").stdout)["beats"] == 1
    assert json.loads(home("watch", "--once", "--json").stdout)["beats"] == 0
    assert len(home.runs(job="heartbeat")) == 1


def test_a_heartbeat_of_prefect_that_is_in_time_is_not_made_again(home):
    now = datetime.now(UTC)
    home.beat(timedelta(seconds=now.second + 1))
    home("watch", "--once")
    assert home.runs(job="heartbeat") == ()


@pytest.mark.parametrize("commands", [("watch --once",), ("run heartbeat demo", "run notify demo")])
def test_what_waits_for_a_block_of_prefect_goes_on_waiting(home, receiver, commands):
    home.beat(timedelta(minutes=10))
    for command in commands:
        home(*command.split())
    states = {(one.message.target, one.state) for one in store.open_outbox(home.url).messages()}
    assert ("env:OPENBELL_NOTIFY_OPS", MessageState.SENT) in states
    assert ("slack-webhook/ops", MessageState.WAITING) in states
    assert ("slack-webhook/ops", MessageState.FAILED) not in states
    assert receiver.received


def test_a_plan_on_a_real_account_is_watched_without_its_keys(home, monkeypatch):
    monkeypatch.delenv("OPENBELL_ALPACA_KEY_ID", raising=False)
    path = home.folder / "plans" / "demo.toml"
    path.write_text(
        path.read_text() + '\n[account]\nbroker = "alpaca"\nblock = "alpaca-account/x"\n[feed]\nprovider = "alpaca"\n'
    )
    home.beat(timedelta(minutes=10))
    done = json.loads(home("watch", "--once", "--json").stdout)
    assert (done["beats"], done["errors"]) == (1, [])


def test_what_is_wrong_with_one_plan_keeps_nobody_from_the_next(home):
    (home.folder / "plans" / "aaa.toml").write_text("x = 1")
    result = home("watch", "--once", "--json")
    assert (result.exit_code, json.loads(result.stdout)["beats"]) == (1, 1)
    assert "aaa.toml" in result.stderr


def test_without_a_store_it_is_refused_and_none_is_made(home):
    store.close(home.url)
    (home.folder / "openbell.db").unlink()
    result = home("watch", "--once")
    assert (result.exit_code, result.stderr.count("\n"), "openbell migrate" in result.stderr) == (1, 1, True)
    assert not (home.folder / "openbell.db").exists()


def test_P05_a_store_of_another_version_ends_it_with_code_3(home):
    with open_store(home.url).writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert home("watch", "--port", "0").exit_code == 3


@pytest.fixture
def asked(home, monkeypatch):
    """Asks a path of an endpoint over a real socket."""
    monkeypatch.setenv("OPENBELL_HOME", str(home.folder))
    monkeypatch.setenv("OPENBELL_PLANS", str(home.folder / "plans"))

    def looking():
        return look(load_settings(), (), datetime.now(UTC))

    def ask(path, token=None, method="GET", body=None, **headers):
        app = application(registry(looking, lambda: None), lambda: signs(looking()), token)
        with serving(app, Address(port=0)) as port:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    return ask


def values(text):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_N06_metrics_tell_of_jobs_slots_orders_breaks_breakers_switch_and_equity(home, asked):
    home.beat(timedelta(minutes=10))
    home.journal.open_break("acct", "LATE_FILL", "f-1", "2 AAPL at 10")
    home.journal.latch("demo", "trade", "loss", "daily loss")
    home("watch", "--once")
    status, text = asked("/metrics")
    found = values(text)
    assert status == 200
    assert found["openbell_store_up",] == 1
    assert found["openbell_job_last_outcome", "demo", "missed", "orders"] == 1
    assert found["openbell_job_breaker_open", "demo", "trade"] == 1
    assert found["openbell_slots", "demo", "missed", "orders"] >= 5
    assert found["openbell_breaks_open", "acct"] == 1
    assert found["openbell_break_age_seconds", "acct"] >= 0
    assert found["openbell_orders", "acct", "unknown"] == 0
    assert found["openbell_switch",] == 0
    assert found["openbell_alerts_open", "MISSED"] >= 1
    assert found["openbell_job_lag_seconds", "demo", "heartbeat"] < 120
    assert found["openbell_job_last_seconds", "demo", "heartbeat"] > 0


def test_every_metric_stands_in_the_page_about_health(home, asked):
    home("watch", "--once")
    page = (Path(__file__).parents[2] / "docs" / "health.md").read_text()
    names = set(re.findall(r"^# TYPE (\w+) ", asked("/metrics")[1], re.MULTILINE))
    assert names
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_healthz_answers_503_with_the_sign_that_failed(home, asked):
    assert asked("/healthz")[0] == 200
    home.journal.open_break("acct", "LATE_FILL", "f-1", "2 AAPL at 10")
    status, text = asked("/healthz")
    assert (status, json.loads(text)["healthy"]) == (503, False)
    assert any("1 break open" in sign["detail"] for sign in json.loads(text)["signs"])


def test_metrics_say_so_when_the_store_is_gone(home, asked):
    store.close(home.url)
    (home.folder / "openbell.db").unlink()
    assert values(asked("/metrics")[1])["openbell_store_up",] == 0
    assert asked("/healthz")[0] == 503


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
@pytest.mark.parametrize(("token", "tls"), [(False, False), (True, False), (False, True)])
def test_X07_beyond_this_machine_only_with_a_token_and_a_certificate(tmp_path, host, token, tls):
    file = tmp_path / "one.pem" if tls else None
    at = Address(host, 0, SecretStr("watch-token-1") if token else None, file, file)
    with pytest.raises(InputError, match="beyond this machine") as caught, serving(application(None, tuple), at):
        pass
    assert ("OPENBELL_WATCH_TOKEN" in str(caught.value)) is not token
    assert ("--certificate" in str(caught.value)) is not tls


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.9.10"])
def test_X07_loopback_needs_neither(host):
    Address(host).check()


@pytest.mark.parametrize(
    ("given", "status"), [({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Bearer t0ken"}, 200)]
)
@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
def test_X06_with_a_token_nobody_else_is_answered(asked, path, given, status):
    assert asked(path, SecretStr("t0ken"), **given)[0] == status


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9464", "127.0.0.1.evil.example"])
def test_X08_a_foreign_host_header_is_refused(asked, host):
    assert asked("/metrics", Host=host)[0] == 403


@pytest.mark.parametrize("host", ["localhost:9464", "127.0.0.1", "[::1]:9464"])
def test_X08_a_host_of_this_machine_is_answered(asked, host):
    assert asked("/healthz", Host=host)[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_X08_nothing_can_be_posted(asked, method):
    assert asked("/metrics", method=method, body="x=1", Content_Type="text/plain")[0] == 405


def test_with_a_certificate_it_speaks_tls(home, asked, tmp_path):
    made = tmp_path / "tls.pem"
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    subject = ["-subj", "/CN=localhost", "-days", "1", "-keyout", str(made), "-out", str(tmp_path / "cert.pem")]
    try:
        subprocess.run([*new, *subject], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not here")
    app = application(registry(lambda: None, lambda: None), tuple, None)
    with serving(app, Address(port=0, certificate=tmp_path / "cert.pem", key=made)) as port:
        context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200


def test_the_process_answers_and_stops_at_sigterm_with_code_0(home, monkeypatch):
    for name, value in {"HOME": str(home.folder), "PLANS": str(home.folder / "plans"), "LOG_FORMAT": "json"}.items():
        monkeypatch.setenv(f"OPENBELL_{name}", value)
    command = [sys.executable, "-c", "from openbell.cli import main; main()", "watch", "--port", "0", "--every", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        first = json.loads(process.stderr.readline())
        port = int(first["message"].rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        deadline = time.monotonic() + 30
        while not home.runs(job="heartbeat") and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(20) == 0
    lines = [json.loads(line) for line in rest.splitlines()]
    beat = next(line for line in lines if line["logger"] == "openbell.runs")
    assert (beat["plan"], beat["job"], beat["run"][:6]) == ("demo", "heartbeat", "watch-")
    assert lines[-1]["message"] == "stopped"
    assert "run" not in lines[-1]
