"""What every exit rule promises (``openbell.exits.base``), as a suite to subclass.

A plug-in's own suite subclasses ``ExitContract`` and gives it an ``exit_rule`` fixture whose limit the calm positions
of ``tests.exits.holdings`` do not reach.
"""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from openbell.exits.base import ExitRule
from openbell.exits.holdings import COLUMNS, Holdings
from openbell.exits.judge import judge_exits
from tests.exits.holdings import holdings

SIDES = ("LONG", "SHORT")
BAD = (np.nan, np.inf, -np.inf)
numbers = st.one_of(st.floats(width=64), st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 1e308, 5e-324, *BAD]))


def calm() -> Holdings:
    """A long and a short position that nobody would close."""
    return holdings(SIDES, quantity=[10, -10], mark=[101, 99])


@st.composite
def hostile(draw) -> Holdings:
    """Positions in which anything may be missing, infinite, absurd or of the wrong sign."""
    count = draw(st.integers(0, 6))
    names = tuple(f"S{n}" for n in range(count))
    rows = arrays.arrays(np.float64, (count,), elements=numbers)
    return Holdings(names, **{name: draw(rows) for name in COLUMNS})


def rows(held: Holdings, at: np.ndarray) -> Holdings:
    """Some of the positions, in another order."""
    return Holdings(tuple(held.symbols[n] for n in at), **{name: getattr(held, name)[at] for name in COLUMNS})


class ExitContract:
    """The suite; ``exit_rule`` is the only fixture that a subclass must give."""

    @pytest.fixture
    def exit_rule(self) -> ExitRule:
        raise NotImplementedError

    def test_calm_positions_are_kept(self, exit_rule):
        assert judge_exits([exit_rule], calm()) == ()

    def test_it_measures_one_number_on_each_position(self, exit_rule):
        measured = exit_rule.measure(calm())
        assert measured.shape == (2,)
        assert measured.dtype == np.float64
        assert np.isfinite(measured).all()

    @pytest.mark.parametrize("column", COLUMNS)
    @pytest.mark.parametrize("value", BAD)
    def test_I14_what_is_needed_and_missing_closes_nothing_and_the_rest_does_not_matter(self, exit_rule, column, value):
        known = exit_rule.measure(calm())
        spoiled = replace(calm(), **{column: np.full(2, value)})
        measured = exit_rule.measure(spoiled)
        if column in exit_rule.needs:
            assert judge_exits([exit_rule], spoiled) == ()
        else:
            assert np.array_equal(measured, known), f"{exit_rule.name} depends on {column} without saying so"

    def test_every_need_is_a_column_that_matters(self, exit_rule):
        assert set(exit_rule.needs) <= set(COLUMNS)
        assert exit_rule.needs
        known = exit_rule.measure(calm())
        for column in set(exit_rule.needs) - _either(exit_rule):
            changed = replace(calm(), **{column: getattr(calm(), column) * -1 - 7})
            assert not np.array_equal(exit_rule.measure(changed), known, equal_nan=True), column

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(held=hostile())
    def test_no_position_breaks_it_and_each_is_closed_at_most_once(self, exit_rule, held):
        fired = judge_exits([exit_rule], held)
        assert len({one.symbol for one in fired}) == len(fired)
        assert fired == judge_exits([exit_rule], held)
        for one in fired:
            assert one.measured
            assert one.limit
            assert one.rule == exit_rule.name

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(held=hostile(), data=st.data())
    def test_a_position_is_judged_by_itself_alone(self, exit_rule, held, data):
        order = np.array(data.draw(st.permutations(range(len(held)))), np.intp)
        together = exit_rule.measure(held)
        assert np.array_equal(exit_rule.measure(rows(held, order)), together[order], equal_nan=True)

    def test_nothing_is_written_to(self, exit_rule):
        held = calm()
        for name in COLUMNS:
            getattr(held, name).flags.writeable = False
        exit_rule.measure(held)

    def test_every_field_is_described_and_a_bare_value_has_a_field_to_go_to(self, exit_rule):
        for name, field in type(exit_rule).model_fields.items():
            assert field.description, name
        assert not type(exit_rule).model_fields or exit_rule.main in type(exit_rule).model_fields
        assert exit_rule.measures
        assert exit_rule.say(exit_rule.limit)

    def test_it_does_not_change_what_the_others_see(self, exit_rule):
        assert {field.name for field in fields(Holdings)} == {"symbols", *COLUMNS}


def _either(rule: ExitRule) -> set[str]:
    """Columns that need not show on calm positions: those of which a rule takes one or the other."""
    return {"high", "low", "age", "sessions"} & set(rule.needs)
