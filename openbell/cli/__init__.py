"""The command line. Only click is imported here; a command's own module is imported when it is called."""

import difflib
import importlib
from typing import Any, NamedTuple

import click

from openbell import __version__
from openbell.errors import OpenbellError, SchemaMismatch
from openbell.values.texts import utf8


class Entry(NamedTuple):
    """Where a command lives (``module:name``), the part of the help it stands in, and what it is for."""

    path: str
    section: str
    help: str


COMMANDS = {
    "status": Entry("openbell.cli.status:status", "Look", "Where everything stands, and what can be done next."),
    "doctor": Entry("openbell.cli.doctor:doctor", "Look", "Is everything fit to trade? What is wrong, and what to do."),
    "health": Entry("openbell.cli.health:health", "Look", "Is all well? From the store alone; the exit code says it."),
    "history": Entry("openbell.cli.history:history", "Look", "Past runs, newest first."),
    "jobs": Entry("openbell.cli.jobs:jobs", "Look", "Every job: its schedule, last and next run, breaker."),
    "stats": Entry("openbell.cli.jobs:stats", "Look", "How the jobs did: durations, failures, what they counted."),
    "show": Entry("openbell.cli.show:show", "Look", "One run: what it saw, decided and did."),
    "explain": Entry("openbell.cli.explain:explain", "Look", "Why a run traded a symbol, or why it did not."),
    "orders": Entry("openbell.cli.books:orders", "Look", "Orders, newest first."),
    "positions": Entry("openbell.cli.books:positions", "Look", "What is held, and which strategies asked for it."),
    "exits": Entry("openbell.cli.exits:exits", "Look", "How far each position is from each exit rule."),
    "equity": Entry("openbell.cli.equity:equity", "Look", "The equity curve of an account."),
    "plans": Entry("openbell.cli.plans:plans", "Plans", "The plan files and whether they can run."),
    "validate": Entry("openbell.cli.plans:validate", "Plans", "Check plan files; every problem with file and line."),
    "preview": Entry("openbell.cli.preview:preview", "Plans", "Each coming run, its local time and what will happen."),
    "check": Entry("openbell.cli.check:check_strategy", "Plans", "Does a strategy keep its promises? Find look-ahead."),
    "replay": Entry("openbell.cli.replay:replay", "Plans", "What a plan would have done; or a stored run again."),
    "rehearse": Entry("openbell.cli.rehearse:rehearse", "Plans", "What a changed plan would decide otherwise."),
    "sweep": Entry("openbell.cli.sweep:sweep", "Plans", "Replay a plan with many parameters: which do best?"),
    "alerts": Entry("openbell.cli.alerts:alerts", "Plans", "Alerts on prices: list, validate, test, history."),
    "verify": Entry("openbell.cli.verify:verify", "Store", "Prove that nothing was edited and all adds up."),
    "notifications": Entry(
        "openbell.cli.notifications:notifications", "Control", "Messages to people: list, test a target, retry."
    ),
    "watch": Entry("openbell.cli.watch:watch", "Control", "Stand guard without Prefect: heartbeats, alarms, metrics."),
    "run": Entry("openbell.cli.run:run", "Control", "Run one job now, without Prefect."),
    "breaks": Entry("openbell.cli.breaks:breaks", "Control", "Where books and broker differ: show, accept, adopt."),
    "reassign": Entry("openbell.cli.reassign:reassign", "Control", "Give one strategy's positions to another."),
    "breaker": Entry("openbell.cli.breaker:breaker", "Control", "How the circuit breakers stand; reset one."),
    "enable": Entry("openbell.cli.enable:enable", "Control", "Switch a plan or job on; arm a live plan for today."),
    "disable": Entry("openbell.cli.enable:disable", "Control", "Switch a plan or one of its jobs off."),
    "halt": Entry("openbell.cli.switch:halt", "Control", "Stop every order at once."),
    "reduce-only": Entry(
        "openbell.cli.switch:reduce_only", "Control", "Let only orders through that shrink a position."
    ),
    "resume": Entry("openbell.cli.switch:resume", "Control", "Let orders through again; needs a reason."),
    "cancel-all": Entry("openbell.cli.switch:cancel_all", "Control", "Cancel every open order of an account."),
    "flatten": Entry("openbell.cli.switch:flatten_plan", "Control", "Cancel everything and close what is held."),
    "recover": Entry("openbell.cli.switch:recover", "Control", "Finish what runs that died left behind."),
    "archive": Entry("openbell.cli.archive:archive", "Store", "Move old months to files, still readable and proved."),
    "migrate": Entry("openbell.cli.migrate:migrate", "Store", "Create the store, or bring it up to this version."),
}


class Commands(click.Group):
    """Commands by import path: their one-line help stands in the table above, so that --help imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Every command, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's module and take it from there."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].path.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """A wrong name is told with the nearest right one."""
        close = difflib.get_close_matches(args[0], COMMANDS, n=1) if args else []
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = f"; did you mean {close[0]!r}?" if close else "; `openbell --help` lists them"
            ctx.fail(f"no command {args[0][:40]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The help, by section."""
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            with formatter.section(section):
                formatter.write_dl([(name, at.help) for name, at in COMMANDS.items() if at.section == section])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Every argument comes in here; a byte of one that is no UTF-8 stops no command."""
        return super().parse_args(ctx, [utf8(arg) for arg in args])

    def invoke(self, ctx: click.Context) -> Any:
        """Tell what went wrong in one line each, with the exit code that says which kind."""
        try:
            return super().invoke(ctx)
        except OpenbellError as error:
            for line in str(error).splitlines():
                click.echo(f"error: {line}", err=True)
            ctx.exit(3 if isinstance(error, SchemaMismatch) else 1)


@click.command(
    cls=Commands,
    invoke_without_command=True,
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 store of another version.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="openbell")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Trading on a schedule, with proof of what was done. Alone, `openbell` shows where everything stands."""
    if ctx.invoked_subcommand is None:
        status = cli.get_command(ctx, "status")
        if status is not None:
            ctx.invoke(status)


def main() -> None:
    """The console script."""
    cli(prog_name="openbell")
