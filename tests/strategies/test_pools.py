"""Whoever asks the strategies, a run says the same: on threads, in turn, and with strategies that fail among them."""

import threading

import pytest

from openbell.errors import SettingsError
from openbell.jobs.asking import asking
from openbell.settings import Settings, load_settings
from openbell.stages.evaluate import evaluate
from openbell.stages.pools import PAYS, Threads
from openbell.strategies.buy_and_hold import BuyAndHold
from tests.contracts.panels import random_bars
from tests.strategies.told import ALL, BAD, SMA, Told, seat

UNIVERSE = ("S0", "S1")


class Seen(Told):
    """Notes the thread that asks it."""

    @property
    def lookback(self):
        return 1

    def signals(self, bars):
        ASKED.append(threading.current_thread())
        return super().signals(bars)


ASKED: list[threading.Thread] = []


def test_I18_threads_find_the_same_to_the_byte_in_the_order_of_the_plan():
    bars = random_bars(300, symbols=2)
    faulty = [seat(bad, *UNIVERSE, label=f"bad{number}") for number, (bad, _) in enumerate(BAD)]
    sound = [seat(strategy, *UNIVERSE, label=f"good{number}") for number, strategy in enumerate(ALL)]
    young = seat(SMA, "S0", "NEW", label="young")
    seats = [seat_ for pair in zip(faulty, sound * 3, strict=False) for seat_ in pair] + [young]
    alone = evaluate(seats, bars)
    assert len(alone.failures) == len(BAD)
    for _ in range(5):
        assert repr(evaluate(seats, bars, ask=Threads(4, least=0))) == repr(alone)


def test_an_interrupt_in_a_thread_ends_the_run_as_it_does_in_turn():
    class Interrupted(Told):
        def signals(self, bars):
            raise KeyboardInterrupt

    seats = [seat(BuyAndHold(), *UNIVERSE), seat(Interrupted(), *UNIVERSE), seat(SMA, *UNIVERSE)]
    with pytest.raises(KeyboardInterrupt):
        evaluate(seats, random_bars(10, symbols=2), ask=Threads(2, least=0))


@pytest.mark.parametrize(("least", "own"), [(4, False), (5, True), (PAYS, True)])
def test_threads_are_used_from_the_size_on_at_which_they_pay(least, own):
    ASKED.clear()
    evaluate([seat(Seen(), *UNIVERSE), seat(Seen(), *UNIVERSE)], random_bars(5, symbols=2), ask=Threads(2, least))
    assert {thread is threading.current_thread() for thread in ASKED} == {own}


def test_A19_the_settings_say_who_asks(monkeypatch):
    assert asking(Settings(evaluate_threads=3)) == Threads(3, least=0)
    assert asking(Settings()).least == PAYS
    monkeypatch.setenv("OPENBELL_EVALUATE_THREADS", "0")
    with pytest.raises(SettingsError, match="evaluate_threads"):
        load_settings()


def test_A19_a_cluster_that_does_not_answer_is_one_clear_error():
    pytest.importorskip("distributed", reason="needs the extra dask")
    ask = asking(Settings(evaluate_dask="tcp://127.0.0.1:1"))
    with pytest.raises(SettingsError, match=r"OPENBELL_EVALUATE_DASK: no Dask cluster answers at 'tcp://127.0.0.1:1'"):
        evaluate([seat(SMA, *UNIVERSE)], random_bars(20, symbols=2), ask=ask)
