"""Ids, slots and canonical text: equal things are equal everywhere."""

import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openbell.errors import InputError
from openbell.values import canonical, money
from openbell.values.orders import client_order_id
from openbell.values.slot import Slot
from openbell.values.time import as_utc, iso, parse_duration, parse_instant

SLOT = Slot("demo", "trade", datetime(2026, 11, 20, 14, 35, tzinfo=UTC), date(2026, 11, 20))


def test_the_id_of_an_intent_fits_every_venue() -> None:
    made = client_order_id("paper-1", "paper", ["a", "b"], SLOT, "AAPL", 0)
    assert re.fullmatch(r"[a-z0-9-]{26,32}", made)


def test_the_id_is_the_same_in_another_process() -> None:
    code = (
        "from datetime import *; from openbell.values.orders import client_order_id as c;"
        "from openbell.values.slot import Slot;"
        "s = Slot('demo', 'trade', datetime(2026, 11, 20, 14, 35, tzinfo=UTC), date(2026, 11, 20));"
        "print(c('paper-1', 'paper', ['b', 'a'], s, 'AAPL', 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == client_order_id("paper-1", "paper", ["a", "b"], SLOT, "AAPL", 0)


@pytest.mark.parametrize(
    "other",
    [
        ("paper-2", "paper", ["a"], SLOT, "AAPL", 0),
        ("paper-1", "live", ["a"], SLOT, "AAPL", 0),
        ("paper-1", "paper", ["b"], SLOT, "AAPL", 0),
        ("paper-1", "paper", ["a"], SLOT, "MSFT", 0),
        ("paper-1", "paper", ["a"], SLOT, "AAPL", 1),
        ("paper-1", "paper", ["a"], Slot("demo", "trade", SLOT.planned + timedelta(days=1), SLOT.session), "AAPL", 0),
    ],
)
def test_whatever_an_order_is_for_changes_its_id(other: tuple) -> None:
    assert client_order_id(*other) != client_order_id("paper-1", "paper", ["a"], SLOT, "AAPL", 0)


def test_a_slot_has_one_key_and_is_in_utc() -> None:
    assert SLOT.key == "demo/trade/2026-11-20T14:35:00Z"
    with pytest.raises(InputError, match="has no zone"):
        Slot("demo", "trade", datetime(2026, 11, 20, 14, 35), date(2026, 11, 20))
    with pytest.raises(InputError, match="not in UTC"):
        Slot("demo", "trade", SLOT.planned.astimezone(timezone(timedelta(hours=-5))), SLOT.session)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False,
       allow_infinity=False, places=9), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_canonical_text_is_stable_and_ordered(value: object) -> None:
    assert canonical.dumps(value) == canonical.dumps(value)
    assert canonical.digest({"b": value, "a": 1}) == canonical.digest({"a": 1, "b": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="canonical form"):
        canonical.dumps(value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**12), max_value=10**12))
def test_P12_amounts_keep_their_value_as_text(amount: Decimal) -> None:
    assert money.to_decimal(money.text(amount)) == amount
    assert "E" not in money.text(amount)


@given(st.decimals(0, 10**9, places=9), st.sampled_from([Decimal(1), Decimal("0.01"), Decimal("0.000000001")]))
def test_a_quantity_is_only_ever_cut(quantity: Decimal, step: Decimal) -> None:
    cut = money.floor_to(quantity, step)
    assert quantity - step < cut <= quantity
    assert cut % step == 0


@pytest.mark.parametrize("text", ["", "5", "5 m", "1w", "m", "--5m", "5.5m", "999999s"])
def test_a_duration_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError, match=re.escape(repr(text))):
        parse_duration(text, "grace")


def test_durations_have_a_sign() -> None:
    assert parse_duration("-10m") == timedelta(minutes=-10)
    assert parse_duration("+24h") == timedelta(days=1)


def test_D15_an_instant_without_a_zone_is_refused_never_guessed() -> None:
    with pytest.raises(InputError, match="as_of 2026-11-20T14:35:00 has no zone"):
        as_utc(datetime(2026, 11, 20, 14, 35), "as_of")
    with pytest.raises(InputError, match="has no zone"):
        parse_instant("2026-11-20T14:35:00", "as_of")
    with pytest.raises(InputError, match="not an ISO 8601 instant"):
        parse_instant("yesterday", "as_of")
    assert iso(parse_instant("2026-11-20T09:35:00-05:00")) == "2026-11-20T14:35:00Z"


def test_an_instant_of_another_library_becomes_a_plain_one() -> None:
    class Fancy(datetime):
        pass

    moved = as_utc(Fancy(2026, 11, 20, 9, 35, 0, 7, tzinfo=timezone(timedelta(hours=-5))))
    assert type(moved) is datetime
    assert moved == datetime(2026, 11, 20, 14, 35, 0, 7, tzinfo=UTC)
