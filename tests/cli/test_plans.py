"""Plans on the command line: listed, checked with file and line, previewed."""

import pytest


def test_plans_lists_what_can_run_and_what_cannot(terminal):
    terminal.write(terminal.plan.replace('"demo"', '"other"').replace("sma_crossover", "sma_crosover"), "other.toml")
    terminal.write("x = 1", "bad.toml")
    told = terminal("plans")
    assert told.exit_code == 0
    states = [line.split()[:2] for line in told.stdout.splitlines() if line.startswith(("demo ", "other ", "bad "))]
    assert states == [["bad", "invalid"], ["demo", "valid"], ["other", "invalid"]]
    assert [plan["valid"] for plan in terminal.json("plans")] == [False, True, False]


def test_no_plan_is_no_error(terminal):
    (terminal.plans / "demo.toml").unlink()
    assert terminal("plans").exit_code == 0
    assert terminal("validate").exit_code == 0


def test_a_good_plan_is_valid_by_name_and_by_path(terminal):
    assert terminal("validate").exit_code == 0
    assert terminal("validate", "demo").stdout.endswith("demo.toml: valid\n")
    assert terminal("validate", str(terminal.plans / "demo.toml")).exit_code == 0


def test_every_problem_of_every_plan_is_told_in_one_go(terminal):
    text = terminal.plan.replace("max_order_notional", "max_order_notionl").replace("fast = 10", "fsat = 10")
    terminal.write(text.replace("min_trade", "min_trad"))
    terminal.write("x = 1", "bad.toml")
    result = terminal("validate")
    assert result.exit_code == 1
    told = result.stderr
    assert "demo.toml:30: risk.max_order_notionl: " in told
    assert "did you mean 'max_order_notional'?" in told
    assert "demo.toml:20: strategies.0.params.fsat: unknown key; did you mean 'fast'?" in told
    assert "demo.toml:26: sizing.min_trad: unknown key; did you mean 'min_trade'?" in told
    assert "bad.toml:1: x: unknown key" in told


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("universe =", "univers =", 3, "univers: unknown key; did you mean 'universe'?"),
        ('exchange = "XNYS"', 'exchange = "XNYS"\nzone = "EST"', 14, "window.zone: 'EST' is not an IANA zone"),
        (
            'exchange = "XNYS"',
            'exchange = "XNYS"\nzone = "US/Easten"',
            14,
            "window.zone: 'US/Easten' is not an IANA zone",
        ),
        ('"MSFT"', '"msft"', 3, "did you mean MSFT?"),
        ('"MSFT"', '"AAPL"', 3, "symbols stand twice: AAPL"),
        ('"MSFT"', '"../../etc/passwd"', 3, "symbol '../../etc/passwd' is not"),
        ('"MSFT"', '"A\'; DROP TABLE run"', 3, "is not 1 to 12 capital letters"),
        ("XNYS", "XNYSE", 13, "XNYSE"),
        ("sma_crossover", "sma_crosover", 19, "did you mean 'sma_crossover'?"),
        ('"paper"', '"papper"', 6, "did you mean 'paper'?"),
        ('"sample"', '"smaple"', 10, "did you mean 'sample'?"),
        ("min_trade = 50", "min_trade = 5001", 25, "min_trade 5001 is above max_trade 5000"),
        ("slow = 30", "slow = 5", 20, "5"),
        ("max_order_notional = 5000", "max_order_notional = -1", 30, "max_order_notional"),
        ('at = ["open+5m", "close-10m"]', 'cron = "0 0 9 * * 1"', 16, "cron"),
        ('at = ["open+5m", "close-10m"]', 'cron = "61 9 * * *"', 16, "cron"),
        ('at = ["open+5m", "close-10m"]', 'at = ["opn+5m"]', 16, "opn+5m"),
    ],
)
def test_bad_input_is_told_with_file_and_line_and_exit_code_1(terminal, old, new, line, told):
    path = terminal.write(terminal.plan.replace(old, new, 1))
    for words in (("validate", "demo"), ("preview", "demo")):
        result = terminal(*words)
        assert result.exit_code == 1
        assert told in result.stderr
        assert all(text.startswith(f"error: {path}:") for text in result.stderr.splitlines())
    assert any(text.startswith(f"error: {path}:{line}:") for text in result.stderr.splitlines())


@pytest.mark.parametrize("words", [("validate", "dmeo"), ("preview", "dmeo")])
def test_an_unknown_plan_is_refused_with_the_nearest(terminal, words):
    result = terminal(*words)
    assert result.exit_code == 1
    assert f"no plan 'dmeo' in {terminal.plans}; did you mean 'demo'?" in result.stderr


def test_a_plan_that_is_no_toml_is_told_with_its_line(terminal):
    terminal.write('name = "demo"\nuniverse = [\n')
    assert "demo.toml" in terminal("validate").stderr


def test_preview_lists_each_slot_with_local_time_and_what_will_happen(terminal):
    told = terminal("preview", "demo", "--days", "5", "--start", "2026-07-01T00:00:00-04:00")
    assert told.exit_code == 0, told.output
    assert "Wed 2026-07-01 09:35 EDT" in told.stdout
    assert "15:50 EDT" in told.stdout
    slots = terminal.json("preview", "demo", "--days", "5", "--start", "2026-07-01T00:00:00-04:00")
    assert slots[0]["slot"] == "demo/trade/2026-07-01T13:35:00Z"
    assert slots[0]["runs"] is True


def test_preview_says_why_a_cron_slot_will_be_skipped(terminal):
    terminal.write(
        terminal.plan.replace('at = ["open+5m", "close-10m"]', 'cron = "35 9 * * *"\nzone = "America/New_York"')
    )
    slots = terminal.json("preview", "demo", "--days", "4", "--start", "2026-07-02T00:00:00-04:00")
    assert [slot["runs"] for slot in slots] == [True, False, False, False]
    assert all(slot["code"] and slot["detail"] for slot in slots[1:])


def test_preview_without_a_slot_says_so(terminal):
    told = terminal("preview", "demo", "--days", "1", "--start", "2026-07-04T00:00:00-04:00")
    assert (told.exit_code, told.stdout) == (0, "no slot of trade of demo within 1 days\n")


def test_preview_beyond_the_calendar_is_one_line_with_the_bound(terminal):
    result = terminal("preview", "demo", "--start", "2090-01-01T00:00:00Z")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "XNYS calendar" in result.stderr


def test_preview_of_a_disabled_plan_says_so(terminal):
    terminal.write("enabled = false\n" + terminal.plan)
    assert "not enabled" in terminal("preview", "demo", "--days", "3").stdout


def test_preview_of_an_unknown_job_names_the_nearest(terminal):
    result = terminal("preview", "demo", "--job", "trad")
    assert (result.exit_code, "did you mean 'trade'?" in result.stderr) == (1, True)


def test_preview_refuses_a_start_without_a_zone(terminal):
    result = terminal("preview", "demo", "--start", "2026-07-01T00:00:00")
    assert (result.exit_code, "has no zone" in result.stderr) == (1, True)


def test_preview_of_all_jobs_has_a_line_for_each(terminal):
    told = terminal("preview", "demo", "--job", "all", "--days", "3", "--start", "2026-07-06T00:00:00-04:00")
    assert told.exit_code == 0
    for words in ("trade", "snapshot", "exits", "close+5m"):
        assert words in told.stdout
    slots = terminal.json("preview", "demo", "--job", "all", "--days", "1", "--start", "2026-07-06T00:00:00-04:00")
    assert [slot["planned"] for slot in slots["snapshot"]] == ["2026-07-06T20:05:00Z"]


def test_X10_lint_ends_with_1_when_it_finds_a_mistake(terminal):
    assert terminal("preview", "demo", "--lint").exit_code == 0
    text = (terminal.plans / "demo.toml").read_text()
    utc = '\n[schedule.snapshot]\ncron = "5 20 * * 1-5"\nzone = "UTC"\n\n[[strategies]]'
    (terminal.plans / "demo.toml").write_text(text.replace("\n[[strategies]]", utc, 1))
    told = terminal("preview", "demo", "--lint")
    assert told.exit_code == 1
    assert "EARLY" in told.stdout


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('name = "book"', 'name = "book"\nparams = { cash = 1e30 }', "less than or equal to 1000000000000"),
        ('use = "buy_and_hold"', 'use = "."', "cannot be imported"),
        ('use = "buy_and_hold"', 'use = ".x"', "cannot be imported"),
        ('use = "buy_and_hold"', 'use = "__main__.X"', "cannot be imported"),
        ('name = "demo"', 'name = "demo"\n' + ".".join(["a"] * 3000) + " = 1", "nested too deep"),
        ('name = "demo"', 'name = "demo"\n' + ".".join(["a"] * 400) + " = 1", ""),
    ],
)
def test_one_plan_file_that_cannot_be_used_stops_no_command_for_all_of_them(empty, before, after, words):
    empty.write(empty.plan.replace('name = "demo"', 'name = "good"'), "good.toml")
    empty.write(empty.plan.replace(before, after))
    result = empty("validate")
    assert (result.exit_code, words in result.output) == (1, True), result.output
    for command in (("plans",), ("status",), ("jobs",), ("health",), ("resume", "--reason", "checked")):
        empty("halt")
        result = empty(*command)
        assert "good" in result.stdout or command == ("health",), result.output
    assert "plan good: paper account book" in result.stdout


@pytest.mark.parametrize("options", [(), ("--lint",), ("--job", "all")])
@pytest.mark.parametrize(
    "start",
    [
        "9999-12-31T23:59:59Z",
        "9998-12-31T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
    ],
)
@pytest.mark.parametrize("market", ["XNYS", "XTKS", "24/7"])
def test_a_preview_from_the_ends_of_time_is_refused_in_one_line(terminal, start, options, market):
    terminal.write(terminal.plan.replace("XNYS", market))
    result = terminal("preview", "demo", "--start", start, *options)
    assert (result.exit_code, result.stderr.startswith("error: "), result.stderr.count("\n")) == (1, True, 1)
