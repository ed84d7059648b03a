"""One budget for an account: what is not sent when it is spent, and exits under a flood from other processes."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

import openbell
from openbell import store
from openbell.brokers.alpaca import Alpaca
from openbell.errors import BrokerUnavailable, FeedUnavailable, RequestsSpent
from openbell.feeds.alpaca import Alpaca as Prices
from openbell.ports import Accepted, Rejected
from openbell.store.connect import open_store
from openbell.store.requests import SqlRequestBudget
from openbell.values.orders import Purpose
from tests.brokers.request_worker import now, surroundings
from tests.contracts.alpaca_venue import CANARY_ID, CANARY_SECRET
from tests.contracts.venue import intent

ROOT = Path(openbell.__file__).parent.parent
KEYS = SecretStr(CANARY_ID), SecretStr(CANARY_SECRET)
MINUTE = timedelta(minutes=1)
MOST = 10
ORDINARY = 7


@pytest.fixture
def url(tmp_path):
    """A store of the test's own."""
    made = f"sqlite:///{tmp_path / 'openbell.db'}"
    store.ensure(made)
    yield made
    store.close(made)


@pytest.fixture
def around(url):
    """Surroundings on that store; nothing waits unless a test says how."""
    return lambda most=MOST, span=MINUTE, **more: surroundings(
        url, most, span, **{"patience": lambda: timedelta(0)} | more
    )


def broker(double, around):
    return Alpaca(url=double.url).with_keys(*KEYS).open("desk", around, None, None)


def prices(double, around):
    return Prices(url=double.url).with_keys(*KEYS).open(around)


def spend(opened):
    """Ask until there is nothing left."""
    with pytest.raises(RequestsSpent):  # noqa: PT012  # which of them is the last one differs
        for _ in range(3 * MOST):
            opened.clock()


# --- what is not sent ----------------------------------------------------------------------------------------


def test_X13_questions_that_find_nothing_left_are_not_asked_and_say_so(double, around):
    opened = broker(double, around())
    spend(opened)
    asked = len(double.requests())
    assert asked == ORDINARY
    with pytest.raises(BrokerUnavailable, match=r"not asked for /account: .* requests are spent for \d+\.\d s"):
        opened.account()
    with pytest.raises(FeedUnavailable, match=r"not asked for /stocks/quotes/latest: .* requests are spent"):
        prices(double, around()).quotes(["AAPL"], now())
    assert len(double.requests()) == asked


def test_X13_an_entry_that_finds_nothing_left_is_certainly_not_sent(double, around):
    opened = broker(double, around())
    spend(opened)
    answer = opened.submit(intent("entry"))
    assert isinstance(answer, Rejected)
    assert answer.code == "RATE_LIMIT"
    assert timedelta(seconds=50) < answer.retry_at - datetime.now(UTC) <= MINUTE
    assert double.requests("POST") == []


def test_X13_exits_look_ups_and_cancels_are_sent_all_the_same(double, around):
    opened = broker(double, around())
    double.plan({"client_order_id": "exit", "fills": "never"})
    spend(opened)
    assert isinstance(opened.submit(intent("exit", purpose=Purpose.EXIT)), Accepted)
    assert opened.order("exit") is not None
    assert double.requests()[ORDINARY:] == ["POST /v2/orders", "GET /v2/orders:by_client_order_id"]


def test_X13_a_protective_run_may_ask_anything_until_all_is_spent(double, around):
    spend(broker(double, around()))
    opened = broker(double, around(urgent=lambda: True))
    spend(opened)
    assert len(double.requests()) == MOST
    assert isinstance(opened.submit(intent("exit", purpose=Purpose.EXIT)), Rejected)
    assert opened.cancel("exit").reason.startswith("nothing was canceled")
    assert len(double.requests()) == MOST


def test_X13_a_turn_is_waited_for(double, around):
    waited: list[timedelta] = []

    def wait(span):
        waited.append(span)
        time.sleep(span.total_seconds())

    short, patience = timedelta(seconds=0.6), timedelta(seconds=2)
    opened = broker(double, around(span=short, wait=wait, patience=lambda: patience))
    for _ in range(ORDINARY + 1):
        opened.clock()
    assert timedelta(0) < sum(waited, timedelta(0)) <= patience


def test_X13_a_turn_that_is_too_far_away_is_not_waited_for(double, around):
    waited: list[timedelta] = []
    spend(broker(double, around(wait=waited.append, patience=lambda: timedelta(seconds=20))))
    assert waited == []


def test_X13_a_subscription_of_its_own_leaves_the_accounts_requests_alone(double, around):
    opened = broker(double, around())
    spend(opened)
    own = Prices(url=double.url, requests_per_minute=100).with_keys(*KEYS).open(around())
    own.quotes(["AAPL"], now())
    with pytest.raises(RequestsSpent):
        opened.account()


# --- the venue's own word ------------------------------------------------------------------------------------


def test_X13_what_others_spend_is_learned_from_the_headers(double, around):
    opened = broker(double, around(most=200))
    told = {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "61", "X-RateLimit-Reset": str(int(time.time()) + 40)}
    double.script({"path": "/v2/clock", "headers": told})
    opened.clock()
    opened.clock()
    with pytest.raises(BrokerUnavailable, match="spent for"):
        opened.clock()
    assert isinstance(opened.submit(intent("exit", purpose=Purpose.EXIT)), Accepted)


def test_B04_a_refusal_stops_everybody_of_the_account_until_the_reset(double, around):
    opened, other = broker(double, around(most=200)), prices(double, around(most=200))
    double.script({"path": "/v2/clock", "status": 429, "headers": {"X-RateLimit-Reset": str(int(time.time()) + 30)}})
    with pytest.raises(BrokerUnavailable, match="429"):
        opened.clock()
    asked = len(double.requests())
    with pytest.raises(FeedUnavailable, match="spent for"):
        other.quotes(["AAPL"], now())
    answer = opened.submit(intent("exit", purpose=Purpose.EXIT))
    assert isinstance(answer, Rejected)
    assert answer.retry_at - datetime.now(UTC) <= timedelta(seconds=30)
    assert len(double.requests()) == asked


# --- a flood -------------------------------------------------------------------------------------------------

#: A minute of the flood, and what it may hold.
SPAN, FLOOD_MOST = timedelta(seconds=2), 60
#: Grants are counted when they are made, requests when they arrive; a busy machine lets some seconds' parts pass.
SLACK = 0.5


@pytest.fixture
def flood(double, url):
    """Four processes that ask for prices as fast as they may, all of them at it."""
    command = [sys.executable, "-m", "tests.brokers.request_worker", double.url, url, str(FLOOD_MOST), "2"]
    readers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    try:
        assert {reader.stdout.readline() for reader in readers} == {"asked\n"}
        yield readers
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
            reader.stdout.close()


@pytest.mark.xdist_group("heavy")
def test_X13_under_a_flood_of_data_requests_exits_get_through(double, url, around, flood):
    opened = broker(double, around(FLOOD_MOST, SPAN, urgent=lambda: True))
    waited = []
    for number in range(8):
        start = time.monotonic()
        assert isinstance(opened.submit(intent(f"exit-{number}", purpose=Purpose.EXIT)), Accepted)
        assert opened.order(f"exit-{number}") is not None
        waited.append(time.monotonic() - start)
        time.sleep(0.4)
    assert max(waited) < 1, waited
    arrivals = sorted(line["mono"] for line in double.ledger("request"))
    window = SPAN.total_seconds() - SLACK
    busiest = max(sum(at <= other < at + window for other in arrivals) for at in arrivals)
    assert busiest <= FLOOD_MOST
    reads = sum(path.startswith("GET /v2/stocks") for path in double.requests())
    assert reads > FLOOD_MOST, "there was no flood"


@pytest.mark.xdist_group("heavy")
def test_X13_processes_that_are_killed_leak_nothing(double, url, flood):
    for reader in flood:
        reader.kill()
        reader.wait()
    budget = SqlRequestBudget(open_store(url, durable=False), _name(url), FLOOD_MOST, span=SPAN)
    assert budget.take(urgent=False) <= SPAN
    time.sleep(SPAN.total_seconds())
    assert sum(not budget.take(urgent=True) for _ in range(2 * FLOOD_MOST)) >= FLOOD_MOST - 1


def _name(url):
    """The only budget in the store."""
    with open_store(url).reading() as connection:
        (name,) = connection.exec_driver_sql("SELECT DISTINCT budget FROM venue_requests").scalars()
    assert CANARY_ID not in name
    return name
