"""A secret in the address of a target is in no log, no representation and no row of the store."""

import logging
import sqlite3
import traceback

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from openbell import store
from openbell.cli import cli
from openbell.errors import OpenbellError
from openbell.notifiers import open_target
from openbell.store.connect import open_store
from openbell.store.schema import METADATA
from openbell.values.notify import Target
from tests.faults.evidence import forms
from tests.notifiers.receiver import answer
from tests.notifiers.samples import CANARY, OPS, plan
from tests.notifiers.test_delivery import Office
from tests.stages.records import sample_record

KEY = "canary-Kp4vB9-signing"
VARIABLE = OPS.removeprefix("env:")
ACTS = {
    "takes it": answer(200, CANARY),
    "echoes it": answer(500, f"no such hook: {CANARY}"),
    "redirects with it": answer(302, Location=f"https://elsewhere.example/{CANARY}", X_Echo=CANARY),
    "refuses it": answer(401, WWW_Authenticate=f"Bearer {CANARY}"),
    "closes": "close",
    "talks nonsense": f"{CANARY}\r\n\r\n".encode(),
}


def clean(text: str) -> bool:
    raw = text.encode()
    return not any(form in raw for secret in (CANARY, KEY) for form in forms(secret))


@pytest.fixture
def office(tmp_path):
    url = f"sqlite:///{tmp_path / 'openbell.db'}"
    store.upgrade(url)
    yield Office(url, tmp_path)
    store.close(url)


def rows(url: str) -> str:
    with open_store(url).reading() as connection:
        return "\n".join(str(row) for table in METADATA.sorted_tables for row in connection.execute(select(table)))


@pytest.mark.parametrize("scheme", ["http", "json"])
@pytest.mark.parametrize("act", ACTS)
def test_X01_no_secret_in_log_store_or_answer_whatever_the_target_does(
    office, receiver, monkeypatch, caplog, capfd, tmp_path, scheme, act
):
    receiver.script = [ACTS[act]]
    address = f"{scheme}://user:{CANARY}@127.0.0.1:{receiver.port}/{CANARY}?token={CANARY}"
    monkeypatch.setenv(VARIABLE, address)
    monkeypatch.setenv(f"{VARIABLE}_KEY", KEY)
    office.seal(sample_record())
    with caplog.at_level(logging.DEBUG):
        delivered = office.deliver(plan({"to": OPS, "private": True}))
    assert receiver.received
    assert CANARY in str(receiver.received)
    out, err = capfd.readouterr()
    assert clean(f"{delivered!r} {delivered.worked(0)!r}")
    assert clean(caplog.text + out + err)
    assert "NOTIFY" in rows(office.url)
    assert clean(rows(office.url))
    store.close(office.url)
    assert not any(clean_not(path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file())


def clean_not(raw: bytes) -> bool:
    return any(form in raw for secret in (CANARY, KEY) for form in forms(secret))


@pytest.mark.parametrize("address", [f"https://h/{CANARY}", f"tgram://{CANARY}/1"])
def test_X02_notifier_shows_no_secret(monkeypatch, address):
    monkeypatch.setenv(VARIABLE, address)
    monkeypatch.setenv(f"{VARIABLE}_KEY", KEY)
    notifier = open_target(Target(to=OPS), live=True)
    parts = [notifier, *(getattr(notifier, name) for name in type(notifier).__slots__)]
    assert clean(" ".join(f"{part!r} {part!s}" for part in parts))


def test_X02_trace_of_an_error_with_all_its_locals_shows_no_secret(monkeypatch):
    monkeypatch.setenv(VARIABLE, f"http://hooks.example/{CANARY}")
    with pytest.raises(OpenbellError) as caught:
        open_target(Target(to=OPS), live=True)
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    inner = "".join(line for line in trace.format() if "test_secrets" not in line)
    assert clean(inner)


@pytest.mark.parametrize(
    "targets",
    [
        f'["https://h/{CANARY}"]',
        f'"https://h/{CANARY}"',
        f'[{{ to = "https://h/{CANARY}" }}]',
        f'[{{ to = "env:OPENBELL_NOTIFY_OPS", url = "https://h/{CANARY}" }}]',
        f'[{{ url = "https://h/{CANARY}" }}]',
    ],
)
def test_X01_address_written_into_a_plan_is_refused_and_not_repeated(tmp_path, targets):
    body = 'name = "demo"\nuniverse = ["AAPL"]\nstrategies = [{ use = "buy_and_hold" }]\n'
    (tmp_path / "demo.toml").write_text(f"{body}[notify]\ntargets = {targets}\n")
    env = {"OPENBELL_HOME": str(tmp_path), "OPENBELL_PLANS": str(tmp_path)}
    for words in (["validate"], ["preview", "demo"], ["plans", "--json"]):
        found = CliRunner(env=env).invoke(cli, words)
        assert clean(found.output), found.output
        assert "notify.targets" in found.output
        assert "Traceback" not in found.output


def test_the_search_itself_finds_a_secret(tmp_path):
    assert not clean(f"x {CANARY} y")
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE t (c)")
        connection.execute("INSERT INTO t VALUES (?)", (KEY,))
    connection.close()
    assert clean_not((tmp_path / "x.db").read_bytes())
