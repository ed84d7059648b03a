"""Two operators at once: whoever halts wins, by the store, by the file, or by both."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from openbell.errors import StoreError
from openbell.jobs import closing, trading
from openbell.ports import Level
from openbell.switching import halt_by_file, look, loosen
from tests.orders.desks import SYMBOLS, open_desk

TEN = len(SYMBOLS)
#: Races of H08; the full thousand takes half a minute.
RACES = int(os.environ.get("OPENBELL_TEST_RACES", "150"))


def halt(desk):
    """As ``openbell halt`` does it."""
    halt_by_file(desk.settings.halt_file, "bob", "fire")
    return desk.journal.set_switch(Level.HALTED, "bob", "fire")


def resume(desk, seen, level=Level.ACTIVE):
    try:
        return loosen(desk.journal, desk.settings.halt_file, seen, level, "ann", "checked")
    except StoreError:
        return None


def seen_by(desk):
    return look(desk.journal, desk.settings.halt_file)


def test_H08_halt_and_resume_by_file_and_store_at_once_always_end_halted(desk, home, wire):
    other = open_desk(home, wire)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(RACES):
            seen = seen_by(desk)
            both = pool.submit(resume, desk, seen), pool.submit(halt, other)
            for each in both:
                each.result()
            assert desk.journal.switch().level is Level.HALTED
            assert resume(desk, seen_by(desk)).level is Level.ACTIVE


def test_H08_of_operators_who_resume_at_once_one_does_and_the_others_learn_of_it(desk):
    with ThreadPoolExecutor(4) as pool:
        for _ in range(RACES // 5):
            halt(desk)
            seen = seen_by(desk)
            levels = [Level.ACTIVE, Level.REDUCE_ONLY] * 2
            done = [each.result() for each in [pool.submit(resume, desk, seen, level) for level in levels]]
            (moved,) = [switch for switch in done if switch is not None]
            assert desk.journal.switch() == moved


@pytest.mark.parametrize("before", [True, False], ids=["a file was there", "no file was there"])
def test_H08_a_halt_by_file_alone_that_comes_in_between_is_not_lifted(desk, before):
    if before:
        halt(desk)
    seen = seen_by(desk)
    halt_by_file(desk.settings.halt_file, "bob", "the store is gone")
    with pytest.raises(StoreError, match="was written in the meantime"):
        loosen(desk.journal, desk.settings.halt_file, seen, Level.ACTIVE, "ann", "checked")
    assert desk.journal.switch().level is Level.HALTED
    assert resume(desk, seen_by(desk)).level is Level.ACTIVE


def test_H08_flatten_and_halt_at_once_end_halted_and_what_is_left_can_still_be_closed(desk, wire, home):
    trading.trade(desk, "one")
    other = open_desk(home, wire)
    wire.before_post = lambda number: halt(other) if number == TEN + 4 else None
    done = closing.flatten(desk, "ann", "out", "flatten-1")
    assert (desk.journal.switch().level, len(wire.posts)) == (Level.HALTED, TEN + 4)
    assert len(done.left) == TEN - 4
    assert closing.flatten(open_desk(home, wire), "ann", "out all the same", "flatten-2").flat


def test_H08_two_operators_who_flatten_at_once_sell_everything_once(desk, wire, home):
    trading.trade(desk, "one")
    desk.journal.set_switch(Level.REDUCE_ONLY, "ann", "careful")
    names = [f"flatten-{number}" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        presses = [pool.submit(closing.flatten, open_desk(home, wire), name, "out", name) for name in names]
        done = [press.result() for press in presses]
    sold = [key for _, key in wire.posts[TEN:]]
    assert len(sold) == len(set(sold)) == TEN
    assert sum(bool(each.orders) for each in done) == 1
    assert all(position.quantity == 0 for position in wire.paper.account().positions.values())
