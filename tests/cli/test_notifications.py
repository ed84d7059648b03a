"""Messages on the command line: what was told, a test of a target, another try."""

from datetime import UTC, datetime, timedelta

import pytest

from openbell import store
from openbell.values.message import MessageState, Severity
from tests.cli.conftest import PLAN, Terminal
from tests.notifiers.receiver import answer, receiving
from tests.notifiers.samples import CANARY, OPS, message

NOW = datetime.now(UTC)
VARIABLE = OPS.removeprefix("env:")


@pytest.fixture
def told(empty: Terminal) -> Terminal:
    """A store with one message waiting and one failed."""
    outbox = store.open_outbox(empty.url)
    fresh = {"created": NOW, "expires": NOW + timedelta(days=1)}
    rows = [message("runs/1", level=Severity.ERROR, subject="demo trade: failed", **fresh), message("runs/2", **fresh)]
    outbox.put("demo", (), rows, timedelta(0), NOW)
    claimed = outbox.claim("demo", OPS, NOW, timedelta(minutes=1))
    assert claimed is not None
    outbox.settle(claimed, MessageState.FAILED, NOW, "answered 404", NOW)
    store.close(empty.url)
    return empty


def test_list_shows_where_each_message_stands(told: Terminal) -> None:
    shown = told("notifications", "list")
    assert shown.exit_code == 0
    for word in ("demo trade: failed", "answered 404", OPS, message("runs/1").id, "1 waiting, 0 sent, 1 failed"):
        assert word in shown.stdout
    failed = told.json("notifications", "list", "--state", "failed")
    assert [row["message"]["source"] for row in failed] == ["runs/1"]
    assert "no message matches" in told("notifications", "list", "--plan", "other").stdout


def test_S22_target_that_takes_no_messages_is_named(told: Terminal) -> None:
    store.open_journal(told.url).alert("NOTIFICATION_FAILED", OPS, "answered 404")
    assert f"{OPS} takes no messages since 20" in told("notifications", "list").stdout


def test_empty_list_says_what_to_do(empty: Terminal) -> None:
    assert "[notify] of a plan says who is told" in empty("notifications", "list").stdout
    assert empty.json("notifications", "list") == []


def test_without_a_store_the_first_step_is_named(terminal: Terminal) -> None:
    result = terminal("notifications", "list")
    assert result.exit_code == 1
    assert "no store yet" in result.stderr


def test_retry_lets_failed_messages_wait_again(told: Terminal) -> None:
    assert "1 message will be tried again" in told("notifications", "retry").stdout
    assert told.json("notifications", "retry") == {"waiting": 0}
    assert "no message has failed" in told("notifications", "retry").stdout
    refused = told("notifications", "retry", "msg-unknown")
    assert refused.exit_code == 1
    assert "0 of 1 messages had failed" in refused.stderr


def test_test_sends_one_message_now(terminal: Terminal) -> None:
    with receiving() as receiver:
        env = {VARIABLE: receiver.url()}
        taken = terminal("notifications", "test", OPS, "--private", **env)
        assert taken.exit_code == 0
        assert taken.stdout == f"{OPS} took the message\n"
        assert receiver.received[0].json["subject"] == "openbell test message"
        receiver.script = [answer(403)]
        refused = terminal("notifications", "test", OPS, "--private", **env)
        assert refused.exit_code == 1
        assert refused.stderr == f"error: {OPS} did not take the message: answered 403\n"
        found = terminal("notifications", "test", OPS, "--private", "--json", **env)
        assert found.exit_code == 1
        assert '"error": "answered 403"' in found.stdout


@pytest.mark.parametrize(
    ("words", "env", "why"),
    [
        ([OPS], {}, f"environment variable {VARIABLE} is not set"),
        ([OPS], {VARIABLE: f"https://169.254.169.254/{CANARY}"}, "metadata"),
        ([OPS], {VARIABLE: f"http://127.0.0.1/{CANARY}"}, "use https"),
        (["slack-webhook/ops"], {}, "is a block, which Prefect alone can open"),
        ([f"https://h/{CANARY}"], {}, "given by variable only"),
        ([OPS, "--plan", "demo"], {}, "plan demo tells nobody"),
        ([OPS, "--plan", "dem"], {}, "no plan 'dem'"),
    ],
)
def test_X14_bad_target_is_one_error_without_the_address(terminal: Terminal, words, env, why) -> None:
    result = terminal("notifications", "test", *words, **env)
    assert result.exit_code == 1
    assert why in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert CANARY not in result.output


def test_target_of_a_plan_is_taken_as_the_plan_has_it(terminal: Terminal) -> None:
    terminal.write(f'{PLAN}\n[notify]\ntargets = [{{ to = "{OPS}", private = true }}]\n')
    with receiving() as receiver:
        env = {VARIABLE: receiver.url()}
        assert terminal("notifications", "test", OPS, "--plan", "demo", **env).exit_code == 0
        assert terminal("validate", **env).exit_code == 0


@pytest.mark.parametrize(
    ("notify", "why"),
    [
        (f'targets = [{{ to = "{OPS}" }}, {{ to = "{OPS}" }}]', "stands twice"),
        (f'targets = [{{ to = "{OPS}", levels = ["loud"] }}]', "'info', 'warning', 'error' or 'critical'"),
        (f'targets = [{{ to = "{OPS}", level = ["info"] }}]', "did you mean 'levels'"),
        ('targets = [{ to = "env:HOME" }]', "is neither env:OPENBELL_NOTIFY_NAME nor"),
        ('on = ["sometimes"]', "notify.on"),
        ('jobs = ["trading"]', "'trading' is not a job"),
        ('merge = "25h"', "merge 1 day, 1:00:00 is not between 0s and 24h"),
        ('expire = "30s"', "is not between 1m and 7d"),
        ('block = "slack-webhook/ops"', "unknown key"),
    ],
)
def test_bad_notify_tables_are_named_with_file_and_key(terminal: Terminal, notify, why) -> None:
    terminal.write(f"{PLAN}\n[notify]\n{notify}\n")
    result = terminal("validate")
    assert result.exit_code == 1
    assert why in result.output
    assert "demo.toml:" in result.output


def test_X14_address_that_must_not_be_used_is_refused_when_the_plan_is_checked(terminal: Terminal) -> None:
    terminal.write(f'{PLAN}\n[notify]\ntargets = [{{ to = "{OPS}" }}]\n')
    result = terminal("validate", **{VARIABLE: f"https://[fe80::1]/{CANARY}"})
    assert result.exit_code == 1
    assert f"{VARIABLE} is refused: fe80::1 is link-local" in result.output
    assert CANARY not in result.output
