"""Jobs and their statistics on the command line."""

import pytest


def test_A11_each_job_has_a_line_with_schedule_last_and_next_run(filled):
    told = filled("jobs")
    assert told.exit_code == 0
    lines = {line["job"]: line for line in filled.json("jobs")}
    assert lines["trade"]["last"]["outcome"] == "completed"
    assert lines["snapshot"]["rings"] == "close+5m"
    assert (lines["exits"]["state"], lines["exits"]["last"]) == ("enabled", None)
    assert all(line["next"] for line in lines.values())


def test_A07_a_job_that_is_not_enabled_says_so(filled):
    text = (filled.plans / "demo.toml").read_text()
    off = "\n[schedule.alerts]\nenabled = false\n\n[[strategies]]"
    (filled.plans / "demo.toml").write_text(text.replace("\n[[strategies]]", off, 1))
    line = next(line for line in filled.json("jobs", "demo") if line["job"] == "alerts")
    assert (line["state"], line["next"]) == ("disabled", None)


def test_N02_N04_stats_tell_outcomes_and_counters(filled):
    line = next(line for line in filled.json("stats", "demo") if line["job"] == "trade")
    assert line["outcomes"] == {"completed": 1, "skipped": 1}
    assert line["failure_rate"] == 0
    assert "1 completed" in filled("stats").stdout


def test_stats_of_an_empty_store_say_so(empty):
    assert "no job has run yet" in empty("stats").stdout


@pytest.mark.parametrize("command", ["jobs", "stats"])
def test_an_unknown_plan_is_one_line_with_the_nearest(filled, command):
    told = filled(command, "dmeo")
    assert told.exit_code == 1
    assert "demo" in told.stderr
