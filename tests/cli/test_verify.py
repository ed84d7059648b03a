"""openbell verify and openbell breaker."""

import sqlite3

from openbell import store


def broken(terminal):
    with sqlite3.connect(terminal.home / "openbell.db") as connection:
        connection.execute("DROP TRIGGER fills_no_update")
        connection.execute("UPDATE fills SET price = '101.6'")
    connection.close()


def test_verify_passes_an_untouched_store(filled):
    result = filled("verify")
    assert result.exit_code == 0, result.output
    assert "checks passed" in result.stdout
    answer = filled.json("verify")
    assert answer["ok"]
    assert {check["code"] for check in answer["checks"]} >= {"I1", "I5", "I7", "I9", "I10", "I12", "I13", "I15", "I19"}


def test_H12_verify_names_an_edited_row_and_ends_with_exit_code_1(filled):
    broken(filled)
    result = filled("verify")
    assert result.exit_code == 1
    assert "order_events" in result.stdout
    assert "fill f-1" in result.stdout
    assert "the trigger fills_no_update is gone" in result.stdout
    assert filled("verify", "--json").exit_code == 1


def test_verify_without_a_store_says_what_to_do(terminal):
    result = terminal("verify")
    assert result.exit_code == 1
    assert "no store yet" in result.stderr


def test_P05_verify_of_another_schema_ends_with_exit_code_3(filled, damaged):
    damaged(filled, "9999")
    assert filled("verify").exit_code == 3


def opened(terminal):
    store.open_journal(terminal.url).count("demo", "trade", "broker", "401 unauthorized", at_once=True)


def test_breaker_list_tells_what_is_open_and_why(empty):
    assert "nothing has failed" in empty("breaker", "list").stdout
    opened(empty)
    shown = empty("breaker", "list").stdout
    assert "401 unauthorized" in shown
    assert " open " in shown
    (row,) = empty.json("breaker", "list")
    assert (row["plan"], row["job"], row["breaker"]["open"]) == ("demo", "trade", True)


def test_breaker_reset_needs_a_reason_and_something_to_reset(empty):
    opened(empty)
    assert empty("breaker", "reset", "demo", "trade").exit_code == 2
    assert empty("breaker", "reset", "demo", "trade", "--reason", " ").exit_code == 1
    assert "no breaker of demo exits" in empty("breaker", "reset", "demo", "exits", "--reason", "x").stderr
    result = empty("breaker", "reset", "demo", "trade", "--reason", "new key")
    assert (result.exit_code, "closed the breakers of demo trade: broker" in result.stdout) == (0, True)
    assert not store.open_journal(empty.url).breaker("demo", "trade").open
