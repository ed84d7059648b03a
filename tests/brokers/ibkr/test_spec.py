"""An Interactive Brokers account and feed as a plan or a block names them, and what importing them does."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

import openbell.brokers
import openbell.feeds
from blocks.ibkr_account import IBKRAccount
from blocks.ibkr_feed import IBKRFeed
from openbell.brokers.ibkr import IBKR
from openbell.brokers.ibkr.terms import Terms
from openbell.errors import PlanError
from openbell.feeds.ibkr import IBKRData
from openbell.feeds.ibkr.terms import FeedTerms
from openbell.plugins import build, find
from openbell.specs import BrokerSpec, FeedSpec
from openbell.venues.ibkr.gateway import environment_of

# --- imports -------------------------------------------------------------------------------------------------

IMPORT = "import openbell.brokers.ibkr, openbell.feeds.ibkr"


def run(code: str) -> str:
    """What the code prints in a process of its own that takes every warning for an error."""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.strip()


def test_the_paper_account_does_not_load_the_sdk():
    code = "import openbell.brokers as b; from openbell.plugins import find; from openbell.specs import BrokerSpec\n"
    code += "find(b, BrokerSpec, 'paper', 'broker'); import sys; print('ib_insync' in sys.modules)"
    assert run(code) == "False"


@pytest.mark.parametrize(
    "code",
    [
        IMPORT,
        f"import asyncio\nasyncio.run(asyncio.sleep(0))\n{IMPORT}",
        f"import threading\nt = threading.Thread(target=lambda: exec('{IMPORT}'))\nt.start()\nt.join()",
        f"import asyncio\nasync def main():\n    {IMPORT}\nasyncio.run(main())",
        f"""import asyncio
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
{IMPORT}
assert asyncio.get_event_loop_policy().get_event_loop() is loop
loop.close()""",
    ],
    ids=["main", "after asyncio.run", "thread", "running loop", "loop kept"],
)
def test_I55_I58_I59_the_sdk_loads_wherever_it_is_first_imported_without_a_warning(code):
    run(f"{code}\nimport sys\nassert 'ib_insync' in sys.modules")


def test_the_sdk_is_imported_in_one_place():
    files = Path(openbell.brokers.__path__[0]).parent.rglob("*.py")
    assert [file.name for file in files if re.search(r'(import |")(ib_insync|ib_async)', file.read_text())] == [
        "sdk.py"
    ]


# --- names and terms -----------------------------------------------------------------------------------------


def test_a_plan_finds_both_by_name():
    assert find(openbell.brokers, BrokerSpec, "ibkr", "broker") is IBKR
    assert find(openbell.feeds, FeedSpec, "ibkr", "feed") is IBKRData


@pytest.mark.parametrize(
    ("account", "mode"),
    [("DU1234567", "paper"), ("DF1234567", "paper"), ("U1234567", "live"), ("F1234567", "live"), ("I1", "live")],
)
def test_I16_the_number_says_what_an_account_is(account, mode):
    assert environment_of(account) == mode


@pytest.mark.parametrize(("port", "mode"), [(7497, "live"), (4002, "live"), (7496, "paper"), (4001, "paper")])
@pytest.mark.parametrize("kind", [IBKR, IBKRData])
def test_I15_F03_a_port_of_the_other_mode_is_refused(kind, port, mode):
    with pytest.raises(PlanError, match=rf"port {port} is that of a \w+ login, but mode is {mode}"):
        build(kind, {"port": port, "mode": mode}, "params")


@pytest.mark.parametrize(("port", "mode"), [(7497, "paper"), (4002, "paper"), (7496, "live"), (4001, "live")])
def test_I15_a_port_of_the_same_mode_is_taken_and_so_is_one_that_says_nothing(port, mode):
    for number in (port, 40123):
        assert IBKR(port=number, mode=mode).mode == mode


@pytest.mark.parametrize(("account", "mode"), [("U7654321", "paper"), ("DU1234567", "live")])
def test_I16_F03_an_account_of_the_other_mode_is_refused_before_anything_connects(account, mode):
    with pytest.raises(PlanError, match=rf"is a \w+ one by its number, but mode is {mode}"):
        build(IBKR, {"account": account, "mode": mode, "port": 5000}, "account.params")


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": "seven"}, "port"),
        ({"client_id": 0}, "client_id"),
        ({"client_id": -1}, "client_id"),
        ({"host": ""}, "host"),
        ({"host": "127.0.0.1\n"}, "white space"),
        ({"account": " DU1234567"}, "white space"),
        ({"ack_timeout": 0}, "ack_timeout"),
        ({"ack_timeout": float("inf")}, "ack_timeout"),
        ({"connect_timeout": -1}, "connect_timeout"),
        ({"currency": "usd"}, "currency"),
        ({"clientid": 5}, "did you mean 'client_id'"),
        ({"password": "hunter2"}, "unknown key 'password'"),
    ],
)
def test_a_term_out_of_bounds_is_refused_by_name(params, problem):
    with pytest.raises(PlanError, match=problem) as caught:
        build(IBKR, params, "account.params")
    assert "hunter2" not in str(caught.value)


def test_account_and_feed_have_client_ids_of_their_own():
    assert IBKR().client_id != IBKRData().client_id


# --- blocks --------------------------------------------------------------------------------------------------


def test_the_blocks_build_what_a_plan_would():
    assert IBKRAccount().spec() == IBKR()
    assert IBKRFeed().spec() == IBKRData()
    assert IBKRAccount(terms={"port": 7497, "client_id": 5}).spec() == IBKR(port=7497, client_id=5)
    assert IBKRFeed(settings={"port": 7497, "delayed": True}).spec() == IBKRData(port=7497, delayed=True)


@pytest.mark.parametrize("terms", [Terms, FeedTerms])
def test_every_field_of_a_block_is_described(terms):
    assert [name for name, field in terms.model_fields.items() if not (field.description or "").endswith(".")] == []


def test_the_settings_of_a_block_are_checked_when_it_is_made():
    with pytest.raises(ValueError, match="port 7496 is that of a live login"):
        IBKRAccount(terms={"port": 7496})


def test_what_a_plan_holds_survives_pickling():
    assert pickle.loads(pickle.dumps(IBKR(port=5000))) == IBKR(port=5000)
