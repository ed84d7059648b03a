"""What a trial is and what comes of it, as one line of JSON each way."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

#: What the broker does to the first order of ours that reaches it.
FAULTS = ("none", "drop after accept", "5xx after accept", "late visibility")
#: The venues of trials, and what the gateway does to the first order: it has no codes of its own that mean nothing,
#: but it forgets what it was told, and its line breaks at either side of the word about an order.
ALPACA, IBKR = "alpaca", "ibkr"
SWALLOWED, CUT = "swallowed order", "disconnect after place"
GATEWAY_FAULTS = (FAULTS[0], FAULTS[1], FAULTS[3], SWALLOWED, CUT)
#: Stands for a kill from outside: as soon as the broker has the first order, and before its answer is out.
ON_ACCEPT = "broker-accepted"
#: Stands for a process that is stopped there instead, outlives its lease, and goes on once another has done its work.
FROZEN = "frozen"
#: Stands for an attempt that comes while the lease of the dead one still runs, and must find everything taken.
EARLY = "early"
#: Stands for a disk with room for so many KiB in each file, not for a death: ``full:40``.
FULL = "full"


@dataclass(frozen=True)
class Scene:
    """What the attempts of a trial do: ``before`` undisturbed, ``doomed`` until they are killed, ``after`` at last.

    ``resting`` lets the broker keep orders open; the fault of a trial hits the first cancel where it ``cancels``.
    """

    doomed: tuple[str, ...] = ("trade",)
    after: str = "trade"
    before: str = ""
    resting: bool = False
    flat: bool = False

    def action(self, number: int) -> str:
        """What the attempt that dies as number so many does."""
        return self.doomed[min(number, len(self.doomed) - 1)]


SCENES = {
    # A run that is late is late only once it has died: nothing but recovery comes by.
    "trade": Scene(),
    "late": Scene(after="recover"),
    "halt": Scene(doomed=("trade", "halt")),
    "cancel": Scene(("cancel",), "cancel", before="trade", resting=True),
    "flatten": Scene(("flatten",), "flatten", before="trade", flat=True),
}


def scene_of(name: str) -> Scene:
    """A scene by name; any other name is an action that every attempt does."""
    return SCENES.get(name) or Scene((name,), name)


@dataclass(frozen=True)
class Trial:
    """One scene at one venue, interrupted. ``unique``: the venue refuses a second order of the same id, as Alpaca does.

    ``crashes`` names the point at which each attempt in turn dies; ``kill_after`` kills the first after so many
    seconds instead.
    """

    scene: str = "trade"
    crashes: tuple[str, ...] = ()
    fault: str = FAULTS[0]
    unique: bool = True
    kill_after: float | None = None
    number: int = 0
    venue: str = ALPACA

    def line(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> "Trial":
        values = json.loads(line)
        return cls(**values | {"crashes": tuple(values["crashes"])})


@dataclass(frozen=True)
class Result:
    """What the oracle said of a trial, and what became of the orders.

    ``kills`` counts attempts that died as they were meant to; ``placed`` orders that the broker took; ``runs`` the
    records by outcome and code; ``recovered`` orders whose unknown outcome was found
    out, ``resent`` those sent again, ``abandoned`` those given up with an alert after a mark.
    """

    kills: int = 0
    attempts: int = 0
    orders: int = 0
    placed: int = 0
    runs: dict[str, int] = field(default_factory=dict)
    recovered: int = 0
    resent: int = 0
    abandoned: int = 0
    settled: bool = True
    seconds: float = 0.0
    findings: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = field(default=())

    def line(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> "Result":
        values: dict[str, Any] = json.loads(line)
        values["findings"] = tuple((name, detail) for name, detail in values["findings"])
        return cls(**values | {"notes": tuple(values["notes"])})
