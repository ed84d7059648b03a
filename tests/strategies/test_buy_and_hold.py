from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from openbell.strategies.buy_and_hold import BuyAndHold
from tests.contracts.panels import bars_of, session_times


def acting_days(strategy: BuyAndHold, times: np.ndarray, timeframe: str = "1d") -> list[str]:
    panel = strategy.signals(bars_of(np.full((len(times), 2), 10.0), times=times, timeframe=timeframe))
    assert set(panel.target[~np.isnan(panel.target)].tolist()) <= {1.0}
    assert np.array_equal(np.isnan(panel.target[:, 0]), panel.confidence[:, 0] == 0)
    return [str(time)[5:16] for time in times[~np.isnan(panel.target[:, 0])]]


def days(*found: str) -> list[str]:
    return [f"{day}T21:00" for day in found]


def test_monthly_acts_on_the_first_bars_of_each_month():
    times = session_times(50, "2020-01-20")
    assert acting_days(BuyAndHold(rebalance="monthly", acting=2), times) == days("02-03", "02-04", "03-02", "03-03")


def test_quarterly_weekly_and_daily():
    assert acting_days(BuyAndHold(rebalance="quarterly", acting=1), session_times(40, "2020-03-02")) == days("04-01")
    assert acting_days(BuyAndHold(rebalance="weekly", acting=1), session_times(12, "2020-01-08")) == days(
        "01-13", "01-20"
    )
    assert len(acting_days(BuyAndHold(rebalance="daily"), session_times(12))) == 12 - 3


def test_since_buys_inside_a_period_and_not_before():
    monthly = BuyAndHold(rebalance="monthly", acting=1, since=date(2020, 1, 15))
    assert acting_days(monthly, session_times(30, "2019-12-20")) == days("01-15")
    assert acting_days(monthly, session_times(30, "2020-01-20")) == days("02-03")


def test_never_buys_once():
    never = BuyAndHold(rebalance="never", acting=2, since=date(2020, 1, 11))
    assert acting_days(never, session_times(300)) == days("01-13", "01-14")


def test_never_needs_to_know_when():
    with pytest.raises(ValidationError, match="needs since"):
        BuyAndHold(rebalance="never")


def test_daily_acts_on_the_first_bars_of_a_session_of_minutes():
    opens = np.array(["2020-01-02T14:30", "2020-01-03T14:30"], "datetime64[ns]")
    times = (opens[:, None] + np.arange(1, 6) * np.timedelta64(5, "m")).ravel()
    assert acting_days(BuyAndHold(rebalance="daily", acting=2), times, "5m") == ["01-03T14:35", "01-03T14:40"]


def test_a_bar_complete_at_midnight_belongs_to_the_day_before():
    times = np.arange(np.datetime64("2020-01-29"), np.datetime64("2020-02-04")).astype("datetime64[ns]")
    assert acting_days(BuyAndHold(rebalance="monthly", acting=1), times) == ["02-02T00:00"]
