"""The gateway of a trial: the double of Interactive Brokers' as a process of its own, with the trial's fault scripted.

It can do whatever ``double`` can, so that a lane need not know which of the two it has.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.faults.scene import BASE, SYMBOLS
from tests.faults.trial import CUT, FAULTS, SWALLOWED
from tests.twsdouble.process import TwsDouble

#: How long nobody is told of a new order and no list shows it, in seconds: beyond the patience of the trader for a
#: word about an order, below its quiet period.
LAG = 0.5
#: How long the trader waits for the word about an order.
PATIENCE = 0.35
#: Contracts that the double does not know by itself.
_MORE = {"KO": 4811, "XOM": 13977}

_HURTS: dict[str, dict[str, Any]] = {
    FAULTS[1]: {"drop": "after", "mute": True},
    SWALLOWED: {"swallow": True},
    CUT: {"drop": "after"},
}


class Gateway:
    """Runs while the trial does; its ledger stays."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._double = TwsDouble(ledger)
        self.url = str(self._double.port)
        for symbol, number in _MORE.items():
            self._double.listing(con_id=number, symbol=symbol, primary="NYSE")
        for symbol in SYMBOLS:
            self._double.quote(symbol, str(BASE), "100.01")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._double.stop()

    def hurt(self, fault: str, cancels: bool = False) -> None:
        """From now on the first order (or the first cancel) meets the fault; a late gateway is late with each."""
        if fault in _HURTS:
            self._double.script({"on": "cancelOrder" if cancels else "placeOrder", **_HURTS[fault]})
        elif fault == FAULTS[3]:
            self._double.script({"on": "placeOrder", "unseen": LAG, "times": 0})

    def hold_answers(self, seconds: float) -> None:
        """Take the first order and say nothing about it for a while."""
        self._double.script({"on": "placeOrder", "delay": seconds})

    def resting(self) -> None:
        """Orders are taken and stay open."""
        self._double.script({"on": "placeOrder", "frozen": True, "times": 0})

    def accepted(self) -> int:
        """Orders that it has taken so far, read from the ledger as it grows."""
        return self._ledger.read_bytes().count(b'"kind": "order"')
