"""An explanation in words: line by line, whatever texts it carries."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from openbell.stages.explain import explain, render
from openbell.values import canonical
from openbell.values.record import RunRecord
from tests.stages.hostile import KNOWN, poisoned, texts
from tests.stages.records import (
    LAST_BAR,
    UNIVERSE,
    dry_record,
    failed_record,
    quiet_record,
    sample_data,
    sample_record,
    skipped_record,
)


@pytest.mark.parametrize(
    "record",
    [sample_record(), quiet_record(), dry_record(), skipped_record(), failed_record()],
    ids=lambda r: r.outcome,
)
def test_trace_is_plain_json(record):
    found: dict[str, Any] = json.loads(json.dumps(canonical.plain(explain(record)), allow_nan=False))
    assert [symbol["symbol"] for symbol in found["symbols"]] == list(UNIVERSE)
    assert found["guards"][0] == {"name": "enabled", "passed": True, "code": "", "detail": ""}


def test_rendered_trace_reads_stage_by_stage():
    text = render(explain(sample_record(), "GOOG"), ZoneInfo("America/New_York"))
    assert text.partition("\n\n")[2] == (
        "GOOG\n"
        "  data      in the panel\n"
        "            last 1d bar 2026-11-23 16:00 EST, 17 h 35 min old\n"
        "  signals   sma_crossover  buy  target +1    confidence 0.8   fast average 612.00 above slow 598.00\n"
        "            rsi            buy  target +0.5  confidence 0.62  RSI 24.1 below 30\n"
        "  sizing    buy 8 at about 605.25 (entry, market)\n"
        "            sma_crossover  +5\n"
        "            rsi            +3\n"
        "  gate      clipped 3 of 8\n"
        "            min_confidence      approved  measured 0.8000   limit 0.5000\n"
        "            max_order_notional  clipped   measured 4842.00  limit 2000.00  <- decided\n"
        "  order     partial, 2 of 3 filled at 605.30\n"
        "  fills     2 at 605.30  fee 0.35  2026-11-24 09:35:02 EST\n"
        "  because   GOOG: the buy of 8 was cut to 3 by max_order_notional (measured 4842.00, limit 2000.00) and is "
        "working with 2 of 3 filled at 605.30. Asked for by sma_crossover (+5) and rsi (+3).\n"
    )


def test_rendered_trace_names_the_guard_that_blocked_and_the_kind_of_prices():
    assert "window   BLOCKED  HOLIDAY: XNYS closed: Thanksgiving Day" in render(explain(skipped_record()))
    assert "  prices    sample prices (real daily bars" in render(explain(sample_record()))


def test_bar_after_the_decision_is_not_called_old():
    late = sample_data(last_bar=LAST_BAR.replace(year=2027))
    assert "after the decision" in render(explain(sample_record(data=late), "AAPL"))


def check_lines(record: RunRecord) -> None:
    trace = explain(record)
    lines = render(trace).split("\n")
    assert all(line.isprintable() for line in lines)
    assert all("<script" not in line for line in lines)
    blocks = [line for line in lines if line and not line.startswith(" ")]
    assert len(blocks) == 1 + len(trace.symbols)
    assert sum(line.startswith("  because ") for line in lines) == len(trace.symbols)


@pytest.mark.parametrize("text", KNOWN)
def test_X15_known_hostile_texts_stay_on_their_line(text):
    check_lines(poisoned(text))


@given(text=texts)
@settings(max_examples=100, deadline=None)
def test_X15_any_text_stays_on_its_line(text):
    check_lines(poisoned(text))
