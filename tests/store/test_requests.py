"""The budget of requests to a venue, on both databases: a clock of our own, so that a minute takes no time."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from openbell.store import close, upgrade
from openbell.store.connect import open_store
from openbell.store.requests import SqlRequestBudget

MOST = 10
ORDINARY = 7


class Clock:
    """Seconds since 1970 as a test says."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def budget(url, clock):
    """Opens the budget as another process would."""
    return lambda name="alpaca/a", most=MOST: SqlRequestBudget(open_store(url, durable=False), name, most, clock)


def taken(budget, urgent, tries=3 * MOST):
    """How many of some tries at one instant are granted."""
    return sum(not budget.take(urgent) for _ in range(tries))


def test_X13_thirty_per_cent_are_left_to_what_is_urgent_whoever_asks(budget):
    one, other = budget(), budget()
    assert taken(one, urgent=False, tries=5) + taken(other, urgent=False) == ORDINARY
    assert taken(other, urgent=True) + taken(one, urgent=True) == MOST - ORDINARY


def test_X13_urgent_requests_may_be_all_of_them_and_the_others_wait_for_them(budget):
    assert taken(budget(), urgent=True) == MOST
    assert taken(budget(), urgent=False) == 0


def test_X13_a_request_counts_for_a_minute_and_the_wait_is_exact(budget, clock):
    spent = budget()
    for _ in range(ORDINARY):
        spent.take(False)
        clock.now += 1
    assert spent.take(False) == timedelta(seconds=53)
    clock.now += 52.9
    assert spent.take(False) > timedelta(0)
    clock.now += 0.2
    assert taken(spent, urgent=False) == 1


def test_X13_what_a_dead_process_took_is_back_after_a_minute(budget, clock):
    assert taken(budget(), urgent=True) == MOST
    clock.now += 60
    assert taken(budget(), urgent=True) == MOST


def test_X13_accounts_do_not_share(budget):
    assert taken(budget(), urgent=True) == MOST
    assert taken(budget("alpaca/b"), urgent=True) == MOST


def test_X13_plans_that_disagree_share_the_lower_number(budget):
    budget(most=10).take(True)
    assert taken(budget(most=1000), urgent=True) == 9


def test_X13_what_others_spent_is_learned_from_the_venue_until_it_is_back(budget, clock):
    one = budget()
    one.take(True)
    one.told(left=2, back=timedelta(seconds=20))
    assert taken(budget(), urgent=True) == 2
    clock.now += 20
    assert taken(budget(), urgent=True) == MOST - 3


def test_X13_the_venues_word_never_raises_the_budget(budget):
    one = budget()
    assert taken(one, urgent=True, tries=6) == 6
    one.told(left=500, back=timedelta(seconds=30), most=1000)
    assert taken(one, urgent=True) == MOST - 6


def test_X13_the_venues_own_limit_counts_when_it_is_the_lower_one(budget, clock):
    one = budget(most=1000)
    one.take(True)
    one.told(left=9, back=timedelta(seconds=60), most=10)
    assert taken(one, urgent=False) == 6
    assert taken(one, urgent=True) == 3


def test_B04_too_many_requests_stop_everybody_until_the_venue_says(budget, clock):
    one = budget()
    one.take(True)
    one.told(left=0, back=timedelta(seconds=12))
    other = budget()
    assert other.take(True) == other.take(False) == timedelta(seconds=12)
    clock.now += 12
    assert taken(other, urgent=True) == MOST - 1


def test_X13_a_clock_that_is_set_back_does_not_stop_anybody_for_long(budget, clock):
    assert taken(budget(), urgent=True) == MOST
    clock.now -= 3600
    assert taken(budget(), urgent=True) == MOST


def test_X13_old_requests_leave_the_store(budget, clock, store):
    for _ in range(30):
        budget().take(True)
        clock.now += 10
    with store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM venue_requests")).scalar_one() <= 7


def test_X13_spending_a_request_waits_for_no_disk(url):
    with open_store(url, durable=False).reading() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
        else:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "off"
    with open_store(url).reading() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


@pytest.fixture(scope="module")
def file_url(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('requests') / 'openbell.db'}"
    upgrade(url)
    yield url
    close(url)


STEPS = st.lists(st.tuples(st.floats(0, 15), st.booleans(), st.integers(0, 12)), min_size=5, max_size=60)


@given(steps=STEPS)
@settings(max_examples=30, deadline=None)
def test_X13_no_minute_ever_holds_more_than_the_budget(file_url, steps):
    clock, store = Clock(), open_store(file_url, durable=False)
    with store.writing() as connection:
        connection.execute(text("DELETE FROM venue_requests"))
    budget = SqlRequestBudget(store, "alpaca/a", MOST, clock)
    granted: list[tuple[float, bool]] = []
    for gone, urgent, tries in steps:
        clock.now += gone
        granted += [(clock.now, urgent) for _ in range(tries) if not budget.take(urgent)]
    for at, _ in granted:
        within = [urgent for time, urgent in granted if at - 60 < time <= at]
        assert len(within) <= MOST
        assert within.count(False) <= ORDINARY
