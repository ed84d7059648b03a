"""The connection works from wherever a run calls it: threads without a loop, under a running loop, from Prefect."""

import asyncio
import gc
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from openbell.ports import Accepted
from openbell.values.orders import OrderState
from tests.contracts.ibkr_venue import opened
from tests.contracts.venue import intent


@pytest.fixture
def broker(gateway):
    broker = opened(gateway)
    yield broker
    broker.close()


def traded(broker, name: str) -> bool:
    return isinstance(broker.submit(intent(name)), Accepted) and broker.order(name).state is OrderState.FILLED


def test_I53_I57_I62_any_thread_may_use_it(broker):
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda number: traded(broker, f"t{number}"), range(8))) == [True] * 8


def test_I57_it_may_be_opened_in_one_thread_and_used_in_another(gateway):
    with ThreadPoolExecutor(1) as thread:
        broker = thread.submit(opened, gateway).result()
    assert traded(broker, "moved")
    broker.close()


def test_I54_it_may_be_used_under_a_running_loop(gateway):
    async def main() -> bool:
        broker = opened(gateway)
        try:
            return traded(broker, "nested")
        finally:
            broker.close()

    assert asyncio.run(main())


def test_I55_it_works_after_the_main_loop_has_ended(broker):
    asyncio.run(asyncio.sleep(0))
    assert traded(broker, "after")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio.run has no loop_factory yet")
def test_I56_it_works_under_a_loop_of_another_making(gateway):
    async def main() -> bool:
        broker = opened(gateway)
        try:
            return traded(broker, "factory")
        finally:
            broker.close()

    assert asyncio.run(main(), loop_factory=asyncio.SelectorEventLoop)


def test_many_questions_at_the_same_time_never_mix(broker):
    broker.submit(intent("held"))
    questions = [
        lambda: broker.account().quantity("AAPL"),
        lambda: len(broker.open_orders()),
        lambda: broker.clock().is_open,
    ]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda number: questions[number % 3](), range(18)))
    assert answers == [10, 0, True] * 6


def test_a_connection_ends_with_the_object_that_has_it(gateway):
    broker = opened(gateway)
    assert gateway.clients() == [71]
    before = threading.active_count()
    del broker
    gc.collect()
    assert threading.active_count() == before - 1
    assert opened_again(gateway)


def opened_again(gateway) -> bool:
    """The id is free again as soon as the gateway has seen the end."""
    broker = opened(gateway, id_patience=2)
    broker.close()
    return True


def test_a_process_that_ends_hangs_up_without_a_word(gateway):
    code = (
        "from tests.contracts.ibkr_venue import IBKR, QUICK, IBKRBroker\n"
        f"broker = IBKRBroker(IBKR(**(QUICK | {{'port': {gateway.port}}})))\n"
        "print(broker.account().cash)"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("100000\n", "", 0)


def test_it_is_closed_once_and_for_all_however_often_it_is_asked_to(broker):
    broker.close()
    broker.close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_was_forked_off_has_a_connection_of_its_own(gateway, broker):
    traded(broker, "parent")
    child = os.fork()
    if child == 0:
        try:
            broker._line._client_id = 99  # the parent's is in use
            assert broker.account().quantity("AAPL") == 10
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert traded(broker, "still")


def test_a_connection_never_travels(broker):
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(broker)
