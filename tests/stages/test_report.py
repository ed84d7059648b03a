"""A record as a person reads it."""

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt
from markdown_it.token import Token

from openbell.stages.report import LONGEST_TABLE, headline, markdown, tables
from openbell.values.orders import OrderState, Side
from openbell.values.record import Outcome, RunRecord
from openbell.values.signal import Signal
from tests.stages.hostile import KNOWN, poisoned, texts
from tests.stages.records import (
    dry_record,
    failed_record,
    limit_intent,
    order_record,
    quiet_record,
    sample_data,
    sample_intent,
    sample_order,
    sample_record,
    sample_verdict,
    skipped_record,
)

NEW_YORK = ZoneInfo("America/New_York")
KEYS = ["signals", "verdicts", "unplaced", "orders", "fills", "positions", "guards", "dropped"]
ON_PAGE = ["guards", "dropped", "signals", "verdicts", "unplaced", "orders", "fills", "positions"]
GFM = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def parsed_tables(page: str) -> list[list[list[str]]]:
    """Tables of a page as a markdown parser sees them, as rows of cell texts; inline markup is an error."""
    found: list[list[list[str]]] = []
    for token in GFM.parse(page):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found and found[-1] and token.level >= 4:
            found[-1][-1].append(said(token))
    return found


def said(token: Token) -> str:
    """Text of an inline token that holds nothing but text."""
    children = token.children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    return "".join(child.content for child in children)


# --- the headline --------------------------------------------------------------------------------------------


def test_headline_counts_every_end_of_an_order():
    line = "completed: 3 orders (1 filled, 1 partly filled, 1 denied by max_price_age), equity 100,297.88 USD"
    assert headline(sample_record()) == line


def test_headline_of_two_filled_and_one_denied():
    buys = [sample_intent(symbol, Side.BUY, "1", "10", id=symbol) for symbol in ("AAPL", "FB", "IBM")]
    verdicts = (
        *(sample_verdict(buy, "1") for buy in buys[:2]),
        sample_verdict(buys[2], "0", "max_positions", "5", "5"),
    )
    orders = tuple(sample_order(buy, "1", OrderState.FILLED, filled=Decimal(1)) for buy in buys[:2])
    record = sample_record(intents=tuple(buys), verdicts=verdicts, orders=orders, equity=Decimal("100123.45"))
    line = "completed: 3 orders (2 filled, 1 denied by max_positions), equity 100,123.45 USD"
    assert headline(record) == line


def test_headline_of_a_run_that_wanted_nothing_says_why():
    line = "completed: no orders (1 without an opinion, 1 at target), equity 100,297.88 USD"
    assert headline(quiet_record()) == line
    assert headline(quiet_record(unplaced=(), signals=())) == "completed: no orders, equity 100,297.88 USD"


def test_headline_of_a_single_order_does_not_count_it():
    record = order_record(OrderState.REJECTED, reason="insufficient buying power")
    assert headline(record) == "completed: 1 order (rejected by the broker), equity 100,297.88 USD"


def test_headline_of_a_dry_run_says_that_nothing_was_sent():
    line = "dry run completed: 3 orders (2 would be sent, 1 denied by max_price_age), equity 100,297.88 USD"
    assert headline(dry_record()) == line


def test_headline_of_a_skip_is_its_reason():
    assert headline(skipped_record()) == "skipped: XNYS closed: Thanksgiving Day"
    assert headline(skipped_record("breaker", "BREAKER", "")) == "skipped: BREAKER"


def test_headline_of_a_failure_keeps_the_orders_that_were_sent():
    assert headline(failed_record()) == "failed: sample did not answer within 60 s"
    assert headline(failed_record(code="", message="")) == "failed: no reason is recorded"
    record = order_record(OrderState.UNKNOWN).model_copy(update={"outcome": Outcome.FAILED, "message": "store lost"})
    assert headline(record) == "failed: store lost; 1 order (of unknown outcome)"


def test_headline_does_not_show_unknown_equity_as_zero():
    assert headline(quiet_record(equity=None)).endswith(", equity unknown")


@pytest.mark.parametrize("state", list(OrderState))
def test_headline_has_a_word_for_every_order_state(state):
    assert headline(order_record(state)).startswith("completed: 1 order (")


# --- tables --------------------------------------------------------------------------------------------------


def test_tables_are_always_all_there_and_all_text():
    for record in (sample_record(), quiet_record(), skipped_record(), failed_record()):
        rows = tables(record)
        assert list(rows) == KEYS
        for table in rows.values():
            assert all(list(row) == list(table[0]) for row in table)
            assert all(type(cell) is str for row in table for cell in row.values())


def test_verdict_rows_carry_side_rule_value_and_limit():
    assert tables(sample_record())["verdicts"][1] == {
        "symbol": "GOOG",
        "side": "buy",
        "asked": "8",
        "allowed": "3",
        "decision": "clipped",
        "rule": "max_order_notional",
        "measured": "4842.00",
        "limit": "2000.00",
    }


def test_verdict_without_its_intent_has_an_unknown_side():
    assert tables(sample_record(intents=()))["verdicts"][0]["side"] == "unknown"


def test_position_without_a_mark_is_unknown_and_never_zero():
    held = sample_record().holdings[0].model_copy(update={"mark": None})
    record = sample_record(holdings=(held,), equity=None)
    row = tables(record)["positions"][0]
    assert (row["mark"], row["value"], row["unrealised P&L"]) == ("unknown", "unknown", "unknown")
    assert "equity unknown, because the price of AAPL is unknown" in markdown(record)


def test_position_row_shows_value_and_profit():
    assert tables(sample_record())["positions"][2] == {
        "symbol": "IBM",
        "quantity": "20",
        "average price": "180.50",
        "mark": "190.05",
        "value": "3,801.00",
        "unrealised P&L": "191.00",
    }


def test_order_row_shows_prices_of_its_type_and_no_average_before_a_fill():
    row = tables(sample_record(orders=(sample_order(limit_intent(), "1", OrderState.ACKED),)))["orders"][0]
    assert (row["type"], row["state"], row["filled"], row["average price"]) == ("limit 10.50", "acked", "0", "none")


def test_signal_without_a_target_is_a_hold():
    row = tables(sample_record())["signals"][4]
    assert (row["stance"], row["target"], row["confidence"]) == ("hold", "none", "0")


def test_unplaced_without_detail_is_told_in_words():
    assert tables(quiet_record())["unplaced"][0]["detail"] == "no strategy has an opinion on it"


def test_times_are_in_the_zone_that_was_asked_for():
    assert tables(sample_record(), NEW_YORK)["fills"][0]["time"] == "2026-11-24 09:35:02 EST"
    assert tables(sample_record())["fills"][0]["time"] == "2026-11-24 14:35:02 UTC"


# --- the page ------------------------------------------------------------------------------------------------


def test_page_tells_slot_and_session_in_exchange_time():
    page = markdown(sample_record(), NEW_YORK)
    assert page.startswith("# demo trade: session 2026-11-24\n")
    assert "Slot 2026-11-24 09:35 EST, decided for 2026-11-24 09:35:01 EST on paper account demo." in page


def test_page_has_each_table_in_the_order_of_the_run():
    page = markdown(sample_record(), NEW_YORK)
    titles = [line[3:] for line in page.splitlines() if line.startswith("## ")]
    order = ["Symbols left out", "Signals", "Risk gate", "No trade", "Orders", "Fills", "Positions", "Account"]
    assert titles == order
    assert "Cash 93,488.44 USD, equity 100,297.88 USD." in page


def test_page_tells_in_words_what_was_decided():
    page = markdown(sample_record())
    assert "2 strategies gave 6 signals on 4 symbols. 1 symbol led to no order: 1 at target." in page
    assert "3 orders went through the risk gate: 1 approved, 1 clipped and 1 denied." in page
    assert "Passed 8 guards: enabled, halted, breaker, slot, window, lateness, broker, account risk." in page


def test_page_says_plainly_that_prices_are_samples():
    assert "Data: sample prices (real daily bars of 2000 to 2013" in markdown(sample_record())
    assert "Data: prices of files;" in markdown(sample_record(data=sample_data(provider="files")))


def test_page_of_a_panel_without_bars_says_so():
    page = markdown(sample_record(data=sample_data(bars=0, symbols=0, last_bar=None)))
    assert "no bars of 1d (raw) for no symbols, without a single bar." in page


def test_page_of_a_skip_names_the_guard_and_shows_how_far_it_got():
    page = markdown(skipped_record())
    assert "The guard **window** stopped the run" in page
    assert "Reason code: HOLIDAY." in page
    assert parsed_tables(page)[0][-1] == ["window", "blocked", "HOLIDAY", "XNYS closed: Thanksgiving Day"]
    assert "## Signals" not in page


def test_page_of_a_dry_run_says_that_nothing_was_sent():
    assert "This was a dry run: the slot was not claimed and nothing was sent." in markdown(dry_record())


def test_long_table_is_cut_with_a_way_to_the_rest():
    signals = tuple(Signal("sma_crossover", f"S{number}", 1.0, 0.5, "up") for number in range(1234))
    page = markdown(sample_record(signals=signals))
    table = next(rows for rows in parsed_tables(page) if rows[0][0] == "strategy")
    assert len(table) == 1 + LONGEST_TABLE
    assert "and 1,184 more (openbell show 0a1b2c3d)" in page
    assert len(tables(sample_record(signals=signals))["signals"]) == 1234


def test_page_does_not_show_a_timing_that_is_no_number():
    assert "nan" not in markdown(sample_record(timings={"fetch-data": float("nan"), "seal": 0.25}))


# --- hostile texts -------------------------------------------------------------------------------------------


def check_page(record: RunRecord) -> None:
    page = markdown(record)
    assert all(char == "\n" or char.isprintable() for char in page)
    assert "<" not in page
    for token in GFM.parse(page):
        assert token.type not in ("html_block", "fence", "code_block", "blockquote_open")
        kinds = {child.type for child in token.children or []}
        assert kinds <= {"text", "text_special", "strong_open", "strong_close", "softbreak"}
    rows = tables(record)
    expected = [[list(rows[name][0]), *map(list, map(dict.values, rows[name]))] for name in ON_PAGE if rows[name]]
    assert parsed_tables(page) == expected
    lines = [line.count("|") - 1 for line in page.splitlines() if "|" in line]
    assert lines == [len(table[0]) for table in expected for _ in range(len(table) + 1)]


def check_cells(record: RunRecord) -> None:
    for rows in tables(record).values():
        for cell in (cell for row in rows for cell in row.values()):
            assert not cell or cell.isprintable()
            assert len(cell) <= 300
            assert "<script" not in cell
            assert "](" not in cell
            assert cell[:1] not in ("=", "@")
            assert cell[:1] not in ("+", "-") or "|" not in cell


@pytest.mark.parametrize("text", KNOWN)
def test_X15_X16_known_hostile_texts_stay_texts(text):
    check_page(poisoned(text))
    check_cells(poisoned(text))
    assert headline(poisoned(text)).isprintable()


@given(text=texts)
@settings(max_examples=150, deadline=None)
def test_X15_X16_any_text_keeps_the_page_whole(text):
    check_page(poisoned(text))
    check_cells(poisoned(text))
    assert headline(poisoned(text)).isprintable()


def test_X15_a_reject_with_a_fake_event_is_one_visible_line():
    text = "no funds\n2026-11-24 order filled \x1b[2J"
    row = tables(order_record(OrderState.REJECTED, reason=text))["orders"][0]
    assert row["note"] == "no funds 2026-11-24 order filled \\x1b[2J"


def test_X16_formula_and_tag_are_disarmed_and_a_signed_number_is_left_alone():
    def note(text: str) -> str:
        order = replace(sample_record().orders[0], reason=text)
        return tables(sample_record(orders=(order,)))["orders"][0]["note"]

    assert note("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert note("<script>x</script>") == "< script>x< /script>"
    assert note("-3.5 % of equity") == "-3.5 % of equity"
    assert note("-2+3+cmd|x") == "'-2+3+cmd|x"
    assert note("0.4 < 0.5") == "0.4 < 0.5"
