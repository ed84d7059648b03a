"""The judge of a trial: evaluates the invariants of FAULTS section 3 from what is left behind.

It shares no code with openbell on purpose: a mistake there cannot hide here. It reads the broker's ledger, the
database file and the outputs, and imports the standard library only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults import order_checks, run_checks
from tests.faults.evidence import Evidence, Expected, gather


@dataclass(frozen=True)
class Finding:
    """One invariant that does not hold, and where."""

    invariant: str
    detail: str


Check = Callable[[Evidence, Expected], Iterator[str]]


def judge_files(ledger: Path, store: Path, expected: Expected, outputs: tuple[Path, ...] = ()) -> tuple[Finding, ...]:
    """Every finding in what a trial left behind."""
    return judge(gather(ledger, store, outputs), expected)


def judge(evidence: Evidence, expected: Expected) -> tuple[Finding, ...]:
    """Every finding, by invariant."""
    return tuple(
        Finding(invariant, detail)
        for invariant, checks in CHECKS.items()
        for check in checks
        for detail in check(evidence, expected)
    )


CHECKS: dict[str, tuple[Check, ...]] = {
    "I1": (order_checks.at_most_once,),
    "I2": (order_checks.nothing_lost,),
    "I3": (order_checks.traceable, order_checks.lowered),
    "I4": (order_checks.written_ahead,),
    "I5": (run_checks.chained, run_checks.no_state_without_event),
    "I7": (order_checks.limits,),
    "I8": (run_checks.halted,),
    "I9": (run_checks.fenced,),
    "I10": (run_checks.one_run_per_slot,),
    "I13": (order_checks.steps,),
    "I15": (run_checks.outcomes,),
    "I16": (run_checks.secrets,),
    "I19": (order_checks.fills_once,),
    "H07": (order_checks.flat,),
}
