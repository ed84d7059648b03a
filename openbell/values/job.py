"""The jobs of a plan, and which of them may wait for better times."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of run. One that ``adds_risk`` skips when it is late or a breaker is open.

    One that does not is protective: it runs once, however late, and no breaker holds it back.
    """

    name: str
    adds_risk: bool


TRADE = Job("trade", adds_risk=True)
RECOVER = Job("recover", adds_risk=False)
FLATTEN = Job("flatten", adds_risk=False)
