"""What a job other than trading did in one run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openbell.values.record import Outcome


@dataclass(frozen=True, slots=True)
class Worked:
    """The words that stand for the run, counters, and details in canonical form (``canonical.plain``).

    An ``outcome`` other than completed has a reason ``code``.
    """

    message: str
    counters: Mapping[str, int] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    outcome: Outcome = Outcome.COMPLETED
    code: str = ""
