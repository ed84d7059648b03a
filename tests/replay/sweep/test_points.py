"""Sweeps: the grid, the same numbers whoever works, and rows that outlive a kill."""

import json
import subprocess
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from openbell import planfiles
from openbell.errors import InputError
from openbell.feeds.sample import SampleFeed
from openbell.ports import Historical
from openbell.ports.feed import Touching
from openbell.replay.run import replay
from openbell.replay.sweep.grid import MOST, parse_grid
from openbell.replay.sweep.kept import keep, kept_feed, load, pack, save, unpack
from openbell.replay.sweep.sweep import sweep
from openbell.replay.sweep.work import FIGURES, figures
from openbell.values.bars import Timeframe
from openbell.values.plan import Plan
from openbell.values.time import parse_instant
from tests.replay.sweep.sweeping import GRID, PLAN, asked, command, labour

# --- the grid ------------------------------------------------------------------------------------------------


def test_a_bare_name_is_the_parameter_of_the_only_strategy_that_has_it():
    grid = parse_grid(PLAN, GRID)
    assert [axis.key for axis in grid.axes] == ["strategies.0.params.fast", "strategies.0.params.slow"]
    assert [tuple(point.values()) for point in grid.points()] == [("3", "10"), ("3", "20"), ("5", "10"), ("5", "20")]


def test_dotted_keys_of_the_plan_can_be_swept():
    grid = parse_grid(PLAN, ["risk.max_positions=1:3:1", "strategies.ts_momentum.params.window=10,20"])
    assert [axis.key for axis in grid.axes] == ["risk.max_positions", "strategies.1.params.window"]


@settings(max_examples=60)
@given(
    start=some.decimals(-1000, 1000, places=3),
    step=some.decimals("0.001", 10, places=3),
    count=some.integers(0, 50),
    rest=some.decimals("0", "0.999", places=3),
)
def test_a_range_is_exact_and_has_both_ends(start: Decimal, step: Decimal, count: int, rest: Decimal):
    end = start + count * step + rest * step
    (axis,) = parse_grid(PLAN, [f"fast={start}:{end}:{step}"]).axes
    values = [Decimal(value) for value in axis.values]
    assert values == [start + number * step for number in range(count + 1)]
    assert "." not in axis.values[0] or not axis.values[0].endswith("0")


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        (["fast=1:10000000:1"], f"the grid has 10,000,000 points (10,000,000), above the limit of {MOST:,}"),
        (["fast=1:1000:1", "slow=1:1000:1"], "the grid has 1,000,000 points (1,000 x 1,000)"),
        (["window=5,10"], "a parameter of several strategies: it may be strategies.ts_momentum.params.window, strat"),
        (["fats=1,2"], "unknown key 'fats'; did you mean 'fast'?"),
        (["risk.max_position=1,2"], "did you mean 'risk.max_positions'?"),
        (["fast=5:1:1"], "last 1 is before first 5"),
        (["fast=1:5:0"], "step 0 is not above 0"),
        (["fast=1:5:-1"], "step -1 is not above 0"),
        (["fast=1:5"], "has no step"),
        (["fast=1,,2"], "has an empty value"),
        (["fast=1,1"], "value '1' stands twice"),
        (["fast=1,2", "strategies.0.params.fast=3"], "are the same key"),
        (["fast=1,2", "fast=3"], "is set twice"),
        (["fast"], "is not KEY=VALUE"),
        (["fast=1:1e99:1"], "beyond any sensible range"),
        ([], "at least one KEY=VALUES"),
    ],
)
def test_a_grid_that_cannot_be_is_one_clear_error(texts, complaint):
    with pytest.raises(InputError) as caught:
        parse_grid(PLAN, texts)
    assert complaint in str(caught.value)


# --- the bars that are shared --------------------------------------------------------------------------------


def test_kept_bars_are_the_feed_s_own_for_any_lookback_from_files_and_from_memory(tmp_path):
    symbols, day, as_of = PLAN.universe, Timeframe("1d"), parse_instant("2026-10-30T20:00:00Z")
    kept = keep(SampleFeed(), symbols, day, as_of)
    assert kept is not None
    save(kept, tmp_path)
    head, arrays = pack(kept)
    for copy in (kept, load(tmp_path), unpack(head, arrays)):
        for count in (1, 20, 500):
            ours = kept_feed(SampleFeed(), copy).history(symbols, day, count, as_of)
            theirs = SampleFeed().history(symbols, day, count, as_of)
            assert ours.bars.digest() == theirs.bars.digest()
            assert np.array_equal(ours.fit, theirs.fit)
            assert np.array_equal(ours.newest, theirs.newest)
            assert np.array_equal(ours.starts, theirs.starts)
            assert (ours.dropped, ours.doubted, ours.notes) == (theirs.dropped, theirs.doubted, theirs.notes)
    feed = kept_feed(SampleFeed(), kept)
    assert feed.history(("IBM",), day, 5, as_of).bars.symbols == ("IBM",)
    assert [isinstance(feed, kind) for kind in (Historical, Touching)] == [True, True]


def test_a_kept_feed_can_do_no_more_than_the_one_behind():
    class Plain:
        provider = "plain"
        history = SampleFeed.history
        quote = SampleFeed.quote

    kept = keep(SampleFeed(), PLAN.universe, Timeframe("1d"), parse_instant("2026-10-30T20:00:00Z"))
    assert not isinstance(kept_feed(Plain(), kept), Touching)
    assert kept_feed(Plain(), None).provider == "plain"


def test_bars_with_faults_are_not_kept_and_every_point_asks_the_feed(tmp_path):
    @dataclass(frozen=True)
    class Faulty(SampleFeed):
        """A fault in the tenth bar from the end, which every run sees whose window reaches it."""

        def history(self, symbols, timeframe, count, as_of):
            found = super().history(symbols, timeframe, count, as_of)
            fit = found.fit.copy()
            fit[len(fit) - 10 : len(fit) - 10 + count, 0] = False
            return replace(found, fit=fit)

    wanted = replace(asked(), feed=Faulty())
    assert keep(wanted.feed, PLAN.universe, Timeframe("1d"), parse_instant("2026-10-30T20:00:00Z")) is None
    (row,) = sweep(wanted, parse_grid(PLAN, ["fast=5"]), labour(tmp_path)).rows
    assert row.figures == figures(replay(wanted))


# --- who works -----------------------------------------------------------------------------------------------


def test_every_point_is_a_replay_with_its_values(tmp_path):
    found = sweep(asked(), parse_grid(PLAN, GRID), labour(tmp_path))
    body = PLAN.model_dump(mode="json")
    for row in found.rows:
        params = {
            "fast": int(row.point["strategies.0.params.fast"]),
            "slow": int(row.point["strategies.0.params.slow"]),
        }
        body["strategies"][0]["params"] = params
        alone = replay(asked(Plan.model_validate(body)))
        assert row.figures == figures(alone)
        assert Decimal(row.cash) == alone.closing_cash
    assert len({row.cash for row in found.rows}) > 1


@pytest.mark.parametrize("workers", ["copied", "new"])
def test_one_process_and_several_find_the_same_numbers(tmp_path, workers):
    grid = parse_grid(PLAN, ("fast=3,5,7", "slow=10,20"))
    one = sweep(asked(), grid, labour(tmp_path, jobs=1, fresh=True))
    with another_thread() if workers == "new" else nullcontext():
        more = sweep(asked(), grid, labour(tmp_path, jobs=2 if workers == "new" else 3, fresh=True))
    assert one.rows == more.rows
    assert all(row.figures.keys() == set(FIGURES) for row in one.rows)


@contextmanager
def another_thread():
    """A process with another thread is not copied: its workers are new ones."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_dask_cluster_finds_the_same_numbers(tmp_path):
    pytest.importorskip("distributed")
    done = subprocess.run(
        command(tmp_path, "--dask", "local", "--jobs", "2"), capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    plan = planfiles.load(tmp_path / "swept.toml")
    here = sweep(asked(plan), parse_grid(plan, ("fast=3,5,7", "slow=10,20")), labour(tmp_path, rows=tmp_path / "here"))
    found = {tuple(row["point"].values()): row["figures"] for row in json.loads(done.stdout)["rows"]}
    assert found == {tuple(row.point.values()): dict(row.figures) for row in here.rows}


# --- rows that outlive a kill --------------------------------------------------------------------------------


# --- which did best ------------------------------------------------------------------------------------------
