"""What a plan says about who is told of what."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from openbell.values.job import JOBS
from openbell.values.part import Duration, Part

#: A name that ends in _KEY holds the key that signs what goes to the target of the same name without it.
_REFERENCE = re.compile(
    r"^(env:OPENBELL_NOTIFY_(?![A-Z0-9_]*_KEY$)[A-Z][A-Z0-9_]{0,39}|[a-z0-9][a-z0-9-]{0,59}/[a-z0-9][a-z0-9-]{0,59})$"
)
Outcomes = Literal["completed", "skipped", "failed", "interrupted", "missed"]
Happening = Outcomes | Literal["orders", "alerts", "breaks", "switches", "breakers"]


def _hidden(value: Any) -> Any:
    """An address that was written where its name belongs is not repeated in the error: it may hold a token."""
    return value if not isinstance(value, str) or _REFERENCE.match(value) else "(not shown)"


def _reference(text: str) -> str:
    if not _REFERENCE.match(text):
        raise ValueError(
            "is neither env:OPENBELL_NOTIFY_NAME nor the slug/name of a block; the address itself stays out of plans"
        )
    return text


class Target(Part):
    """Who is told; the address stands in an environment variable or in a block of Prefect."""

    to: Annotated[str, AfterValidator(_reference), BeforeValidator(_hidden)] = Field(
        description="env:OPENBELL_NOTIFY_NAME, or slug/name of a Prefect notification block."
    )
    levels: tuple[Literal["info", "warning", "error", "critical"], ...] = Field(
        ("info", "warning", "error", "critical"), description="Levels that this target is told."
    )
    private: bool = Field(False, description="The address may be of a private network, or of this machine.")


class Notify(Part):
    """What is told to whom; sending can never break or delay a run."""

    enabled: bool = Field(True, description="False: nobody is told of anything.")
    targets: tuple[Target, ...] = Field((), max_length=20, description="Empty: events only.")
    on: tuple[Happening, ...] = Field(
        ("completed", "failed", "interrupted", "missed", "orders", "alerts", "breaks", "switches", "breakers"),
        description="Outcomes of runs; fills, cancels and rejects; alerts; breaks; kill switch; breakers.",
    )
    jobs: tuple[str, ...] = Field(("trade",), description="Whose completed and skipped runs are told.")
    merge: Duration = Field(timedelta(minutes=15), description="The same again within this is told once, with a count.")
    expire: Duration = Field(timedelta(days=1), description="What could not be sent for so long is given up.")

    @model_validator(mode="after")
    def _bounded(self) -> "Notify":
        names = [target.to for target in self.targets]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"target {name} stands twice")
        for job in self.jobs:
            if job not in JOBS:
                raise ValueError(f"jobs: {job[:40]!r} is not a job: {', '.join(JOBS)}")
        if not timedelta(0) <= self.merge <= timedelta(hours=24):
            raise ValueError(f"merge {self.merge} is not between 0s and 24h")
        if not timedelta(minutes=1) <= self.expire <= timedelta(days=7):
            raise ValueError(f"expire {self.expire} is not between 1m and 7d")
        return self
