"""The broker of a trial: the fault broker as a process of its own, with the trial's fault scripted."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.faultbroker.process import FaultBroker
from tests.faults.trial import FAULTS

#: The secret of the account; it must turn up in no output.
KEY, CANARY = "PKCANARY00000000MATRIX", "canary-7Qe9vKpX2mZr4TnB"
#: How long a late broker hides a new order from every question, in seconds; below the quiet period of a trial.
LAG = 0.2

_ORDER = {"verb": "POST", "path": "/v2/orders"}
_CANCEL = {"verb": "DELETE", "path": "/v2/orders/*"}
#: What is done to the first request of the kind, by the words of the trial.
_HURTS: dict[str, dict[str, Any]] = {FAULTS[1]: {"drop": "after"}, FAULTS[2]: {"status": 503, "when": "after"}}


class Double:
    """Runs while the trial does; its ledger stays."""

    def __init__(self, ledger: Path, unique: bool) -> None:
        self._ledger = ledger
        self._broker = FaultBroker(ledger, unique)
        self.url = self._broker.url
        self._broker.keys(KEY, CANARY)

    def hurt(self, fault: str, cancels: bool = False) -> None:
        """From now on the first order (or the first cancel) meets the fault; a late broker is late with each."""
        if fault in _HURTS:
            self._broker.script({**(_CANCEL if cancels else _ORDER), **_HURTS[fault]})
        elif fault == FAULTS[3]:
            self._broker.set(lag=LAG)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._broker.stop()

    def hold_answers(self, seconds: float, verb: str = "POST", nth: int = 1, times: int = 1) -> None:
        """Do what a request asks for and keep the answer back; by default accept the first order."""
        self._broker.script({"verb": verb, "path": "/v2/*", "nth": nth, "times": times, "delay_answer": seconds})

    def resting(self) -> None:
        """Orders are taken and stay open."""
        self._broker.plan({"fills": "never"})

    def accepted(self) -> int:
        """Orders that it has taken so far, read from the ledger as it grows."""
        return self._ledger.read_bytes().count(b'"kind": "accepted"')

    def arrived(self, verb: str) -> int:
        """Requests with a verb that have come so far."""
        return len(self._broker.requests(verb))
