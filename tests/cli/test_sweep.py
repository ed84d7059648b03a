"""`openbell sweep`: the best points and a heat map for people, every row for machines and on disk."""

import csv

import pytest

SHORT = ("--from", "2026-09-01", "--to", "2026-09-30", "--jobs", "1")
GRID = ("--grid", "fast=3,5", "slow=10:20:10")


def test_the_best_points_and_a_heat_map_are_told(terminal):
    result = terminal("sweep", "demo", *GRID, *SHORT, "--by", "total_return")
    assert result.exit_code == 0, result.output
    assert "4 points: 4 worked out in" in result.output
    assert "The best by total return" in result.output
    assert "total return: fast down, slow across" in result.output
    assert str(terminal.home / "sweeps" / "demo.jsonl") in result.output
    again = terminal("sweep", "demo", *GRID, *SHORT)
    assert "4 points: 0 worked out in" in again.output
    assert "4 were there" in again.output


def test_a_folder_gets_every_row_as_csv_and_the_heat_map_as_a_picture(terminal, tmp_path):
    told = terminal.json("sweep", "demo", *GRID, *SHORT, "--out", str(tmp_path / "out"))
    assert told["points"] == 4
    assert [axis["key"] for axis in told["axes"]] == ["strategies.0.params.fast", "strategies.0.params.slow"]
    with (tmp_path / "out" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["fast"], row["slow"]) for row in rows] == [("3", "10"), ("3", "20"), ("5", "10"), ("5", "20")]
    by_cash = {row["closing_cash"] for row in rows}
    assert by_cash == {row["closing_cash"] for row in told["rows"]}
    assert (tmp_path / "out" / "heatmap.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out" / "demo.jsonl").read_text().count("\n") == 4


def test_a_key_for_every_point_is_set_with_set(terminal):
    one = terminal.json("sweep", "demo", "--grid", "fast=3,5", *SHORT, "--set", "slow=20", "--cash", "5000")
    both = {row["figures"]["closing"] for row in one["rows"]}
    assert all(value < 6000 for value in both)


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["demo"], 2, "Missing option '--grid'"),
        (["--grid", "fast=1,2"], 2, "Missing argument"),
        (["demo", "other", "--grid", "fast=1,2"], 2, "name one plan, not 2"),
        (["dmeo", "--grid", "fast=1,2"], 1, "did you mean 'demo'?"),
        (["demo", "--grid", "fast=1:10000000:1"], 1, "the grid has 10,000,000 points"),
        (["demo", "--grid", "fats=1,2"], 1, "did you mean 'fast'?"),
        (["demo", "--grid", "fast=1,2", "--by", "sharp"], 1, "did you mean 'sharpe'?"),
        (["demo", "--grid", "fast=1,2", "--jobs", "0"], 2, "0 is not in the range"),
        (["demo", "--grid", "fast=1,2", "--from", "2026-10-01", "--to", "2026-09-01"], 1, "is after"),
        (["demo", "--grid", "fast=40,50", *SHORT], 1, "no point of the grid can be replayed"),
        (["demo", "--grid", "fast=2,3", *SHORT, "--out", "/dev/null/x"], 1, "/dev/null/x"),
        (["demo", "--grid", "fast=2,3", *SHORT, "--dask", "tcp:/x"], 1, "no Dask cluster answers at 'tcp:/x'"),
    ],
)
def test_what_cannot_be_swept_is_one_clear_error(terminal, words, code, complaint):
    result = terminal("sweep", *words)
    assert result.exit_code == code
    assert complaint in result.output
