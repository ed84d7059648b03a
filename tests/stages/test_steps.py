"""Where an order goes by what the broker says of it: forward, or nowhere."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from openbell.stages.steps import Known, path, record_told
from openbell.values.orders import Fill, Order, OrderState, OrderType, Side

S, D, NOW = OrderState, Decimal, datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class Kept:
    """A journal that keeps the states and the fills that it is given."""

    states: list[OrderState] = field(default_factory=list)
    filled: Decimal = Decimal(0)

    def record(self, event, fills=(), before=()):
        self.states += [one.state for one in (*before, event)]
        self.filled = sum((fill.quantity for fill in fills), D(0))


def told(known, state, *quantities):
    """The states that are written when the broker says that, with these fills."""
    fills = [Fill(str(n), "id", "AAA", Side.BUY, D(q), D(1), D(0), NOW) for n, q in enumerate(quantities)]
    order = Order("id", "AAA", Side.BUY, D(10), OrderType.MARKET, state, NOW)
    kept = Kept()
    after = record_told(kept, known, order, fills)
    assert kept.filled == sum(map(D, quantities)) or not kept.states
    assert after is (kept.states[-1] if kept.states else known.state)
    return kept.states


@pytest.mark.parametrize("before", [S.ACKED, S.PARTIAL, S.PENDING_CANCEL])
@pytest.mark.parametrize("after", [S.ACKED, S.PARTIAL, S.PENDING_CANCEL])
def test_an_order_that_works_goes_on_in_one_step_and_never_back(before, after):
    ranks = [S.ACKED, S.PARTIAL, S.PENDING_CANCEL]
    assert path(before, after) == ((after,) if ranks.index(after) > ranks.index(before) else ())


@pytest.mark.parametrize("after", [S.PARTIAL, S.PENDING_CANCEL, S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED])
def test_an_order_of_unknown_outcome_gets_there_by_its_acknowledgement(after):
    assert path(S.UNKNOWN, after) == (S.ACKED, after)


def test_a_late_list_moves_no_order_back():
    assert told(Known(S.PARTIAL, D(4)), S.ACKED, 4) == []
    assert told(Known(S.PENDING_CANCEL, D(4)), S.PARTIAL, 4) == []


def test_fills_that_are_new_are_kept_though_the_list_is_late():
    assert told(Known(S.ACKED), S.ACKED, 4) == [S.PARTIAL]
    assert told(Known(S.PARTIAL, D(4)), S.ACKED, 4, 2) == [S.PARTIAL]


@pytest.mark.parametrize("said", [S.ACKED, S.PARTIAL, S.PENDING_CANCEL])
def test_a_cancel_that_is_under_way_stays_so_when_more_is_filled(said):
    assert told(Known(S.PENDING_CANCEL, D(4)), said, 4, 2) == [S.PARTIAL, S.PENDING_CANCEL]


@pytest.mark.parametrize("state", [S.PARTIAL, S.PENDING_CANCEL])
def test_a_partly_filled_order_whose_rest_is_refused_has_ended_with_what_it_has(state):
    assert told(Known(state, D(4)), S.REJECTED, 4) == [S.CANCELED]
