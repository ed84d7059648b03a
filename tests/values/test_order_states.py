"""I13: only listed transitions; terminal is final."""

import itertools

import pytest

from openbell.errors import IllegalTransition
from openbell.values.order_states import TRANSITIONS, check_transition
from openbell.values.orders import TERMINAL, OrderState


@pytest.mark.parametrize(("before", "after"), list(itertools.product(OrderState, OrderState)))
def test_I13_everything_that_is_not_listed_is_refused(before: OrderState, after: OrderState) -> None:
    if after in TRANSITIONS.get(before, ()):
        check_transition("ob-1", before, after)
    else:
        with pytest.raises(IllegalTransition, match=f"ob-1 cannot go from {before} to {after}"):
            check_transition("ob-1", before, after)


def test_I13_terminal_is_final() -> None:
    assert not TERMINAL & TRANSITIONS.keys()


def test_an_unknown_outcome_never_becomes_rejected() -> None:
    assert OrderState.REJECTED not in TRANSITIONS[OrderState.UNKNOWN]


def test_every_state_can_be_reached() -> None:
    reached = {OrderState.PLANNED}.union(*TRANSITIONS.values())
    assert reached == set(OrderState)
