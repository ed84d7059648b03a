"""The broker of a trial: the fault broker as a process of its own, with the trial's fault scripted."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.faultbroker.process import FaultBroker
from tests.faults.trial import FAULTS, Trial

#: The secret of the account; it must turn up in no output.
KEY, CANARY = "PKCANARY00000000MATRIX", "canary-7Qe9vKpX2mZr4TnB"
#: How long a late broker hides a new order from every question, in seconds; below the quiet period of a trial.
LAG = 0.2

_ORDER = {"verb": "POST", "path": "/v2/orders"}
#: What is done to the first order, by the words of the trial.
_SCRIPTS: dict[str, dict[str, Any]] = {
    FAULTS[1]: {**_ORDER, "drop": "after"},
    FAULTS[2]: {**_ORDER, "status": 503, "when": "after"},
}


class Double:
    """Runs while the trial does; its ledger stays."""

    def __init__(self, folder: Path, trial: Trial) -> None:
        self._ledger = folder / "ledger.jsonl"
        self._broker = FaultBroker(self._ledger, trial.unique)
        self.url = self._broker.url
        self._broker.keys(KEY, CANARY)
        if trial.fault in _SCRIPTS:
            self._broker.script(_SCRIPTS[trial.fault])
        elif trial.fault == FAULTS[3]:
            self._broker.set(lag=LAG)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._broker.stop()

    def hold_answers(self, seconds: float) -> None:
        """Accept the first order and keep its answer back."""
        self._broker.script({**_ORDER, "delay_answer": seconds})

    def resting(self) -> None:
        """Orders are taken and stay open."""
        self._broker.plan({"fills": "never"})

    def accepted(self) -> int:
        """Orders that it has taken so far, read from the ledger as it grows."""
        return self._ledger.read_bytes().count(b'"kind": "accepted"')
