"""What holds for every command: lazy, with an example, one clear line when something is wrong."""

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

from openbell import __version__
from openbell.cli import COMMANDS

HEAVY = {"pandas", "numpy", "prefect", "sqlmodel", "sqlalchemy", "exchange_calendars", "rich", "pydantic", "alembic"}
RUN = "import sys; sys.argv = ['openbell', *{words!r}]; from openbell.cli import main; main()"


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom openbell.cli import cli\ncli(['--help'], standalone_mode=False)\n"
        f"print('heavy', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy []"


def leaves():
    """Every command that does something, as words: ``breaker list`` and not ``breaker``."""
    for name, entry in COMMANDS.items():
        module, _, attribute = entry.path.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        yield from ((name, inner) for inner in command.commands) if isinstance(command, click.Group) else ((name,),)


@pytest.mark.parametrize("words", list(leaves()), ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(terminal, words):
    result = terminal(*words, "--help")
    assert result.exit_code == 0
    assert f"Example: openbell {' '.join(words)}" in result.output
    assert "--json" in result.output


def test_help_lists_every_command_with_what_it_is_for(terminal):
    listed = terminal("--help").output
    assert all(name in listed and entry.help in listed for name, entry in COMMANDS.items())


def test_version_is_that_of_the_package(terminal):
    assert __version__ in terminal("--version").output


def test_an_unknown_command_is_wrong_usage_and_names_the_nearest(terminal):
    result = terminal("statuss")
    assert (result.exit_code, "did you mean 'status'?" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "words",
    [("history", "--limit", "0"), ("history", "--outcome", "no"), ("preview", "demo", "--days", "x"), ("show",)],
)
def test_wrong_usage_has_exit_code_2(terminal, words):
    assert terminal(*words).exit_code == 2


def test_F02_an_unknown_variable_of_ours_is_refused_by_name(terminal):
    result = terminal("plans", OPENBELL_PLANZ="x")
    assert result.exit_code == 1
    assert result.stderr == "error: environment variable OPENBELL_PLANZ is not known; did you mean 'OPENBELL_PLANS'?\n"


@pytest.mark.parametrize("url", ["postgresql://me:hunter2@127.0.0.1:1/db", "mysql://me:hunter2@host/db", "hunter2://"])
@pytest.mark.parametrize("words", [("status",), ("history",), ("migrate",), ("migrate", "--check")])
def test_a_database_that_cannot_be_used_is_one_line_without_the_password(terminal, url, words):
    result = terminal(*words, OPENBELL_DATABASE_URL=url)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "hunter2@" not in result.output


def test_a_reader_that_goes_away_early_leaves_no_traceback(filled):
    env = {"OPENBELL_HOME": str(filled.home), "OPENBELL_PLANS": str(filled.plans), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", RUN.format(words=["show", "run-completed", "--json"])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=Path.cwd()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_pipe_gets_no_colour_codes_and_no_folded_rows(filled):
    env = {"OPENBELL_HOME": str(filled.home), "OPENBELL_PLANS": str(filled.plans), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", RUN.format(words=["history"])]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    assert "\x1b" not in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if "completed: 2 orders" in line]
    assert "run-completed" in row
