"""What a replay does at the edges: ranges, symbols that come late or end, plans that may not trade, limits."""

from datetime import date

import numpy as np
import pytest

from openbell.calendar.exchange import exchange
from openbell.errors import CalendarError, DataError, InputError
from openbell.feeds.sample import SampleFeed
from openbell.values.plan import Plan
from tests.replay.made import FIRST, VENUE, Made, cash_by_fills, exactly, flat, plan_for, rows_of, run, sessions, walk

TEN = sessions(10)
CALM = Made(flat(30, 2))
#: Long from the first bar on, and told so by nothing but the calendar.
HOLD = [{"use": "buy_and_hold"}]
QUIET = {"trade": {"at": ["open+5m"]}, "exits": {"enabled": False}}


# --- ranges --------------------------------------------------------------------------------------------------


def test_reversed_dates_are_refused_with_both():
    with pytest.raises(InputError, match=f"start {TEN[5]} is after end {TEN[2]}"):
        run(CALM, plan_for(CALM), TEN[5], TEN[2])


def test_a_range_without_a_session_is_refused():
    with pytest.raises(InputError, match="XNYS has no session from 2024-01-06 to 2024-01-07"):
        run(CALM, plan_for(CALM), date(2024, 1, 6), date(2024, 1, 7))


def test_a_start_before_the_data_is_refused_with_the_first_session():
    with pytest.raises(InputError, match="start 2023-12-29 is before 2024-01-02, the first session that made has"):
        run(CALM, plan_for(CALM), date(2023, 12, 29), TEN[3])


def test_an_end_after_the_data_is_refused_with_the_last_session():
    last = sessions(30)[-1]
    with pytest.raises(InputError, match=f"end {VENUE.offset(last, 1)} is after {last}, the last session"):
        run(CALM, plan_for(CALM), FIRST, VENUE.offset(last, 1))


def test_a_date_outside_the_calendar_is_refused_with_its_bound():
    with pytest.raises(CalendarError, match="1980-01-02 is before 1990-01-02"):
        run(CALM, plan_for(CALM), date(1980, 1, 2), TEN[3])


def test_a_universe_without_a_usable_symbol_is_refused():
    empty = Made(np.full((5, 30, 1), np.nan))
    with pytest.raises(DataError, match="no symbol of 1 has usable bars; first: S0"):
        run(empty, plan_for(empty), FIRST, TEN[-1])


def test_symbols_that_no_feed_knows_are_named_and_the_others_go_on():
    plan = plan_for(CALM, universe=["S0", "NONE"], strategies=HOLD)
    found = run(CALM, plan, FIRST, TEN[-1])
    assert found.symbols == ("S0",)
    assert [one.symbol for one in found.dropped] == ["NONE"]
    assert len(found.fills) == 1


# --- plans that may not trade --------------------------------------------------------------------------------


def test_a_plan_that_is_not_enabled_skips_every_slot_and_says_so():
    found = run(CALM, plan_for(CALM, enabled=False, strategies=HOLD), FIRST, TEN[-1])
    assert (found.slots, found.decided, found.skips) == (10, 0, {"DISABLED": 10})
    assert "plan made is not enabled: every slot is a skip" in found.notes
    assert not len(found.fills)
    assert (found.curve.equity == 100_000).all()


def test_a_trade_job_that_is_not_enabled_skips_every_slot():
    found = run(CALM, plan_for(CALM, schedule={"trade": {"enabled": False}}), FIRST, TEN[-1])
    assert found.skips == {"JOB_DISABLED": found.slots}


def test_a_live_plan_is_replayed_on_paper_and_a_note_says_so():
    plan = plan_for(CALM, mode="live", account={"broker": "alpaca", "name": "real"}, strategies=HOLD)
    found = run(CALM, plan, FIRST, TEN[-1])
    assert found.opening_cash == 100_000
    assert len(found.fills)
    assert "plan made trades on an account at alpaca: it is replayed on a paper account" in found.notes[0]


def test_slots_before_any_bar_is_complete_are_skips_for_lack_of_data():
    found = run(CALM, plan_for(CALM, strategies=HOLD), FIRST, TEN[-1])
    assert found.skips == {"DATA": 1}
    assert found.decided == 9


def test_opening_cash_is_what_is_asked_for():
    found = run(CALM, plan_for(CALM), FIRST, TEN[-1], cash=exactly(2500.0))
    assert found.opening_cash == found.closing_cash == 2500


# --- symbols that come and go --------------------------------------------------------------------------------


def test_A21_a_symbol_whose_data_ends_is_closed_out_at_its_last_close_after_three_sessions():
    values = flat(30, 2)
    values[:4, 8:10, 1] = 44.0
    values[:, 10:, 1] = np.nan
    feed = Made(values)
    found = run(feed, plan_for(feed, strategies=HOLD, schedule=QUIET), FIRST, sessions(30)[-1])
    mine = [row for row in rows_of(found) if row[1] == 1]
    assert mine[-1][2] < 0 < mine[0][2]
    assert sum(row[2] for row in mine) == 0
    assert (mine[-1][3], mine[-1][4]) == (44.0, 0.0)
    closes = found.curve.times.astype("int64")
    assert closes[12] < mine[-1][0] < closes[13]
    assert any(note.startswith("S1: its data ends with the bar of 2024-01-16") for note in found.notes)
    assert found.closing_cash == cash_by_fills(found)
    assert np.isnan(found.bars.close[10:, 1]).all()


def test_A21_a_symbol_without_a_bar_does_not_trade_in_that_session():
    values = walk(30, 2, 4)
    values[:, 12:14, 1] = np.nan
    feed = Made(values)
    found = run(feed, plan_for(feed), FIRST, sessions(30)[-1])
    _, closes = VENUE.session_bounds(TEN[0], sessions(30)[-1])
    rows = np.searchsorted(closes, found.fills.times, side="right")
    assert not set(rows[found.fills.column == 1]) & {12, 13}
    assert len(found.fills) > 5


def test_A21_a_symbol_that_is_listed_late_is_bought_once_it_has_the_bars_that_are_needed():
    values = flat(30, 2)
    values[:, :12, 1] = np.nan
    feed = Made(values)
    found = run(feed, plan_for(feed, strategies=HOLD), FIRST, sessions(30)[-1])
    first = found.fills.times[found.fills.column == 1].min()
    opens = VENUE.session_bounds(FIRST, sessions(30)[-1])[0]
    assert first == opens[12 + 4] + np.timedelta64(5, "m")
    assert np.isnan(found.marks[:12, 1]).all()
    assert np.isfinite(found.marks[12:, 1]).all()


def test_A21_a_jump_like_a_split_leaves_the_symbol_out_of_that_slot_and_is_told():
    values = walk(30, 1, 8, sigma=0.004)
    values[:4, 15:] /= 2
    feed = Made(values)
    found = run(feed, plan_for(feed, strategies=HOLD), FIRST, sessions(30)[-1])
    assert any("like a split of 2 to 1; the slots at that bar were decided without it" in note for note in found.notes)
    assert found.skips == {"DATA": 2}  # ahead of the first bar, and at the jump, where nothing else is left


def test_a_feed_that_only_answers_live_questions_gives_the_same_replay():
    class Plain:
        """The sample feed without its history."""

        def __init__(self) -> None:
            self.feed = SampleFeed()
            self.provider, self.bars, self.quotes = self.feed.provider, self.feed.bars, self.feed.quotes

    plan = plan_for(CALM, universe=["AAPL", "IBM", "MSFT"])
    start, end = date(2025, 3, 3), date(2025, 6, 30)
    plain, whole = (run(feed, plan, start, end) for feed in (Plain(), SampleFeed()))
    assert rows_of(plain) == rows_of(whole)
    assert len(whole.fills) > 20


@pytest.mark.parametrize(("code", "every", "skips"), [("24/7", "6h", {"DATA"}), ("XTKS", "30m", {"BREAK", "DATA"})])
def test_A21_venues_that_never_close_and_venues_that_pause_at_noon(code, every, skips):
    venue, first = exchange(code), date(2024, 1, 4)
    feed = Made(walk(40, 2, 3), first, code)
    plan = plan_for(feed, window={"exchange": code}, schedule={"trade": {"every": every}})
    found = run(feed, plan, first, venue.offset(first, 39))
    assert found.slots == found.decided + sum(found.skips.values())
    assert set(found.skips) == skips
    assert len(found.fills) > 10
    assert found.closing_cash == cash_by_fills(found)


# --- limits --------------------------------------------------------------------------------------------------


def falling(rows: int) -> Made:
    """Up, and then down for good."""
    values = flat(rows, 1)
    values[:4, :, 0] = np.round(np.concatenate((np.linspace(50, 60, 10), np.linspace(60, 20, rows - 10))), 2)
    return Made(values)


def test_A21_an_account_that_has_lost_too_much_and_holds_nothing_skips_its_slots():
    feed = falling(40)
    risk = {"drawdown_halt": 0.05, "max_position_weight": 0.9, "max_gross_exposure": 0.9, "max_order_notional": 90_000}
    plan = plan_for(
        feed,
        strategies=[{"use": "sma_crossover", "params": {"fast": 2, "slow": 5}}],
        sizing={"params": {"weight": 0.8}, "max_trade": 90_000},
        risk=risk | {"min_confidence": 0, "daily_loss_halt": 0.05},
        exits={"stop_loss": 0.04},
    )
    found = run(feed, plan, FIRST, sessions(40)[-1])
    assert found.skips["ACCOUNT_RISK"] + found.decided + found.skips["DATA"] == found.slots
    assert found.skips["ACCOUNT_RISK"] > 5
    assert found.curve.equity[-1] < 0.95 * found.curve.equity.max()
    assert any(note.startswith("drawdown_halt was reached at 2024-01-") for note in found.notes)


def test_A21_a_stop_is_seen_at_the_next_open_and_its_fill_is_marked_as_an_exit():
    feed = falling(40)
    plan = plan_for(feed, strategies=[{"use": "buy_and_hold", "params": {"rebalance": "monthly"}}])
    plan = plan.model_copy(update={"exits": {"stop_loss": 0.1}})
    found = run(feed, plan, FIRST, sessions(40)[-1])
    exits = np.flatnonzero(found.fills.exits)
    assert len(exits) == 1
    opens = VENUE.session_bounds(FIRST, sessions(40)[-1])[0]
    assert found.fills.times[exits[0]] in opens
    entry = found.fills.price[0]
    row = int(np.searchsorted(opens, found.fills.times[exits[0]]))
    assert feed.values[0, row, 0] <= 0.9 * entry < feed.values[0, row - 1, 0]


def test_what_the_gate_denies_is_counted_by_rule():
    plan = plan_for(CALM, strategies=HOLD, risk={"max_positions": 1, "max_order_notional": 500, "min_confidence": 0})
    found = run(CALM, plan, FIRST, TEN[-1])
    assert found.denials["max_positions"] > 0
    assert found.clipped["max_order_notional"] > 0


# --- trades --------------------------------------------------------------------------------------------------


def test_trades_run_from_flat_to_flat_and_add_up_to_what_was_earned():
    feed = Made(walk(120, 3, 21))
    found = run(feed, plan_for(feed), FIRST, sessions(120)[-1])
    trades = found.trades
    assert len(trades) > 10
    assert (trades.opened <= trades.closed).all()
    assert (np.diff(trades.closed.astype(np.int64)) >= 0).all()
    held = int((np.abs(np.bincount(found.fills.column, found.fills.signed)) > 1e-9).sum())
    assert int(trades.open.sum()) == held
    earned = found.curve.equity[-1] - float(found.opening_cash)
    assert trades.profit.sum() == pytest.approx(earned, abs=1e-6)
    assert trades.fees.sum() == pytest.approx(found.fills.fee.sum())


def test_a_trade_that_turns_through_zero_ends_there():
    feed = Made(walk(60, 1, 5))
    plan: Plan = plan_for(
        feed,
        account={"params": {"cash": 50_000, "shorting": True, "leverage": 2}},
        strategies=[{"use": "sma_crossover", "params": {"fast": 2, "slow": 5, "short": True}}],
        risk={"shorting": True, "min_confidence": 0, "max_position_weight": 0.9, "max_order_notional": 50_000},
    )
    found = run(feed, plan, FIRST, sessions(60)[-1])
    assert {True, False} <= set((found.trades.quantity > 0).tolist())
    assert found.closing_cash == cash_by_fills(found)


# --- what is told --------------------------------------------------------------------------------------------


def test_progress_is_told_up_to_the_last_slot():
    told: list[tuple[int, int]] = []
    run(CALM, plan_for(CALM), FIRST, TEN[-1], progress=lambda done, of: told.append((done, of)))
    assert told[-1] == (10, 10)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_every_slot_that_came_to_a_decision_is_kept_when_that_is_asked_for():
    feed = Made(walk(60, 2, 3))
    found = run(feed, plan_for(feed), FIRST, sessions(60)[-1], keep=True)
    slots = [one.slot for one in found.decisions if one.slot.job == "trade"]
    assert len(slots) == len(set(slots)) == found.decided
    assert [slot.planned for slot in slots] == sorted(slot.planned for slot in slots)
    assert any(one.intents for one in found.decisions)
    assert not run(feed, plan_for(feed), FIRST, sessions(60)[-1]).decisions


def test_stops_that_rest_at_a_broker_are_told_to_be_left_out():
    plan = plan_for(CALM, exits={"stop_loss": {"loss_fraction": 0.1, "resting": "always"}})
    assert any(note.startswith("stops that rest at the broker") for note in run(CALM, plan, FIRST, TEN[-1]).notes)


def test_A21_an_order_that_fills_in_parts_is_followed_by_the_orders_job_until_its_session_ends():
    terms = {"params": {"cash": 100_000, "fill_share": "0.25", "fractions": False}}
    schedule = {"trade": {"at": ["open+5m"]}, "exits": {"enabled": False}, "orders": {"cron": "*/10 9-16 * * 1-5"}}
    plan = plan_for(CALM, strategies=HOLD, account=terms, schedule=schedule)
    found = run(CALM, plan, FIRST, TEN[-1])
    first = found.fills.times[found.fills.column == 0][:5]
    assert (np.diff(first)[1:3] == np.timedelta64(10, "m")).all()
    alone = plan_for(CALM, strategies=HOLD, account=terms, schedule=schedule | {"orders": {"enabled": False}})
    slots = VENUE.session_bounds(FIRST, TEN[-1])[0] + np.timedelta64(5, "m")
    assert np.isin(run(CALM, alone, FIRST, TEN[-1]).fills.times, slots).all()
