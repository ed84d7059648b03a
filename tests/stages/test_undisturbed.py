"""A request to stop waits for the order that is on its way, and is not forgotten."""

import os
import signal
from threading import Thread

import pytest

from openbell.undisturbed import undisturbed


class Stopped(BaseException):
    """What a supervisor raises out of its handler."""


@pytest.fixture
def supervised():
    def stop(number, _frame):
        raise Stopped(number)

    before = signal.signal(signal.SIGTERM, stop)
    yield stop
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGTERM, Stopped), (signal.SIGINT, KeyboardInterrupt)], ids=["terminate", "ctrl-c"]
)
def test_C22_a_request_to_stop_counts_after_the_block(supervised, number, error):
    done = []

    def send():
        with undisturbed():
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            done.append("sent")
        done.append("and went on")

    with pytest.raises(error):
        send()
    assert done == ["sent"]
    assert signal.getsignal(signal.SIGTERM) is supervised


def test_an_error_inside_is_told_and_the_handlers_are_as_before(supervised):
    with pytest.raises(ValueError, match="refused"), undisturbed():
        raise ValueError("refused")
    assert signal.getsignal(signal.SIGTERM) is supervised


def test_a_thread_that_signals_do_not_reach_holds_nothing_back(supervised):
    seen = []

    def work():
        with undisturbed():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [supervised]
