"""The newest page of the history and the explanation of a run, in a store of a thousand runs and of a million."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.audit import PAGE, filled, record_of, timed
from openbell.ports import History
from openbell.stages.explain import explain
from openbell.store import open_journal

FEW, MANY, REPEATS = 1_000, 1_000_000, 100
#: The bound of what is asked: as fast as with a thousand, within twice.
LIMIT = 2.0


def with_a_run(folder: Path, count: int) -> History:
    """A history of that many runs whose newest is a real one: 500 signals and verdicts."""
    history = filled(folder, count)
    journal = open_journal(f"sqlite:///{folder / str(count)}.db")
    record = record_of(0)
    verdicts = tuple(replace(verdict, rulings=verdict.rulings[:5]) for verdict in record.verdicts[:20])
    small = {"signals": record.signals[:20], "intents": record.intents[:20], "verdicts": verdicts}
    journal.seal(record.model_copy(update=small), None)
    return history


def asked(history: History) -> dict[str, Callable[[], object]]:
    """What a person asks."""
    record = record_of(0)
    symbol = record.signals[3].symbol

    def told(name: str) -> None:
        found = history.run(name)
        assert found is not None
        explain(found, symbol)

    return {
        f"history, newest {PAGE}": lambda: history.runs(None, PAGE),
        f"history of a plan, newest {PAGE}": lambda: history.runs("plan-3", PAGE),
        "explain by id": lambda: told(record.id),
        "explain by the beginning of an id": lambda: told(record.id[:12]),
        "explain by slot": lambda: told(record.slot),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        few, many = (asked(with_a_run(Path(name), count)) for count in (FEW, MANY))
        for question in few:
            pairs = [(timed(few[question]), timed(many[question])) for _ in range(REPEATS)]
            # The fastest of many: whatever else the machine does can only add to it.
            small, large = (min(side) for side in zip(*pairs, strict=True))
            print(
                f"{question}: {large * 1e3:.2f} ms at {MANY:,} runs, {small * 1e3:.2f} ms at {FEW:,}, "
                f"ratio {large / small:.2f} (limit {LIMIT})"
            )


if __name__ == "__main__":
    main()
