import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from openbell.errors import InputError
from openbell.replay.report.prices import MARKS, POINTS, most_traded, priced, thinned
from openbell.replay.report.text import markdown
from openbell.replay.report.write import write_report
from openbell.replay.result import Fills, Replayed
from openbell.replay.statistics import statistics
from openbell.values.bars import Timeframe, make_bars
from openbell.values.market import DropCode, Dropped
from tests.replay.samples import a_plan, a_replay, from_curve, some_trades

FILES = ["report.html", "report.md", "report.png"]
#: Elements that have no end.
VOID = {"meta", "br", "path", "use", "rect", "hr", "img", "link"}


class Page(HTMLParser):
    """What a page holds, and whether what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def written(replayed: Replayed, folder: Path) -> Page:
    write_report(replayed, statistics(replayed), folder)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_a_report_is_a_page_a_picture_and_a_text(tmp_path):
    paths = write_report(a_replay(), statistics(a_replay()), tmp_path / "new" / "report")
    assert sorted(path.name for path in paths) == sorted(path.name for path in paths[0].parent.iterdir()) == FILES
    assert (paths[0].parent / "report.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_is_well_formed_and_holds_every_part(tmp_path):
    page = written(a_replay(), tmp_path)
    assert page.open == []
    drawings = [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg"]
    assert drawings == [
        "Equity and drawdown",
        "Exposure, gross and net",
        *(f"Price and fills of {name}" for name in _names(drawings)),
    ]
    assert len(drawings) == 7
    for words in ("Sharpe ratio", "Monthly returns", "max_positions 41", "HOLIDAY 6", "DATA_SUSPECT", "sma_crossover"):
        assert words in page.text


def _names(drawings: list[str]) -> list[str]:
    return [words.removeprefix("Price and fills of ") for words in drawings[2:]]


def test_the_page_asks_no_network_for_anything(tmp_path):
    page = written(a_replay(), tmp_path)
    asked = [value for _, attrs in page.tags for name, value in attrs.items() if name in ("src", "href", "xlink:href")]
    assert [value for value in asked if not (value or "").startswith("#")] == []
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object"} == set()
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "@import" not in text
    assert "url(http" not in text
    assert "default-src 'none'" in text


def test_the_page_has_the_readers_colours_in_light_and_dark(tmp_path):
    written(a_replay(), tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    assert "#0101" not in text
    for role in ("ink", "faint", "grid", "line", "gain", "loss", "ground"):
        assert f"var(--{role})" in text


def test_X16_what_others_wrote_is_text_on_the_page_and_in_the_markdown(tmp_path):
    evil = '<script>alert(1)</script><img src=x onerror="x">'
    replayed = replace(
        a_replay(),
        plan=a_plan([f"S{n:03d}" for n in range(5)], description=evil, risk={evil: 1}),
        notes=(evil,),
        provider=evil,
        denials={evil: 1, "=HYPERLINK(1)": 2},
        skips={evil: 1},
        dropped=(Dropped("S000", DropCode.INVALID, evil),),
    )
    page = written(replayed, tmp_path)
    assert {tag for tag, _ in page.tags} & {"script", "img"} == set()
    assert "<script" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_of_many_symbols_the_most_traded_are_drawn_and_the_rest_counted(tmp_path):
    replayed = a_replay(symbols=60, sessions=250)
    page = written(replayed, tmp_path)
    assert sum(tag == "svg" for tag, _ in page.tags) == 14
    assert "The 12 most traded symbols are shown, 48 symbols left out." in page.text
    counts = np.bincount(replayed.fills.column, minlength=60)
    shown = most_traded(replayed, 12)
    assert counts[shown].min() >= np.sort(counts)[-12]


def test_a_page_of_500_symbols_over_ten_years_stays_below_a_megabyte(tmp_path):
    written(a_replay(symbols=500, sessions=2520, every=60), tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 1_000_000


@pytest.mark.parametrize(
    "replayed",
    [from_curve([100_000]), from_curve([100_000] * 3), from_curve([50_000, -20_000, 0]), from_curve([])],
    ids=["one session", "no trade", "account lost", "no session"],
)
def test_there_is_a_report_of_a_replay_in_which_little_happened(tmp_path, replayed):
    page = written(replayed, tmp_path)
    assert "Nothing was traded." in page.text
    assert not {"nan", "inf", "NaN"} & set(page.text.replace("%", "").split())


def test_what_is_not_defined_is_a_dash(tmp_path):
    page = written(from_curve([100_000] * 3), tmp_path)
    assert "Sharpe ratio - Sortino ratio - Calmar ratio - Maximum drawdown - Its length -" in page.text


def test_a_line_of_many_points_keeps_its_highest_and_lowest():
    values = np.random.default_rng(1).normal(size=50_000).cumsum()
    times = np.datetime64("2020-01-01", "ns") + np.arange(50_000) * np.timedelta64(1, "m")
    kept_times, kept = thinned(times, values)
    assert len(kept) <= POINTS
    assert (kept.max(), kept.min()) == (values.max(), values.min())
    assert (np.diff(kept_times) > np.timedelta64(0, "ns")).all()


def test_of_a_symbol_with_very_many_fills_the_last_are_drawn():
    replayed = a_replay(symbols=1, sessions=2520, every=2)
    one = priced(replayed, 0)
    assert one.fills == len(replayed.fills) > len(one.fill_at) == MARKS


def test_the_text_tells_figures_trades_denials_and_skips():
    replayed = a_replay()
    told = markdown(replayed, statistics(replayed), "report.png")
    for words in (
        "# Replay of demo",
        "![Equity and drawdown](report.png)",
        "| Sharpe ratio |",
        "## Slots skipped",
        "the 10 most telling of 48",
    ):
        assert words in told
    assert all(line.count("|") == told_row.count("|") for line, told_row in _tables(told))


def _tables(text: str) -> list[tuple[str, str]]:
    lines = text.splitlines()
    return [(above, below) for above, below in pairwise(lines) if above[:1] == below[:1] == "|"]


@pytest.mark.parametrize("first", [True, False], ids=["new folder", "over an earlier report"])
def test_a_full_disk_leaves_the_folder_as_it_was_and_is_one_clear_error(tmp_path, first):
    folder = tmp_path / "out"
    if not first:
        folder.mkdir()
        for name in FILES:
            (folder / name).write_text("before")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(folder)], capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert done.stdout == f"the report cannot be written to {folder}: File too large\n", done.stderr
    assert sorted(path.name for path in folder.glob("*")) == ([] if first else FILES)
    assert first or {path.read_text() for path in folder.iterdir()} == {"before"}
    assert folder.exists() != first


#: No file may grow beyond 60,000 bytes: the page is refused half way through.
FULL = """
import resource, sys
from pathlib import Path
from openbell.errors import InputError
from openbell.replay.report.write import write_report
from openbell.replay.statistics import statistics
sys.path.insert(0, '.')
from tests.replay.samples import a_replay
replayed = a_replay()
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    write_report(replayed, statistics(replayed), Path(sys.argv[1]))
except InputError as error:
    print(error)
"""


def test_a_folder_that_is_a_file_is_one_clear_error(tmp_path):
    place = tmp_path / "out"
    place.write_text("mine")
    with pytest.raises(InputError, match=r"the report cannot be written to .*out: (File exists|Not a directory)"):
        write_report(a_replay(), statistics(a_replay()), place)
    assert place.read_text() == "mine"


def test_the_same_replay_gives_the_same_report(tmp_path):
    for name in ("one", "two"):
        write_report(a_replay(), statistics(a_replay()), tmp_path / name)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_open_trades_are_told_as_open():
    replayed = from_curve([101_000], some_trades([10.0], open_ones=[True]))
    assert "| AAA | long | 2024-01-02 | open |" in markdown(replayed, statistics(replayed))


def intraday() -> Replayed:
    """Three sessions of half hours, bought in the first and sold in the last."""
    daily = from_curve([100_000, 100_100, 100_200], some_trades([200.0]))
    times = np.concatenate([day - np.arange(13)[::-1] * np.timedelta64(30, "m") for day in daily.curve.times])
    price = np.linspace(100, 110, len(times))[:, None]
    panel = dict.fromkeys(("open", "high", "low", "close", "volume"), price)
    bars = make_bars(("AAA",), times, panel, Timeframe("30m"), "made")
    at = times[[2, -2]]
    trades = replace(daily.trades, opened=at[:1], closed=at[1:])
    fills = Fills(at, np.zeros(2, np.intp), np.array([10.0, -10.0]), price[[2, -2], 0], np.zeros(2), np.zeros(2, bool))
    return replace(daily, bars=bars, trades=trades, fills=fills)


def test_bars_inside_sessions_stand_side_by_side_without_the_nights(tmp_path):
    one = priced(intraday(), 0)
    assert list(one.at) == list(range(39))
    assert one.held == [(2.0, 37.0, True)]
    assert list(one.fill_at) == [2.0, 37.0]
    assert dict(one.ticks) == {0.0: "02 Jan", 13.0: "03 Jan", 26.0: "04 Jan"}
    assert "04 Jan" in written(intraday(), tmp_path).text
