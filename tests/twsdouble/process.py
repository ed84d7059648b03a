"""The double as a process of its own, for tests: killing a trader never touches it."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parent.parent.parent


class TwsDouble:
    """Starts, scripts and stops one gateway; ``faults`` lists what can be scripted.

    Use it as a context manager. ``port`` is where it speaks the protocol; ``path`` is its ledger file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        command = [sys.executable, "-m", "tests.twsdouble", "--tied", "--ledger", str(path)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ports = self._process.stdout.readline().split()
        assert ports, f"the double did not start, code {self._process.wait()}"
        self.port, self._control = map(int, ports)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; the ledger file stays."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    # --- levers ----------------------------------------------------------------------------------------------

    def script(self, *faults: dict) -> None:
        """Add faults; without any, forget those in force."""
        self._pull("faults", list(faults))

    def set(self, **settings: Any) -> None:
        """Settings of the venue: cash, multiplier, shorting, share, is_open, offset, accounts, currency, ..."""
        self._pull("set", settings)

    def state(self, **settings: Any) -> None:
        """States of the gateway: silent, severed, read_only, refusing."""
        self._pull("state", settings)

    def reset(self) -> None:
        """A new account, no faults, no connection; ``ledger`` forgets what was before, the file does not."""
        self._pull("reset", None)

    def quote(self, symbol: str, bid: str, ask: str) -> None:
        """A new quote; resting orders meet it."""
        self._pull("quote", {"symbol": symbol, "bid": bid, "ask": ask})

    def advance(self, seconds: float) -> None:
        """Move the venue's clock."""
        self._pull("advance", seconds)

    def data(self, symbol: str, **kind: Any) -> None:
        """How a symbol's market data come: silent, delayed, error, halted, type, bid, ask, last."""
        self._pull("data", {symbol: kind})

    def listing(self, **facts: Any) -> None:
        """One more contract: con_id, symbol, primary and whatever differs."""
        self._pull("listing", facts)

    def facts(self, symbol: str, **facts: Any) -> None:
        """Change facts of a contract."""
        self._pull("facts", {"symbol": symbol} | facts)

    def fill(self, ref: str, quantity: str, price: str) -> dict:
        """Fill an order whatever its state, so also late."""
        return self._pull("fill", {"ref": ref, "quantity": quantity, "price": price})

    def correct(self, exec_id: str, shares: str, price: str) -> dict:
        """Replace an execution by a corrected one."""
        return self._pull("correct", {"id": exec_id, "shares": shares, "price": price})

    def status(self, ref: str, status: str) -> None:
        """Say a status of an order that still works."""
        self._pull("status", {"ref": ref, "status": status})

    def claim(self, ref: str, status: str) -> None:
        """Tell of an order with a status that is not its own."""
        self._pull("claim", {"ref": ref, "status": status})

    def end(self, ref: str, status: str, words: str = "") -> None:
        """End an order."""
        self._pull("end", {"ref": ref, "status": status, "words": words})

    def hide(self, ref: str, hidden: bool = True) -> None:
        """Leave an order out of every list, or show it again."""
        self._pull("show", {"ref": ref, "hidden": hidden})

    def forget(self, *what: str) -> None:
        """Executions by id and completed orders as ``completed REF`` that are no longer told."""
        self._pull("forget", list(what))

    def manual(self, symbol: str, action: str, quantity: str, limit: str, **who: Any) -> None:
        """An order placed in TWS by hand, or by another client."""
        self._pull("manual", {"symbol": symbol, "action": action, "quantity": quantity, "limit": limit} | who)

    def message(self, code: int, text: str, number: int = -1) -> None:
        """An error message to every client."""
        self._pull("message", [number, code, text])

    def raw(self, *fields: Any) -> None:
        """Any message to every client."""
        self._pull("raw", list(fields))

    def cut(self) -> None:
        """Cut every connection."""
        self._pull("cut", None)

    def mute_lines(self) -> None:
        """Every connection there is never answers again; new ones do."""
        self._pull("mute_lines", None)

    def restart(self, next_id: int = 1, forget: bool = True) -> None:
        """The gateway starts again; ``forget``: it knows no execution any more."""
        self._pull("restart", {"next_id": next_id, "forget": forget})

    # --- the truth -------------------------------------------------------------------------------------------

    def orders(self) -> list[dict]:
        """Every order that it ever took, oldest first."""
        return self._pull("orders", None)

    def clients(self) -> list[int]:
        """Ids of the clients that are connected."""
        return self._pull("clients", None)

    def ledger(self, kind: str | None = None) -> list[dict]:
        """The lines of the ledger file since the last reset, all or of one kind."""
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        resets = [place for place, line in enumerate(lines) if line.get("lever") == "reset"]
        lines = lines[resets[-1] + 1 :] if resets else lines
        return [line for line in lines if kind in (None, line["kind"])]

    def requests(self, name: str | None = None) -> list[str]:
        """Names of the messages of clients so far."""
        return [line["name"] for line in self.ledger("request") if name in (None, line["name"])]

    def _pull(self, lever: str, body: Any) -> Any:
        with socket.create_connection(("127.0.0.1", self._control), timeout=10) as line:
            line.sendall(json.dumps([lever, body]).encode() + b"\n")
            with line.makefile() as reply:
                answer = json.loads(reply.readline())
        if "error" in answer:
            raise ValueError(f"{lever} {body}: {answer['error']}")
        return answer["ok"]
