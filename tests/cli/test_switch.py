"""The kill switch and the commands on an account, as a person at a terminal uses them."""

import os
import resource

import pytest

from openbell import store
from openbell.ports import Level


def level(terminal):
    return store.open_journal(terminal.url, terminal.home / "HALT").switch().level


def test_H02_halt_leaves_a_file_and_an_entry_either_of_which_is_enough(empty):
    result = empty("halt", "--reason", "odd prices")
    assert (result.exit_code, result.stdout.startswith("halted at epoch 1")) == (0, True)
    assert (empty.home / "HALT").exists()
    (empty.home / "HALT").unlink()
    assert level(empty) is Level.HALTED


def test_H02_halt_works_while_the_store_cannot_be_used(terminal):
    result = terminal("halt", "--reason", "x", OPENBELL_DATABASE_URL="sqlite:////proc/nowhere/openbell.db")
    assert result.exit_code == 0
    assert "the store could not be told" in result.stderr
    assert (terminal.home / "HALT").exists()
    store.upgrade(terminal.url)
    assert level(terminal) is Level.HALTED


@pytest.mark.parametrize("home", ["/proc/nowhere/at/all", "a file"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_H02_halt_that_reached_neither_file_nor_store_says_that_nothing_is_halted(tmp_path, terminal, home, options):
    (tmp_path / "a file").touch()
    result = terminal("halt", "--reason", "x", *options, OPENBELL_HOME=str(tmp_path / home))
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"error: NOT halted: {tmp_path / home / 'HALT'} could not be written: " in result.stderr
    assert "and the store could not be told: " in result.stderr


def test_H02_halt_tells_the_store_where_the_file_cannot_be_written(empty, tmp_path):
    (tmp_path / "a file").touch()
    result = empty("halt", OPENBELL_HOME=str(tmp_path / "a file"), OPENBELL_DATABASE_URL=empty.url)
    assert (result.exit_code, "could not be written" in result.stderr) == (0, True)
    assert result.stdout.startswith("halted at epoch 1")
    assert level(empty) is Level.HALTED


@pytest.mark.parametrize("before", [None, "halted by anna: prices\n"])
def test_H02_halt_on_a_disk_without_room_leaves_the_file_that_stands_or_an_empty_one(empty, before):
    file = empty.home / "HALT"
    if before is not None:
        file.write_text(before)
    seen = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, seen[1]))  # files can be made and not grow
    try:
        result = empty("halt", "--reason", "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, seen)
    assert (result.exit_code, f"the file {file} stands" in result.stdout) == (0, True), result.output
    assert "why could not be written into it" in result.stderr
    assert sorted(path.name for path in empty.home.glob("HALT*")) == ["HALT"]
    assert file.read_text() == (before or "")
    assert level(empty) is Level.HALTED


@pytest.mark.parametrize(
    ("words", "env"),
    [
        (("--reason", "prices \udce4"), {}),
        (("--actor", "J\udcf6rg"), {}),
        ((), {"OPENBELL_ACTOR": "J\udcf6rg"}),
        ((), {"LOGNAME": "J\udcf6rg"}),
    ],
)
def test_H02_a_byte_that_is_no_utf8_in_reason_or_actor_halts_all_the_same(empty, words, env):
    result = empty("halt", *words, **env)
    assert (result.exit_code, "?" in result.stdout, result.stderr) == (0, True, "")
    assert sorted(path.name for path in empty.home.glob("HALT*")) == ["HALT"]
    (empty.home / "HALT").unlink()
    assert level(empty) is Level.HALTED
    assert empty("resume", "--reason", "it is \udce4", "--actor", "kim").exit_code == 0
    assert empty("disable", "demo", *words, **env).exit_code == 0


def test_H03_resume_needs_a_reason(empty):
    empty("halt")
    assert empty("resume").exit_code == 2
    result = empty("resume", "--reason", "  ")
    assert (result.exit_code, "needs --reason" in result.stderr) == (1, True)
    assert level(empty) is Level.HALTED


def test_H03_an_automation_may_halt_and_never_resumes(empty):
    empty("halt", "--actor", "auto:watchdog")
    result = empty("resume", "--reason", "looks fine", "--actor", "auto:watchdog")
    assert (result.exit_code, "a person must undo" in result.stderr) == (1, True)
    assert empty("resume", "--reason", "checked", "--actor", "kim").exit_code == 0
    assert level(empty) is Level.ACTIVE


def test_H03_a_restart_never_resumes(empty):
    empty("halt")
    store.close(empty.url)
    assert level(empty) is Level.HALTED
    assert empty("status").exit_code == 0
    assert level(empty) is Level.HALTED


def test_resume_removes_the_file_and_says_where_orders_can_go_now(empty):
    empty("halt")
    result = empty("resume", "--reason", "checked")
    assert "plan demo: paper account book at paper" in result.stdout
    assert not (empty.home / "HALT").exists()
    assert level(empty) is Level.ACTIVE


def test_resume_without_a_folder_of_plans_says_so_and_resumes(empty, tmp_path):
    empty("halt")
    result = empty("resume", "--reason", "checked", OPENBELL_PLANS=str(tmp_path / "none"))
    assert (result.exit_code, "where orders can go is not known" in result.stdout) == (0, True)
    assert level(empty) is Level.ACTIVE


def test_reduce_only_loosens_a_halt_only_with_a_reason(empty):
    assert empty("reduce-only").exit_code == 0
    empty("halt")
    assert empty("reduce-only").exit_code == 1
    assert empty("reduce-only", "--reason", "close by hand").exit_code == 0
    assert level(empty) is Level.REDUCE_ONLY


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
def test_a_file_that_cannot_be_removed_keeps_everything_halted(empty):
    empty("halt")
    empty.home.chmod(0o500)
    result = empty("resume", "--reason", "checked")
    empty.home.chmod(0o700)
    assert (result.exit_code, "still halted" in result.stderr) == (1, True)


def test_every_switch_command_answers_in_json(empty):
    assert empty.json("halt")["level"] == "halted"
    assert empty.json("reduce-only", "--reason", "x")["level"] == "reduce_only"
    assert empty.json("resume", "--reason", "x") | {"actor": ""} == {
        "level": "active",
        "epoch": 3,
        "actor": "",
        "reason": "x",
    }


def test_flatten_under_a_halt_needs_a_reason_and_says_what_to_type(empty):
    empty("halt")
    result = empty("flatten", "demo")
    assert (result.exit_code, 'openbell flatten demo --reason "..."' in result.stderr) == (1, True)
    assert level(empty) is Level.HALTED
    result = empty("flatten", "demo", "--reason", "out", "--actor", "auto:watchdog")
    assert (result.exit_code, "is no person" in result.stderr) == (1, True)
    assert empty("flatten", "demo", "--reason", "out").exit_code == 0
    assert level(empty) is Level.REDUCE_ONLY


def test_who_halted_and_why_is_told_although_the_file_stands_too(empty):
    empty("halt", "--reason", "prices look wrong", "--actor", "anna")
    assert (empty.home / "HALT").exists()
    assert "halted by anna: prices look wrong" in empty("health").stdout
    empty("reduce-only", "--reason", "calmer")
    (empty.home / "HALT").touch()
    assert f"halted by file: the file {empty.home / 'HALT'} exists" in empty("health").stdout


def test_a_halt_where_no_store_was_warns_that_it_is_not_the_one_of_what_trades(terminal):
    result = terminal("halt", "--reason", "x")
    assert (result.exit_code, level(terminal)) == (0, Level.HALTED)
    assert f"there was no store at sqlite:///{terminal.home / 'openbell.db'}, so one is made" in result.stderr
    assert "no store" not in terminal("halt", "--reason", "x").stderr


@pytest.mark.parametrize("user", ["openbell", "openbell-live"])
def test_who_works_as_the_user_of_a_service_says_who_it_is(empty, user):
    empty("halt", OPENBELL_ACTOR="anna")
    for command in (("resume",), ("enable", "demo"), ("flatten", "demo")):
        result = empty(*command, "--reason", "mended", LOGNAME=user)
        assert (result.exit_code, "give your name with --actor or OPENBELL_ACTOR" in result.stderr) == (1, True)
    assert level(empty) is Level.HALTED
    result = empty("resume", "--reason", "mended", LOGNAME=user, OPENBELL_ACTOR="anna")
    assert (result.exit_code, "active at epoch 2 by anna: mended" in result.stdout) == (0, True)


@pytest.fixture
def live(empty):
    """The demo plan on an account that its venue calls a live one."""
    text = empty.plan.replace('broker = "paper"', 'broker = "tests.cli.livebroker.LiveDouble"')
    empty.write(text.replace("[account]", 'mode = "live"\n\n[account]'))
    return empty


@pytest.mark.parametrize("command", [("flatten", "demo", "--reason", "out"), ("cancel-all", "demo")])
@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        ((), 1, "are needed, as --confirm XXXX"),
        (("--confirm", "9999"), 1, "what was typed is not the last 4 characters"),
        (("--confirm", "U7654321"), 1, "is not the last 4 characters"),
        (("--confirm", "4321"), 0, ""),
    ],
)
def test_H09_a_live_account_is_touched_only_after_the_end_of_its_number_was_typed(live, command, typed, code, words):
    result = live(*command, *typed)
    assert (result.exit_code, words in result.stderr) == (code, True), result.output
    assert "live account book" in result.stdout
    assert "7654321" not in result.output
    done = (live.home / "canceled").exists()
    assert done is (code == 0)
    if code and command[0] == "flatten":
        assert level(live) is Level.ACTIVE


def test_H09_a_paper_account_needs_nothing_typed(empty):
    for words in (("flatten", "demo"), ("cancel-all", "demo")):
        assert empty(*words).exit_code == 0


def test_H09_flatten_and_cancel_all_say_which_account_they_act_on(empty):
    for words in (("flatten", "demo"), ("cancel-all", "demo"), ("cancel-all", "--account", "book")):
        result = empty(*words)
        assert result.exit_code == 0, result.output
        assert "paper account book at paper, plan demo" in result.stdout


def test_cancel_all_takes_a_plan_or_an_account_that_some_plan_names(empty):
    assert empty("cancel-all").exit_code == 2
    assert empty("cancel-all", "demo", "--account", "book").exit_code == 2
    result = empty("cancel-all", "--account", "other")
    assert (result.exit_code, "no plan file trades on account 'other'" in result.stderr) == (1, True)


def test_recover_with_nothing_left_behind_says_so(empty):
    result = empty("recover", "demo")
    assert (result.exit_code, result.stdout.strip()) == (0, "nothing to recover")


def test_X19_the_crash_switch_is_refused_for_an_account_beyond_this_machine(empty):
    empty.write(empty.plan.replace('broker = "paper"', 'broker = "alpaca"'))
    result = empty("recover", "demo", OPENBELL_TEST_CRASH="after-post")
    assert (result.exit_code, "is not on this machine: refused" in result.stderr) == (1, True)


def test_X19_a_crash_switch_that_names_no_point_is_refused(empty):
    result = empty("recover", "demo", OPENBELL_TEST_CRASH="after-lunch")
    assert (result.exit_code, "is no point" in result.stderr) == (1, True)
