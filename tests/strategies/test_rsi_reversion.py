import numpy as np
import pytest
from pydantic import ValidationError

from openbell.strategies.rsi_reversion import RsiReversion
from tests.contracts.panels import bars_of


def of_steps(*steps: float) -> np.ndarray:
    return (100 + np.cumsum([0.0, *steps])).reshape(-1, 1)


@pytest.mark.parametrize(
    ("steps", "rsi", "target"),
    [
        ((-1, -1, -1, -1), 0, 1),
        ((-3, 1, -3, 1), 25, 1),
        ((-2, 1, -2, 1.5), 100 * 2.5 / 6.5, None),
        ((-1, 1, -1, 2), 60, 0),
        ((1, 1, 1, 1), 100, 0),
        ((0, 0, 0, 0), 50, None),
    ],
)
def test_buys_below_oversold_leaves_above_the_exit_and_holds_between(steps, rsi, target):
    panel = RsiReversion(window=4).signals(bars_of(of_steps(*steps)))
    assert panel.evidence["rsi"][-1, 0] == pytest.approx(rsi)
    last = panel.target[-1, 0]
    assert np.isnan(last) if target is None else last == target
    assert panel.confidence[-1, 0] == pytest.approx(0 if target is None else max(rsi, 100 - rsi) / 100)


def test_with_shorts_only_crossing_the_exit_leaves():
    # RSI over two bars: -, -, 100, 50, 0, 0, 50, 100, 60.
    close = of_steps(1, 1, -1, -1, -1, 1, 2, -4 / 3)
    panel = RsiReversion(window=2, short=True, oversold=20, overbought=80, exit_above=55).signals(bars_of(close))
    assert panel.evidence["rsi"][3:, 0].tolist() == pytest.approx([50, 0, 0, 50, 100, 60])
    got = panel.target[3:, 0].tolist()
    # 100 -> 50 crosses 55 on the way down: out of the short.
    assert got[:3] == [0, 1, 1]
    assert np.isnan(got[3])
    assert got[4] == -1
    assert np.isnan(got[5])


def test_lines_out_of_order_are_refused():
    with pytest.raises(ValidationError, match="oversold 50 is not below exit_above 40"):
        RsiReversion(oversold=50, exit_above=40)
    with pytest.raises(ValidationError, match="exit_above 80 is not below overbought 70"):
        RsiReversion(exit_above=80, short=True)
    assert RsiReversion(exit_above=80).exit_above == 80


def test_reasons_name_the_line_that_was_passed():
    strategy = RsiReversion(short=True)
    found = [strategy.reason({"rsi": value}) for value in (20.0, 40.0, 60.0, 80.0)]
    assert found == [
        "14-bar RSI 20.0 below 30",
        "14-bar RSI 40.0 not above 50",
        "14-bar RSI 60.0 above 50",
        "14-bar RSI 80.0 above 70",
    ]
    assert "between 30 and 70" in strategy.hold_reason
