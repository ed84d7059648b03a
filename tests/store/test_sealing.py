"""Sealed records: what comes back, the hash chain, panels, equity."""

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, insert, select

from openbell.errors import StoreError
from openbell.store import frames
from openbell.store.run_tables import FRAMES, RUNS, SIGNALS, VERDICTS
from openbell.store.sealing import GENESIS, record_hash
from openbell.values.bars import FIELDS
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from openbell.values.signal import Signal, Stance
from tests.store.samples import D, data_of, event_of, fill_of, frozen_order, panel, record_of, slot_at


def rows_in(store, table):
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_sealed_record_comes_back_equal(journal, history):
    record = record_of()
    journal.seal(record, None)
    assert history.run(record.id) == record


def test_skipped_run_without_anything_comes_back_equal(journal, history):
    empty = dict.fromkeys(("signals", "intents", "verdicts", "fills", "holdings", "unplaced", "guards"), ())
    record = record_of(outcome=Outcome.SKIPPED, code="HOLIDAY", cash=None, equity=None, counters={}, **empty)
    journal.seal(record, None)
    assert history.run(record.id) == record


def test_no_opinion_and_negative_zero_survive(journal, history):
    signals = (Signal("a", "KO", math.nan, 0.5, "no view"), Signal("b", "KO", -0.0, 0.0, "out"))
    journal.seal(record_of(signals=signals), None)
    nothing, out = history.run(record_of().id).signals
    assert nothing.stance is Stance.HOLD
    assert out == signals[1]


def test_hash_is_that_of_the_record_read_back(store, journal, history):
    nan = (Signal("a", "KO", math.nan, 0.5, "no view"), Signal("b", "KO", -0.0, 1, "out"))
    for number, record in enumerate((record_of(), record_of(slot_at(1), "second-run", signals=nan)), start=1):
        sealed = journal.seal(record, None)
        with store.reading() as connection:
            row = connection.execute(select(RUNS).where(RUNS.c.id == record.id)).one()
        assert (row.sequence, row.hash) == (number, sealed)
        assert record_hash(history.run(record.id), number, row.previous_hash) == sealed
        assert record_hash(record, number, row.previous_hash) == sealed


@pytest.mark.parametrize(
    "change",
    [
        {"message": "x"},
        {"equity": D("100005.38")},
        {"signals": record_of().signals[::-1]},
        {"verdicts": record_of().verdicts[:2]},
    ],
)
def test_any_change_of_a_record_changes_its_hash(change):
    assert record_hash(record_of(**change), 1, GENESIS) != record_hash(record_of(), 1, GENESIS)


def test_hash_covers_every_ruling_and_the_place_in_the_chain():
    record = record_of()
    verdict = record.verdicts[1]
    ruling = verdict.rulings[2]
    other = type(ruling)(ruling.rule, ruling.decision, "0.5", ruling.limit, ruling.quantity)
    changed = type(verdict)(
        *(getattr(verdict, name) for name in ("intent_id", "symbol", "decision", "rule", "measured", "limit")),
        asked=verdict.asked,
        quantity=verdict.quantity,
        rulings=(*verdict.rulings[:2], other),
    )
    verdicts = (record.verdicts[0], changed, record.verdicts[2])
    sealed = record_hash(record, 1, GENESIS)
    assert record_hash(record.model_copy(update={"verdicts": verdicts}), 1, GENESIS) != sealed
    assert record_hash(record, 2, GENESIS) != sealed
    assert record_hash(record, 1, sealed) != sealed


def test_I5_eight_threads_seal_one_chain_without_a_gap(store, journal):
    records = [record_of(slot_at(day), f"run-{day:08d}") for day in range(24)]
    with ThreadPoolExecutor(8) as pool:
        hashes = set(pool.map(lambda record: journal.seal(record, None), records))
    with store.reading() as connection:
        rows = connection.execute(select(RUNS).order_by(RUNS.c.sequence)).all()
    assert [row.sequence for row in rows] == list(range(1, 25))
    assert [row.previous_hash for row in rows] == [GENESIS, *(row.hash for row in rows[:-1])]
    assert {row.hash for row in rows} == hashes


def test_P04_sealing_again_after_a_lost_answer_finds_the_same_record(store, journal):
    first = journal.seal(record_of(), None)
    assert journal.seal(record_of(), None) == first
    assert (rows_in(store, RUNS), rows_in(store, SIGNALS), rows_in(store, VERDICTS)) == (1, 3, 3)
    with pytest.raises(StoreError, match="sealed already, with other content"):
        journal.seal(record_of(message="another story"), None)


def test_seal_that_fails_half_way_leaves_nothing(store, journal):
    broken = record_of()
    bad = Signal("sma", "AAPL", 1.0, 0.5, "lone surrogate \ud800")
    with pytest.raises((StoreError, UnicodeEncodeError)):
        journal.seal(broken.model_copy(update={"signals": (bad,)}), None)
    assert (rows_in(store, RUNS), rows_in(store, SIGNALS)) == (0, 0)


# --- panels --------------------------------------------------------------------------------------------------


def test_panel_comes_back_equal_under_its_digest(journal, history):
    bars = panel()
    journal.seal(record_of(data=data_of(bars)), bars)
    stored = history.bars(bars.digest())
    assert (stored.symbols, stored.timeframe, stored.provider, stored.adjustment) == (
        bars.symbols,
        bars.timeframe,
        bars.provider,
        bars.adjustment,
    )
    assert np.array_equal(stored.times, bars.times)
    assert all(np.array_equal(stored.panel(name), bars.panel(name), equal_nan=True) for name in FIELDS)
    assert stored.digest() == bars.digest()
    assert history.bars("0" * 64) is None


def test_panel_without_a_bar_comes_back(journal, history):
    bars = panel().rows(0, 0)
    seen = data_of(panel()).model_copy(update={"digest": bars.digest(), "bars": 0, "last_bar": None})
    journal.seal(record_of(data=seen), bars)
    assert history.bars(bars.digest()).digest() == bars.digest()


def test_known_panel_is_not_written_again(store, journal):
    bars = panel()
    for day in range(3):
        journal.seal(record_of(slot_at(day), f"run-{day:08d}", data=data_of(bars)), bars)
    assert rows_in(store, FRAMES) == 1


def test_panel_that_the_record_does_not_name_is_refused(store, journal):
    with pytest.raises(StoreError, match="the record names"):
        journal.seal(record_of(data=data_of(panel())), panel(seed=1))
    assert rows_in(store, RUNS) == 0


def test_changed_panel_is_noticed(store, history):
    row = frames.pack(panel(), panel().digest())
    forged = frames.pack(panel(seed=1), panel(seed=1).digest())["body"]
    with store.writing() as connection:
        connection.execute(insert(FRAMES), [{**row, "body": forged}, {**row, "digest": "ab", "body": b"short"}])
    with pytest.raises(StoreError, match="has changed"):
        history.bars(row["digest"])
    with pytest.raises(StoreError, match="cannot be read"):
        history.bars("ab")


# --- equity --------------------------------------------------------------------------------------------------


def seal_equity(journal, *points):
    for number, (day, minutes, equity) in enumerate(points):
        slot = slot_at(day)
        as_of = slot.planned + timedelta(minutes=minutes)
        journal.seal(record_of(slot, f"run-{number:08d}", equity=D(equity), as_of=as_of), None)


def test_reference_equity_is_the_last_before_the_session_or_its_own_first_and_the_highest_so_far(journal):
    assert journal.reference_equity("acct", slot_at().session) == (None, None)
    seal_equity(journal, (0, 0, "900"), (0, 5, "1000"), (1, 0, "99"), (2, 0, "950.5"))
    assert journal.reference_equity("acct", slot_at(0).session) == (D(900), D(1000))
    assert journal.reference_equity("acct", slot_at(1).session) == (D(1000), D(1000))
    assert journal.reference_equity("acct", slot_at(2).session) == (D(99), D(1000))
    assert journal.reference_equity("acct", slot_at(9).session) == (D("950.5"), D(1000))
    assert journal.reference_equity("other", slot_at(9).session) == (None, None)


def test_equity_curve_is_oldest_first_and_cut_at_the_old_end(journal, history):
    seal_equity(journal, (0, 0, "900"), (1, 0, "1000"), (2, 0, "950"))
    assert [point.equity for point in history.equity("acct")] == [D(900), D(1000), D(950)]
    assert [point.equity for point in history.equity("acct", 2)] == [D(1000), D(950)]


def test_dry_run_and_unknown_equity_leave_no_point(journal, history):
    journal.seal(record_of(dry_run=True), None)
    journal.seal(record_of(slot_at(1), "second-run", equity=None), None)
    assert history.equity("acct") == ()


def test_seal_keeps_the_last_known_mark_of_a_position(journal, history):
    intent = frozen_order(journal)
    journal.record(event_of(intent, OrderState.FILLED), [fill_of(intent, 1, "10")])
    assert history.positions()[0].mark is None
    journal.seal(record_of(), None)
    assert history.positions()[0].mark == D("101.1")
