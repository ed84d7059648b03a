"""Strategies asked on several threads, from the size on at which that pays."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from openbell.stages.evaluate import Answer, Question, answer, in_turn

#: Closes that all strategies look at together, below which handing them out costs more than it gains: docs/scale.md.
PAYS = 10_000_000


@dataclass(frozen=True, slots=True)
class Threads:
    """Asks strategies on ``count`` threads where they look at ``least`` closes or more, else in turn."""

    count: int
    least: int = PAYS

    def __call__(self, questions: Sequence[Question]) -> Iterable[Answer]:
        """Answers in the order of the questions; what is no fault of a strategy is raised as it would be in turn."""
        closes = sum(strategy.lookback * len(bars.symbols) for strategy, bars in questions)
        if min(self.count, len(questions)) < 2 or closes < self.least:
            return in_turn(questions)
        with ThreadPoolExecutor(min(self.count, len(questions)), "evaluate") as pool:
            return tuple(pool.map(answer, questions))
