"""An Alpaca account as a plan or a block names it: addresses, environments, keys, and what gets imported."""

import pickle
import subprocess
import sys

import pytest
from pydantic import SecretStr

import openbell.brokers
from blocks.alpaca_account import AlpacaAccount
from openbell.brokers.alpaca import Alpaca
from openbell.errors import InputError, KeysRefused, PlanError
from openbell.plugins import build, find
from openbell.specs import BrokerSpec, Surroundings
from openbell.venues.alpaca.endpoints import ENDPOINTS, endpoint
from openbell.venues.alpaca.keys import checked
from tests.contracts.alpaca_venue import CANARY_ID, CANARY_SECRET, opened

# --- imports -------------------------------------------------------------------------------------------------


def loaded_after(code: str) -> set[str]:
    tail = "import sys; print(*{name.split('.')[0] for name in sys.modules} & {'alpaca', 'websockets', 'requests'})"
    run = [sys.executable, "-W", "error", "-c", f"{code}\n{tail}"]
    return set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())


FIND = "import openbell.brokers as b; from openbell.plugins import find; from openbell.specs import BrokerSpec\n"


def test_the_paper_account_loads_no_vendors_sdk():
    assert loaded_after(FIND + "find(b, BrokerSpec, 'paper', 'broker')") == set()


def test_the_sdk_loads_without_a_warning_and_without_its_streams():
    assert loaded_after(FIND + "find(b, BrokerSpec, 'alpaca', 'broker')") == {"alpaca", "requests"}


def test_a_plan_finds_it_by_name_and_a_near_miss_is_named():
    assert find(openbell.brokers, BrokerSpec, "alpaca", "broker") is Alpaca
    with pytest.raises(PlanError, match="'alpacca' is not known; did you mean 'alpaca'"):
        find(openbell.brokers, BrokerSpec, "alpacca", "broker")


# --- addresses and environments ------------------------------------------------------------------------------


def test_each_service_has_its_own_address():
    assert {service: endpoint(service) for service in ENDPOINTS} == ENDPOINTS


@pytest.mark.parametrize("service", ["paper", "data"])
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8765", "http://127.9.9.9:1/", "http://[::1]:80", "http://localhost:1"]
)
def test_a_double_on_this_machine_may_stand_in(url, service):
    assert endpoint(service, url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.alpaca.markets",
        "https://paper-api.alpaca.markets",
        "http://paper-api.alpaca.markets",
        "https://paper-api.alpaca.markets.evil.example",
        "http://127.0.0.1@evil.example",
        "http://user:pw@127.0.0.1:80",
        "http://127.0.0.1:80/v2",
        "http://127.0.0.1:80?x=1",
        "http://10.0.0.1",
        "http://169.254.169.254",
        "http://0.0.0.0:80",
        "http://localhost.evil.example",
        "https://127.0.0.1",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "127.0.0.1:80",
    ],
)
@pytest.mark.parametrize("service", ["paper", "data"])
def test_I17_F03_any_other_address_is_refused(url, service):
    with pytest.raises(InputError, match=r"is not http://127\.0\.0\.1:PORT on this machine"):
        endpoint(service, url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:80", "https://paper-api.alpaca.markets"])
def test_X19_F03_live_takes_no_other_address(url):
    with pytest.raises(InputError, match="override is for paper only"):
        endpoint("live", url)
    with pytest.raises(PlanError, match=r"account.params: .*override is for paper only"):
        build(Alpaca, {"mode": "live", "url": url}, "account.params")


@pytest.mark.parametrize("service", ["paper", "live"])
@pytest.mark.parametrize(
    "url",
    ["http://kim:hunter2@127.0.0.1:1", "http://kim:hun@hunter2@h/", "http://[kim:hunter2@h", "http://h?k=hunter2"],
)
def test_an_address_is_refused_without_the_password_in_it(service, url):
    with pytest.raises(InputError, match=r"^url 'http://") as raised:
        endpoint(service, url)
    assert "hunter2" not in str(raised.value)
    assert "kim" not in str(raised.value)


def test_F03_paper_settings_on_a_live_account_are_refused(double):
    double.set(account_number="928374650")
    with pytest.raises(InputError, match=r"mode paper was asked for, but account \.\.\.4650 is a live one"):
        opened(double.url)


@pytest.mark.parametrize(("mode", "key", "said"), [("live", "PKREAL7Q2", "paper"), ("paper", "AKREAL7Q2", "live")])
def test_F03_keys_of_the_other_mode_are_refused_before_anything_is_asked(mode, key, said):
    spec = Alpaca(mode=mode).with_keys(SecretStr(key), SecretStr("real/secret"))
    with pytest.raises(InputError, match=f"mode {mode} was asked for, but the key id is of a {said} account") as caught:
        spec.open("desk", Surroundings(None, "XNYS", lambda: None), None, None)
    assert key not in str(caught.value)


def test_ids_that_are_not_unique_are_for_doubles_only():
    with pytest.raises(PlanError, match="unique_ids"):
        build(Alpaca, {"unique_ids": False}, "account.params")


# --- keys ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["secret", "key_id", "_secret"])
def test_F04_X01_a_key_in_a_plan_is_refused_and_not_repeated(name):
    with pytest.raises(PlanError) as caught:
        build(Alpaca, {name: CANARY_SECRET}, "account.params")
    assert name in str(caught.value)
    assert CANARY_SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "missing or empty"),
        ("", "missing or empty"),
        ("PKREAL7Q2\n", "white space"),
        (" PKREAL7Q2", "white space"),
        ("PK\u202eREAL", "outside ASCII"),
        ("changeme", "placeholder"),
        ("your-key-id", "placeholder"),
        ("<key>", "placeholder"),
        ("${ALPACA_KEY}", "placeholder"),
        ("XXXXXXXX", "placeholder"),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_F04_a_key_that_is_none_is_refused_by_name_and_not_repeated(value, problem, place):
    names = ["OPENBELL_ALPACA_KEY_ID", "OPENBELL_ALPACA_SECRET_KEY"]
    keys = [SecretStr("PKREAL"), SecretStr("real/secret")]
    keys[place] = None if value is None else SecretStr(value)
    with pytest.raises(InputError) as caught:
        checked(*keys)
    told = str(caught.value)
    assert problem in told
    assert names[place] in told
    assert names[1 - place] not in told
    assert not value or value.strip() not in told


def test_F04_keys_come_from_the_environment(double, monkeypatch):
    double.keys("PKENV", "env/secret")
    around = Surroundings(None, "XNYS", lambda: None)
    spec = build(Alpaca, {"url": double.url}, "account.params")
    for name in ("OPENBELL_ALPACA_KEY_ID", "OPENBELL_ALPACA_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="OPENBELL_ALPACA_KEY_ID"):
        spec.open("desk", around, None, None)
    monkeypatch.setenv("OPENBELL_ALPACA_KEY_ID", "PKENV")
    monkeypatch.setenv("OPENBELL_ALPACA_SECRET_KEY", "env/secret")
    assert spec.open("desk", around, None, None).account_id == "PA3TESTDESK1"


def test_F04_keys_that_alpaca_does_not_know_are_refused_at_once(double):
    double.keys("PKOTHER", "other/secret")
    with pytest.raises(KeysRefused, match="refuses the keys"):
        opened(double.url)
    assert len(double.requests()) == 1


def test_a_block_builds_the_same_account(double):
    double.keys(CANARY_ID, CANARY_SECRET)
    block = AlpacaAccount(key_id=CANARY_ID, secret=CANARY_SECRET, url=double.url)
    broker = block.spec().open("desk", Surroundings(None, "XNYS", lambda: None), None, None)
    assert (broker.account_id, broker.environment) == ("PA3TESTDESK1", "paper")


def test_every_field_of_the_block_is_described_and_secrets_have_no_default():
    fields = AlpacaAccount.model_fields
    assert all(field.description.endswith(".") for field in fields.values())
    assert {name for name, field in fields.items() if field.is_required()} == {"key_id", "secret"}


def test_X10_a_broker_with_keys_is_never_pickled(double):
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(opened(double.url))
