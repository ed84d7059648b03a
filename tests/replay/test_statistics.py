import math
import time
from datetime import date
from decimal import Decimal

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.errors import InputError
from openbell.replay import telling
from openbell.replay.statistics import drawdown, rate, returns, statistics, underwater
from tests.replay.samples import CASH, a_curve, a_replay, closes, from_curve, some_trades

OPENING = float(CASH)
CURVES = st.lists(st.floats(-0.2, 0.25), min_size=2, max_size=300).map(
    lambda steps: OPENING * np.cumprod(1 + np.round(np.array(steps), 6))
)


def near(value):
    return pytest.approx(value, rel=1e-9, abs=1e-12)


@given(CURVES, st.sampled_from([0.0, 0.03, -0.005]))
@settings(max_examples=200, deadline=None)
def test_H04_returns_and_risk_are_those_of_a_maintained_library(equity, risk_free):
    found = statistics(from_curve(equity), risk_free)
    changes, each = returns(equity, OPENING), (1 + risk_free) ** (1 / 252) - 1
    assert found.total_return == near(empyrical.cum_returns_final(changes))
    assert found.annual_return == near(empyrical.annual_return(changes, annualization=252))
    assert found.volatility == near(empyrical.annual_volatility(changes, annualization=252))
    assert (found.drawdown.depth if found.drawdown else 0.0) == near(empyrical.max_drawdown(changes))
    if found.sharpe is not None:
        assert found.sharpe == near(empyrical.sharpe_ratio(changes, each, annualization=252))
    if found.sortino is not None:
        assert found.sortino == near(empyrical.sortino_ratio(changes, each, annualization=252))
    if found.calmar is not None:
        assert found.calmar == near(empyrical.calmar_ratio(changes, annualization=252))


@pytest.mark.parametrize(("asked", "side"), [(3.0, "is above 1"), (-0.5, "is not -0.1 or more"), (math.nan, "nan")])
def test_a_risk_free_rate_that_nobody_can_mean_is_one_clear_error(asked, side):
    with pytest.raises(InputError, match=side):
        rate(asked)


def test_ratios_say_which_rate_they_count_from():
    curve = from_curve(OPENING * np.array([1.01, 0.99, 1.02]))
    assert "Sharpe ratio over 0.03" in dict(telling.figures(statistics(curve, 0.03))["Risk"])
    assert "Sharpe ratio" in dict(telling.figures(statistics(curve))["Risk"])


@given(CURVES)
@settings(max_examples=50, deadline=None)
def test_H04_monthly_returns_are_those_of_a_maintained_library(equity):
    replayed = from_curve(equity)
    series = pd.Series(returns(equity, OPENING), index=pd.to_datetime(replayed.curve.times))
    expected = empyrical.aggregate_returns(series, "monthly")
    found = statistics(replayed).months
    assert [(row.year, row.month) for row in found] == list(expected.index)
    assert [row.change for row in found] == near(list(expected))


def test_months_multiply_up_to_the_whole():
    found = statistics(a_replay())
    assert np.prod([1 + month.change for month in found.months]) - 1 == near(found.total_return)


def test_a_drawdown_lasts_from_its_peak_to_its_recovery():
    found = drawdown(a_curve([110_000, 120_000, 90_000, 100_000, 125_000, 124_000]), OPENING)
    assert (found.depth, found.sessions) == (near(-0.25), 3)
    assert (found.peak, found.trough, found.recovered) == (date(2024, 1, 3), date(2024, 1, 4), date(2024, 1, 8))


def test_a_drawdown_that_nothing_makes_good_lasts_to_the_end():
    found = drawdown(a_curve([110_000, 90_000, 80_000, 100_000]), OPENING)
    assert (found.sessions, found.recovered) == (3, None)


def test_a_fall_in_the_first_session_is_one_from_the_opening_cash():
    found = drawdown(a_curve([90_000, 101_000]), OPENING)
    assert (found.depth, found.sessions, found.recovered) == (near(-0.1), 2, date(2024, 1, 3))


@given(CURVES)
def test_the_equity_is_never_above_its_peak(equity):
    below = underwater(equity, OPENING)
    assert (below <= 0).all()


def test_what_a_flat_curve_does_not_define_is_none():
    found = statistics(from_curve([OPENING] * 20))
    assert (found.total_return, found.volatility) == (0.0, 0.0)
    assert (found.sharpe, found.sortino, found.calmar, found.drawdown, found.turnover) == (None, None, None, None, 0.0)


def test_steady_growth_has_no_sharpe_and_no_sortino():
    found = statistics(from_curve(OPENING * 1.001 ** np.arange(1, 50)))
    assert (found.sharpe, found.sortino, found.drawdown) == (None, None, None)


def test_one_session_has_a_return_and_no_spread():
    found = statistics(from_curve([101_000]))
    assert found.total_return == near(0.01)
    assert (found.volatility, found.sharpe, found.sortino) == (None, None, None)


def test_no_session_has_no_figures():
    found = statistics(from_curve([]))
    assert (found.sessions, found.total_return, found.annual_return, found.exposure, found.months) == (
        0,
        None,
        None,
        None,
        (),
    )


@pytest.mark.parametrize("equity", [[50_000, 0, 0], [50_000, -2_000, 1_000]])
def test_an_account_that_was_lost_has_no_rates_but_says_what_was_lost(equity):
    found = statistics(from_curve(equity))
    assert found.total_return == near(equity[-1] / OPENING - 1)
    assert (found.sharpe, found.exposure) == (None, None)
    assert found.drawdown.depth <= -1


def test_trades_without_a_loss_have_no_profit_factor_and_no_average_loss():
    found = statistics(from_curve([101_000], some_trades([50.0, 150.0])))
    assert (found.hit_rate, found.profit_factor, found.average_win, found.average_loss) == (1.0, None, 100.0, None)


def test_trades_that_are_open_count_in_no_rate():
    found = statistics(from_curve([101_000], some_trades([100.0, -50.0, 999.0], open_ones=[False, False, True])))
    assert (found.trades, found.open_trades, found.hit_rate) == (2, 1, 0.5)
    assert (found.profit_factor, found.best, found.worst) == (2.0, 100.0, -50.0)


def test_a_trade_that_broke_even_is_neither_won_nor_lost():
    found = statistics(from_curve([101_000], some_trades([0.0, 10.0])))
    assert (found.hit_rate, found.average_win, found.average_loss) == (0.5, 10.0, None)


def test_without_trades_nothing_is_said_of_them():
    found = statistics(from_curve([101_000]))
    told = (found.hit_rate, found.profit_factor, found.average_win, found.best, found.held)
    assert (found.trades, told) == (0, (None,) * 5)


def test_a_trade_is_held_for_the_sessions_between_its_fills():
    at = closes(10)
    trades = some_trades(
        [1.0, 1.0], opened=at[[0, 2]] - np.timedelta64(3, "h"), closed=at[[4, 4]] - np.timedelta64(3, "h")
    )
    assert statistics(from_curve([OPENING] * 10, trades)).held == 3.0


def test_turnover_and_exposure_are_parts_of_equity():
    equity = np.full(252, 50_000.0)
    gross, net = np.full(252, 25_000.0), np.full(252, -5_000.0)
    holdings = np.r_[np.zeros(126, np.int64), np.ones(126, np.int64)]
    replayed = from_curve(equity, gross=gross, net=net, holdings=holdings, turnover=np.full(252, 1_000.0))
    found = statistics(replayed)
    assert (found.exposure, found.net_exposure, found.invested) == (0.5, near(-0.1), 0.5)
    assert found.turnover == near(252 * 1_000 / 50_000)


def test_a_year_has_365_sessions_where_weekends_have_some():
    equity = OPENING * np.linspace(1, 1.1, 365)
    daily = statistics(from_curve(equity, times=closes(365, weekends=True)))
    assert daily.annual_return == near(equity[-1] / OPENING - 1)


def test_a_close_at_midnight_ends_the_day_before():
    times = (np.datetime64("2024-02-01") + np.arange(2)).astype("datetime64[ns]")
    found = statistics(from_curve([OPENING * 1.1, OPENING * 1.1], times=times))
    assert [(row.year, row.month) for row in found.months] == [(2024, 1), (2024, 2)]


def test_the_books_of_a_replay_add_up():
    replayed = a_replay(symbols=3, sessions=60)
    fills = replayed.fills
    spent = float((fills.signed * fills.price + fills.fee).sum())
    assert float(replayed.opening_cash) - spent == pytest.approx(float(replayed.closing_cash), abs=0.01)
    assert statistics(replayed).costs == near(float(fills.fee.sum()))
    assert replayed.opening_cash == Decimal(100_000)


def test_figures_of_ten_years_and_ten_thousand_trades_cost_less_than_three_milliseconds():
    replayed = a_replay(symbols=100, sessions=2520, every=8)
    assert len(replayed.trades) > 10_000
    spent = []
    for _ in range(9):
        began = time.process_time()
        statistics(replayed)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.003
