"""What a symbol without a bar at the start of a look-back carries into it: the close of its last sound bar."""

import pytest

from openbell.stages.check_bars import check_block
from openbell.stages.check_history import check_history
from openbell.stages.raw_bars import lay_out
from tests.feeds.frames import XNYS, check, codes, daily, exchange, wanted


def broken(changes):
    """BBB has no bar in the row that the look-back of five begins with, and the one before is wrong."""
    rows = daily().set("BBB", -6, **changes) if changes else daily().again("BBB", -6)
    if not changes:
        rows.columns["close"][-1] *= 1.001
    return rows.take([at for at in range(len(rows.times)) if at != rows.row("BBB", 25)])


WRONG = [{"close": 1e4}, {"close": float("inf")}, {"low": -1.0}, {"volume": -1.0}, {}]


@pytest.mark.parametrize("changes", WRONG)
def test_a_bar_that_is_none_is_not_carried_into_the_look_back(changes):
    close = daily().columns["close"][daily().row("BBB", -7)]
    checked = check(broken(changes), count=5)
    assert codes(checked) == {}
    assert checked.bars.close[0].tolist()[1] == close
    assert checked.notes[-1] == "bars without a trade, carried forward: BBB 1"


@pytest.mark.parametrize("changes", WRONG)
def test_a_run_carries_what_a_replay_carries(changes):
    block, asked = lay_out(broken(changes).raw(), wanted().timeframe, exchange(XNYS)), wanted(count=5, history=True)
    assert check_block(block, asked).bars.close[0].tolist() == check_history(block, asked).bars.close[-5].tolist()


def test_without_any_sound_bar_nothing_is_carried():
    rows = daily()
    for k in range(25):
        rows.set("BBB", k, close=-1.0)
    rows.without("BBB", 25)
    checked = check(rows, count=5)
    assert checked.bars.close[0, 1] != checked.bars.close[0, 1]
