"""The commands that read the store, empty, filled and of another version."""

import json

import pytest

READERS = [
    ("history",),
    ("orders",),
    ("positions",),
    ("equity",),
    ("show", "run-completed"),
    ("explain", "run-completed", "AAPL"),
]


@pytest.mark.parametrize("words", READERS)
def test_reading_a_store_that_is_not_there_makes_none_and_says_what_to_do(terminal, words):
    result = terminal(*words)
    assert result.exit_code == 1
    assert "no store yet at sqlite:///" in result.stderr
    assert "`openbell migrate`" in result.stderr
    assert not (terminal.home / "openbell.db").exists()


@pytest.mark.parametrize("words", READERS[:4])
def test_an_empty_store_is_no_error(empty, words):
    result = empty(*words)
    assert (result.exit_code, bool(result.stdout)) == (0, True)
    assert empty.json(*words) in ([], {})


@pytest.mark.parametrize("words", [*READERS, ("status",), ("migrate", "--check")])
@pytest.mark.parametrize("revision", ["0000", "9999"])
def test_P05_another_schema_is_refused_with_exit_code_3(filled, damaged, words, revision):
    damaged(filled, revision)
    result = filled(*words)
    assert result.exit_code == 3
    assert revision in result.stderr
    assert result.stderr.count("\n") == 1


def test_history_tells_newest_first_with_the_reason_of_a_skip(filled):
    lines = filled("history").stdout.splitlines()
    places = [
        next(at for at, line in enumerate(lines) if f"run-{name} " in f"{line} ") for name in ("completed", "skipped")
    ]
    assert places == sorted(places)
    assert "HOLIDAY" in lines[places[1]]
    assert "100,004.65" in lines[places[0]]


def test_history_filters_and_pages(filled):
    assert [run["id"] for run in filled.json("history", "--outcome", "skipped")] == ["run-skipped"]
    assert [run["id"] for run in filled.json("history", "--limit", "1")] == ["run-completed"]
    assert [run["id"] for run in filled.json("history", "--before", "run-completed")] == ["run-skipped"]
    filled.write(filled.plan.replace('"demo"', '"other"'), "other.toml")
    assert filled.json("history", "--plan", "other") == []


@pytest.mark.parametrize(
    "name",
    ["run-completed", "run-comple", "demo/trade/2026-07-06T13:35:00Z", "demo/trade/2026-07-06T09:35:00-04:00"],
)
def test_show_takes_an_id_its_beginning_or_the_slot_in_any_zone(filled, name):
    told = filled("show", name)
    assert told.exit_code == 0, told.output
    assert "slot 2026-07-06 09:35 EDT" in told.stdout
    for words in ("Guards", "Signals", "Risk gate", "No trade", "Orders", "Fills", "Holdings"):
        assert words in told.stdout
    assert "equity 100,004.65" in told.stdout
    assert "sample prices" in told.stdout


def test_show_gives_machines_the_whole_record_exactly(filled):
    record = filled.json("show", "run-completed")
    assert (record["cash"], record["fills"][0]["fee"], record["planned"]) == (
        "98984.65",
        "0.35",
        "2026-07-06T13:35:00Z",
    )


def test_a_slot_without_a_zone_is_refused_not_guessed(filled):
    result = filled("show", "demo/trade/2026-07-06T09:35:00")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: slot instant 2026-07-06T09:35:00 has no zone; write it as 2026-07-06T09:35:00+00:00\n"
    )


@pytest.mark.parametrize("name", ["nothing", "demo/trade/2030-01-01T00:00:00Z", "%", "x'; DROP TABLE run; --"])
def test_an_unknown_run_is_refused_by_name(filled, name):
    result = filled("show", name)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "openbell history" in result.stderr


def test_explain_answers_for_a_trade_a_denial_and_no_trade(filled):
    assert "fast average above slow" in filled("explain", "run-completed", "AAPL").stdout
    denied = filled("explain", "run-completed", "MSFT").stdout
    assert "denied by max_order_notional (measured 9000, limit 5000)" in denied
    assert "20.00 is below 50" in filled("explain", "run-completed", "IBM").stdout
    assert "XNYS is closed on 2026-07-03" in filled("explain", "run-skipped", "IBM").stdout


def test_explain_of_all_symbols_holds_each_of_them(filled):
    assert [symbol["symbol"] for symbol in filled.json("explain", "run-completed")["symbols"]] == [
        "AAPL",
        "MSFT",
        "IBM",
    ]


def test_explain_of_an_unknown_symbol_names_the_nearest(filled):
    result = filled("explain", "run-completed", "aapl")
    assert result.exit_code == 1
    assert "did you mean 'AAPL'?" in result.stderr


def test_orders_and_positions_show_the_projections(filled):
    orders = {order["client_id"]: order for order in filled.json("orders")}
    assert (orders["ob-1"]["state"], orders["ob-1"]["average_price"]) == ("filled", "101.5")
    assert filled.json("orders", "--open") == []
    (position,) = filled.json("positions")
    assert (position["symbol"], position["quantity"], position["account"]) == ("AAPL", "10", "book")
    assert "AAPL" in filled("positions").stdout
    assert "filled" in filled("orders").stdout


def test_equity_shows_table_and_curve_of_the_plans_account(filled):
    told = filled("equity").stdout
    assert "Equity of book" in told
    assert "100,004.65" in told
    assert [point["equity"] for point in filled.json("equity", "book")["book"]] == ["100004.65"]


def test_equity_of_an_unknown_account_is_refused(filled):
    result = filled("equity", "nobody")
    assert (result.exit_code, "'nobody'" in result.stderr) == (1, True)


def test_status_before_anything_exists_says_what_to_do_first(terminal):
    told = terminal("status")
    assert told.exit_code == 0
    assert "no store yet" in told.stdout
    assert "make demo" in told.stdout
    assert not (terminal.home / "openbell.db").exists()


def test_openbell_alone_is_the_status_screen(filled):
    told = filled()
    assert told.exit_code == 0
    for words in ("active", "1 position", "no open orders", "demo", "ready", "completed", "100,004.65", "can be done"):
        assert words in told.stdout, words


def test_status_for_machines(filled):
    found = filled.json("status")
    (plan,) = found["plans"]
    assert (found["ready"], found["switch"]["level"], found["open_orders"], found["positions"]) == (
        True,
        "active",
        0,
        1,
    )
    assert (plan["plan"], plan["state"], plan["last"]["id"], plan["zone"]) == (
        "demo",
        "ready",
        "run-completed",
        "America/New_York",
    )
    assert plan["next"]["runs"]


def test_the_halt_file_is_seen_by_status(filled):
    (filled.home / "HALT").touch()
    assert "halted" in filled("status").stdout


def test_status_survives_a_plan_that_is_wrong(filled):
    filled.write("x = 1", "bad.toml")
    told = filled("status")
    assert told.exit_code == 0
    assert "openbell validate" in told.stdout


def test_migrate_makes_a_store_once(terminal):
    assert terminal("migrate", "--check").exit_code == 1
    first = json.loads(terminal("migrate", "--json").stdout)
    assert (first["from"], first["changed"]) == (None, True)
    assert "nothing to do" in terminal("migrate").stdout
    assert terminal("migrate", "--check").exit_code == 0


def test_migrate_refuses_a_newer_store_and_leaves_it(filled, damaged):
    damaged(filled, "9999")
    assert filled("migrate").exit_code == 3
    assert "9999" in filled("history").stderr


@pytest.mark.parametrize(
    "words",
    [
        ("show", "demo\udcff"),
        ("explain", "demo\udcff"),
        ("explain", "run-completed", "AA\udcff"),
        ("equity", "demo\udcff"),
        ("history", "--before", "run-\udcff"),
        ("validate", "demo\udcff"),
    ],
)
def test_a_byte_that_is_no_utf8_in_an_argument_is_told_in_one_line(filled, words):
    result = filled(*words)
    assert (result.exit_code, result.stderr.startswith("error: "), result.stderr.count("\n")) == (1, True, 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("positions", "--account", "bok"), "no account 'bok' in the store or the plan files; did you mean 'book'?"),
        (("orders", "--plan", "demmo"), "no plan 'demmo' in the store or the plan files; did you mean 'demo'?"),
        (("history", "--plan", "demmo"), "no plan 'demmo' in the store or the plan files; did you mean 'demo'?"),
        (("history", "--plan", "demmo", "--archived"), "no plan 'demmo' in the store or the plan files"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_name_that_nothing_knows_is_an_error_and_not_an_empty_answer(empty, words, told, options):
    result = empty(*words, *options)
    assert (result.exit_code, result.stdout, told in result.stderr) == (1, "", True)


@pytest.mark.parametrize(
    "words", [("positions", "--account", "book"), ("orders", "--plan", "demo"), ("history", "--plan", "demo")]
)
def test_a_name_that_a_plan_file_knows_has_an_empty_answer(empty, words):
    empty.write("x = 1", "bad.toml")
    assert empty(*words).exit_code == 0


@pytest.mark.parametrize(
    "words", [("orders", "--plan", "demo", "--open"), ("history", "--plan", "demo", "--job", "exits")]
)
def test_a_name_that_only_the_store_knows_has_an_empty_answer(filled, words):
    (filled.plans / "demo.toml").unlink()
    assert filled(*words).exit_code == 0


@pytest.mark.parametrize("instant", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"])
def test_a_slot_beyond_all_years_is_refused(filled, instant):
    result = filled("show", f"demo/trade/{instant}")
    assert (result.exit_code, f"{instant} is not within the years 1 to 9999 in UTC" in result.stderr) == (1, True)
