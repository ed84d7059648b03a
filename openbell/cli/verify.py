"""Prove that the store was not edited and that everything in it adds up."""

import click

from openbell.cli.output import emit, machine, say, table
from openbell.cli.place import FIRST_STEP, shown
from openbell.errors import StoreError
from openbell.settings import load_settings
from openbell.store.connect import exists
from openbell.store.verify import Check
from openbell.store.verify import verify as check_all


@click.command(epilog="Example: openbell verify --json")
@machine
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Recompute every hash chain, rebuild orders, positions, books and cash, and evaluate the invariants.

    Exit code 1 when anything is found; each finding names the row.
    """
    settings = load_settings()
    url = settings.url
    if not exists(url):
        raise StoreError(f"no store yet at {shown(url)}: {FIRST_STEP}")
    checks = check_all(url, settings.archive)
    failed = [check for check in checks if not check.ok]
    if as_json:
        emit({"store": shown(url), "ok": not failed, "checks": checks})
    else:
        table("", ("check", "what", ">rows", "result", "row", "finding"), (line for c in checks for line in _lines(c)))
        say(f"{len(failed)} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed")
    if failed:
        ctx.exit(1)


def _lines(check: Check) -> list[tuple[object, ...]]:
    head: tuple[object, ...] = (check.code, check.name, f"{check.rows:,}", "ok" if check.ok else "failed")
    if check.ok:
        return [(*head, None, None)]
    first, *more = check.findings
    lines: list[tuple[object, ...]] = [(*head, first.row, first.detail)]
    lines += [("", "", "", "", finding.row, finding.detail) for finding in more]
    if untold := check.wrong - len(check.findings):
        lines.append(("", "", "", "", None, f"and {untold} more"))
    return lines
