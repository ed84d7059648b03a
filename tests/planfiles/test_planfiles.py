import os
import textwrap
from pathlib import Path

import pytest

from openbell.errors import InputError, PlanError
from openbell.planfiles import MAX_BYTES, examine, find, load, load_all, plans_folder
from openbell.settings import Settings
from openbell.tomlfiles.lines import key_lines

GOOD = """\
# A plan.
name = "demo"
universe = ["AAPL", "MSFT"]

[window]
exchange = "XNYS"
close_offset = "-10m"

[[strategies]]
use = "sma_crossover"

[[strategies]]
use = "donchian_breakout"
[strategies.params]
entry = 20

[sizing]
min_trade = 5
max_trade = 500.50

[risk]
max_positions = 5
"""


def put(folder: Path, text: str, name: str = "demo.toml") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(PlanError) as raised:
        load(path)
    return [line.removeprefix(str(path)) for line in str(raised.value).splitlines()]


def test_a_good_file_loads_with_exact_money(tmp_path):
    plan = load(put(tmp_path, GOOD))
    assert (plan.name, str(plan.sizing.max_trade), plan.strategies[1].params) == ("demo", "500.5", {"entry": 20})


def test_toml_dates_and_times_are_taken_as_such(tmp_path):
    text = GOOD.replace('close_offset = "-10m"', "start = 09:35:00\nclosures = [2026-07-03]")
    plan = load(put(tmp_path, text))
    assert (str(plan.window.start), [str(day) for day in plan.window.closures]) == ("09:35:00", ["2026-07-03"])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[risk]", "[rusk]", [":21: rusk: unknown key; did you mean 'risk'?"]),
        ("close_offset", "close_ofset", [":7: window.close_ofset: unknown key; did you mean 'close_offset'?"]),
        (
            'use = "donchian_breakout"',
            'use = "x"\nunivers = []',
            [":14: strategies.1.univers: unknown key; did you mean 'universe'?"],
        ),
        ("[sizing]\n", "[sizing]\nzzz = 1\n", [":18: sizing.zzz: unknown key; there are max_trade, min_trade, params"]),
        ('name = "demo"', "", [": name: a required key is missing"]),
        ('"demo"', '"other"', [":2: name: 'other' is not the file's name 'demo'"]),
        ('"MSFT"]', '"msft"]', [":3: universe: symbol 'msft'"]),
        ('"MSFT"]', '"AAPL"]', [":3: universe: symbols stand twice: AAPL"]),
        ('"MSFT"]', '"../x"]', [":3: universe: symbol '../x'"]),
        ('"MSFT"]', '"x\'; DROP TABLE"]', [":3: universe: symbol"]),
        ('"MSFT"]', "7]", [":3: universe.1: Input should be a valid string, got '7'"]),
        ("min_trade = 5", "min_trade = 501", [":17: sizing: min_trade 501 is above max_trade 500.5"]),
        ("min_trade = 5", "min_trade = nan", [":18: sizing.min_trade: Input should be a finite number, got 'nan'"]),
    ],
)
def test_F01_an_error_names_file_line_key_and_the_nearest_valid_one(tmp_path, old, new, told):
    found = problems(put(tmp_path, GOOD.replace(old, new)))
    assert len(found) == len(told)
    assert all(line.startswith(start) for line, start in zip(found, told, strict=True)), found


def test_all_errors_of_a_plan_are_told_at_once_one_line_each(tmp_path):
    text = GOOD.replace("[risk]", "[rusk]").replace("close_offset", "close_ofset").replace('"MSFT"', '"msft"')
    assert [line.split(":")[1] for line in problems(put(tmp_path, text))] == ["3", "7", "21"]


@pytest.mark.parametrize("zone", ["EST", "US/Easten", "UTC+5", "Mars/Base", ""])
def test_F10_a_wrong_or_abbreviated_zone_is_refused_by_name(tmp_path, zone):
    (told,) = problems(put(tmp_path, GOOD.replace('close_offset = "-10m"', f'zone = "{zone}"')))
    assert told.startswith(f":7: window.zone: {zone!r} is not an IANA zone")


@pytest.mark.parametrize(
    "schedule",
    [
        'every = "0s"',
        'every = "-5m"',
        'every = "1s"',
        'every = "25h"',
        "every = 60",
        'every = "x"',
        'cron = "0 9 * * *"\nevery = "5m"',
        "",
        "at = []",
        'corn = "0 9 * * *"',
        'cron = 5\nat = ["open"]',
    ],
)
def test_F09_a_bad_schedule_is_refused_at_its_line(tmp_path, schedule):
    for told in problems(put(tmp_path, f"{GOOD}\n[schedule.trade]\n{schedule}\n")):
        line, key = told.split(":")[1:3]
        assert int(line) in (24, 25, 26)
        assert key.startswith(" schedule.trade")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('enabled = "yes"', "enabled"),
        ("enabled = 1", "enabled"),
        ('lookback = "5"', "lookback"),
        ("lookback = 5.5", "lookback"),
        ("timeframe = 1", "timeframe"),
        ('mode = "LIVE"', "mode"),
        ("mode = false", "mode"),
    ],
)
def test_F13_types_are_strict(tmp_path, line, key):
    (told,) = problems(put(tmp_path, f"{line}\n{GOOD}"))
    assert told.startswith(f":1: {key}: Input should be")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'name = "demo"\nname = "demo"\n', ":2: column 14: Cannot overwrite a value"),
        (b'name = "demo\n', ":1: column 13: Illegal character"),
        (b'name = "demo"\n\xff\n', ":2: not UTF-8: byte 0xff at offset 14"),
        (b"start = 08:30\n", ":1: column"),
        (b"x = " + b"[" * 100_000, ": values are nested too deep"),
        (b"# " + b"x" * MAX_BYTES, f": {MAX_BYTES + 2} bytes are above the limit of {MAX_BYTES} for a plan"),
        (b"x = " + b"1" * 5000, ": "),
        (b"", ": name: a required key is missing"),
    ],
)
def test_F13_what_is_no_plan_at_all_is_refused_in_one_line(tmp_path, content, told):
    path = tmp_path / "demo.toml"
    path.write_bytes(content)
    assert problems(path)[0].startswith(told)


def test_F13_only_a_regular_file_is_read(tmp_path):
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    assert problems(tmp_path / "folder.toml") == [": not a regular file"]
    assert problems(tmp_path / "pipe.toml") == [": not a regular file"]
    assert problems(tmp_path / "none.toml") == [": cannot be read: No such file or directory"]


def test_control_characters_of_a_key_do_not_reach_the_terminal(tmp_path):
    (told,) = problems(put(tmp_path, f'"\\u001b[31m" = 1\n{GOOD}'))
    assert "\x1b" not in told


def test_F07_ten_thousand_symbols_load(tmp_path):
    symbols = ", ".join(f'"S{number}"' for number in range(10_000))
    assert len(load(put(tmp_path, GOOD.replace('"AAPL", "MSFT"', symbols))).universe) == 10_000


def test_every_key_has_its_line_whatever_the_layout():
    text = '''\
a = [
  "x", # [ not a bracket
  "[",
]
b = """
c = 1
[d]
\\""" ["x"""
e.f = {g = 1}
[h]
"i j".k = \'\'\'[
l = 2\'\'\'
[[m]]
n = 1
[[m]]
n = 2
[m.o]
p = 1
[[m.q]]
[[m.q]]
r = 1
'''
    assert key_lines(text) == {
        ("a",): 1,
        ("b",): 5,
        ("e", "f"): 9,
        ("h",): 10,
        ("h", "i j", "k"): 11,
        ("m", 0): 13,
        ("m", 0, "n"): 14,
        ("m", 1): 15,
        ("m", 1, "n"): 16,
        ("m", 1, "o"): 17,
        ("m", 1, "o", "p"): 18,
        ("m", 1, "q", 0): 19,
        ("m", 1, "q", 1): 20,
        ("m", 1, "q", 1, "r"): 21,
    }


def test_a_problem_found_later_gets_file_and_line(tmp_path):
    path = put(tmp_path, GOOD)
    error = PlanError(
        "risk: unknown key 'max_positions'; did you mean 'max_position'?; unknown key 'x'\n"
        "strategies.1.params: entry: Input should be a number, got 'abc'\nwindow: it never opens\nnothing named\n"
        "5.5 of risk.max_positions is above risk.max_orders 3"
    )
    assert examine(path).named(error) == [
        f"{path}:22: risk.max_positions: unknown key; did you mean 'max_position'?",
        f"{path}:21: risk.x: unknown key",
        f"{path}:15: strategies.1.params.entry: Input should be a number, got 'abc'",
        f"{path}:5: window: it never opens",
        f"{path}: nothing named",
        f"{path}:22: 5.5 of risk.max_positions is above risk.max_orders 3",
    ]


def test_what_is_left_of_a_wrong_plan_can_still_be_examined(tmp_path):
    path = put(tmp_path, GOOD.replace("min_trade", "min_trad").replace('use = "sma', 'weight = 2\nuse = "sma'))
    file = examine(path)
    assert len(file.problems) == 2
    assert file.plan is not None
    assert (file.plan.sizing.min_trade, file.plan.strategies[0].weight) == (5, 1)
    assert examine(put(tmp_path, GOOD.replace('"MSFT"', '"msft"'))).plan is None


def test_a_plan_is_found_by_name_and_only_by_name(tmp_path):
    path = put(tmp_path, GOOD)
    assert find("demo", tmp_path) == path
    with pytest.raises(InputError, match=r"no plan 'dmeo' in .*; did you mean 'demo'\?"):
        find("dmeo", tmp_path)
    with pytest.raises(InputError, match="no plan"):
        find("../demo", tmp_path / "..")


def test_all_plans_load_or_all_their_problems_are_told(tmp_path):
    put(tmp_path, GOOD)
    put(tmp_path, GOOD.replace('"demo"', '"other"'), "other.toml")
    assert [plan.name for plan in load_all(tmp_path)] == ["demo", "other"]
    put(tmp_path, "x = 1", "bad.toml")
    put(tmp_path, "y = 1", "worse.toml")
    with pytest.raises(PlanError) as raised:
        load_all(tmp_path)
    assert "bad.toml:1: x" in str(raised.value)
    assert "worse.toml:1: y" in str(raised.value)


def test_plans_are_looked_for_in_the_stated_order(tmp_path, monkeypatch):
    own, local = tmp_path / "own", tmp_path / "deployments/plans"
    own.mkdir()
    assert plans_folder(Settings(plans=own)) == own
    with pytest.raises(InputError, match=r"OPENBELL_PLANS: '.*nowhere' is not a folder"):
        plans_folder(Settings(plans=tmp_path / "nowhere"))
    local.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert plans_folder(Settings(plans=None)) == Path("deployments/plans")
