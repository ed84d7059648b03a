"""1,000 rule alerts on 500 symbols x 200 bars: all on the panel at once, against one rule and one symbol at a time.

Both sides start from the same parsed rules and the same panel in memory, with the same functions and the same steps
of each alert at the end. One by one would be half a million evaluations: a twentieth of the rules, on every symbol,
is measured, checked for equal answers, and multiplied. Run as ``python -m benchmarks alerts``.
"""

import random
import statistics

from benchmarks.evaluate import clock, walk
from openbell.alerts.definitions import AlertFile, Rule
from openbell.alerts.judge import judge
from openbell.alerts.look import Look
from openbell.alerts.panel import Panel, Program
from openbell.alerts.rules import last_bar
from openbell.values.bars import Bars

RULES, SYMBOLS, SHARE, ROUNDS = 1_000, 500, 20, 3
#: The bounds.
MOST_SECONDS, FASTER = 2.0, 20
SHAPES = (
    "rsi({short}) < 30 and close > sma({long})",
    "crosses_above(ema({short}), ema({middle}))",
    "close > ago(highest({middle}), 1) and volume > 1.5 * sma(volume, {short})",
    "close < bollinger_lower({middle}, 2) or change({short}) < -{percent}",
    "atr({short}) / close > 0.0{percent} and not close > vwap({middle})",
)


def rules() -> tuple[Rule, ...]:
    """Rules whose windows are drawn as people draw them: many share one, most rules differ."""
    rng = random.Random(7)
    made = []
    for number in range(RULES):
        windows = {"short": rng.randint(2, 24), "middle": rng.randint(25, 49), "long": rng.randint(50, 200)}
        when = SHAPES[number % len(SHAPES)].format(**windows, percent=rng.randint(2, 9))
        made.append({"name": f"rule-{number}", "when": when})
    return AlertFile.model_validate({"plan": "bench", "rule": made}).rule


def look(bars: Bars) -> Look:
    return Look("bench", last_bar(bars), bars.symbols, bars, {})


def together(found: tuple[Rule, ...], bars: Bars) -> set[tuple[str, str]]:
    """The pairs that fire, judged on the panel."""
    return {(event.alert, event.symbol) for event in judge(found, look(bars)).events}


def one_by_one(found: tuple[Rule, ...], columns: list[Bars]) -> set[tuple[str, str]]:
    """The pairs that fire, a rule and a symbol at a time."""
    fired = set()
    for rule in found:
        for column in columns:
            truth = Panel(Program([rule.tree]), column).truth(rule.tree)
            assert truth is not None
            if truth.yes[0]:
                fired.add((rule.name, column.symbols[0]))
    return fired


def main() -> None:
    bars, found = walk(SYMBOLS), rules()
    columns = [bars.select([symbol]) for symbol in bars.symbols]
    some = found[: RULES // SHARE]
    assert together(some, bars) == one_by_one(some, columns)
    rounds = []
    for _ in range(ROUNDS):
        before = clock(lambda: together(found, bars))
        alone = SHARE * clock(lambda: one_by_one(some, columns))
        rounds.append((alone, statistics.mean((before, clock(lambda: together(found, bars))))))
    alone, panel = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratios = sorted(theirs / ours for theirs, ours in rounds)
    steps = len(Program([rule.tree for rule in found]).steps)
    print(
        f"{RULES:,} rules ({steps:,} steps) x {SYMBOLS} symbols x {len(bars)} bars, {len(together(found, bars)):,} fire"
    )
    print(f"  one by one              {alone * 1e3:10,.0f} ms   (a twentieth measured, times {SHARE})")
    print(f"  on the panel            {panel * 1e3:10,.0f} ms   (goal: at most {MOST_SECONDS * 1e3:,.0f} ms)")
    print(
        f"  ratio, median round     {statistics.median(ratios):10,.0f} x    ({ratios[0]:.0f}-{ratios[-1]:.0f}; ", end=""
    )
    print(f"goal: at least {FASTER})")


if __name__ == "__main__":
    main()
