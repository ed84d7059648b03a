"""Whether a strategy keeps its promises. Only click is imported here."""

import click

from openbell.cli.later import as_json, later
from openbell.cli.pairs import pairs, split


@click.command("check", epilog="Example: openbell check sma_crossover --params fast=5 slow=20")
@click.argument("words", nargs=-1, metavar="[STRATEGY] [KEY=VALUE]...")
@click.option("--params", multiple=True, metavar="KEY=VALUE ...", help="Parameters of the strategy; the rest default.")
@click.option("--plan", default=None, help="Take symbols, prices and parameters from this plan.")
@click.option("--points", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Points of each panel.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of all random numbers.")
@as_json
def check_strategy(
    words: tuple[str, ...], params: tuple[str, ...], plan: str | None, points: int, seed: int, as_json: bool
) -> None:
    """Try every promise of a strategy: that the future never changes the past, and the others.

    STRATEGY is a name, the dotted path of a class, a file (mine.py, or mine.py:Mine when it has several), or the name
    of one in the plan. With --plan alone every strategy of the plan is checked. At random points of synthetic panels
    and of real prices the future is cut off, shuffled, moved and delisted, and the past is cut to the lookback. Exit
    code 1 when a promise is broken.
    """
    named, more = split(words)
    if len(named) > 1 or (not named and plan is None):
        raise click.UsageError("name one strategy, or a plan with --plan")
    given = pairs((*params, *more))
    if not named and given:
        raise click.UsageError("--params belong to one strategy: name it")
    later("openbell.cli.promises:run", named[0] if named else None, given, plan, (points, seed), as_json)
