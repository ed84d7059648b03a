"""Amounts and instants come back as they were written, and what is not one is refused."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from openbell.errors import StoreError
from openbell.store.order_tables import BOOKS
from openbell.store.texts import rulings_of, rulings_text
from openbell.store.watch_tables import SWITCHES
from openbell.values.verdict import Decision, Ruling

ONE_STORE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
amounts = st.decimals("-1e12", "1e12", places=9) | st.sampled_from(
    [Decimal("1e-9"), Decimal("-1e-9"), Decimal("1E+12"), Decimal("0.10"), Decimal("-0"), Decimal(1) / Decimal(3)]
)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


class UndoneError(Exception):
    """Ends a transaction without keeping anything."""


def written_and_read(store, table, rows, column):
    found = []
    with suppress(UndoneError), store.writing() as connection:
        connection.execute(insert(table), rows)
        found = connection.execute(select(table.c[column]).order_by(*table.primary_key)).scalars().all()
        raise UndoneError
    return found


def book(number, quantity):
    return {"account": "a", "plan": "p", "strategy": "s", "symbol": f"{number:04d}", "quantity": quantity}


def test_P12_amounts_from_a_billionth_to_a_trillion_come_back_exactly(store):
    @ONE_STORE
    @given(st.lists(amounts, min_size=1, max_size=50))
    def round_trip(values):
        rows = [book(number, value) for number, value in enumerate(values)]
        found = written_and_read(store, BOOKS, rows, "quantity")
        assert found == values
        assert all(isinstance(value, Decimal) for value in found)

    round_trip()


@pytest.mark.parametrize("value", [0.1, 1, Decimal("NaN"), Decimal("Infinity"), "1"])
def test_P12_what_is_not_a_finite_decimal_is_refused(store, value):
    with pytest.raises(StoreError, match="not a finite Decimal"):
        written_and_read(store, BOOKS, [book(1, value)], "quantity")


def test_instants_come_back_to_the_microsecond_in_utc_and_in_order(store):
    @ONE_STORE
    @given(st.lists(instants, min_size=1, max_size=30))
    def round_trip(values):
        rows = [
            {"epoch": number, "level": "active", "actor": "", "reason": "", "time": value}
            for number, value in enumerate(values)
        ]
        found = written_and_read(store, SWITCHES, rows, "time")
        assert found == values
        assert {value.utcoffset() for value in found} == {timedelta(0)}

    round_trip()


def test_instant_in_another_zone_is_the_same_instant_and_a_naive_one_is_refused(store):
    row = {"epoch": 1, "level": "active", "actor": "", "reason": ""}
    abroad = datetime(2026, 3, 2, 9, 35, tzinfo=timezone(timedelta(hours=-5)))
    (found,) = written_and_read(store, SWITCHES, [{**row, "time": abroad}], "time")
    assert found.isoformat() == "2026-03-02T14:35:00+00:00"
    with pytest.raises(StoreError, match="has no zone"):
        written_and_read(store, SWITCHES, [{**row, "time": abroad.replace(tzinfo=None)}], "time")


quantities = st.decimals("0", "1e6", places=9)
rulings = st.builds(Ruling, st.text(max_size=9), st.sampled_from(Decision), st.text(), st.text(), quantities)


@given(quantities, st.lists(rulings, max_size=6))
def test_rulings_come_back_from_their_text(asked, said):
    assert rulings_of(asked, rulings_text(asked, said)) == tuple(said)
