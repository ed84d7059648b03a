"""The fault broker as a process of its own, for tests: killing a trader never touches it."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SERVER = Path(__file__).with_name("server.py")


class FaultBroker:
    """Starts, scripts and stops one fault broker; see ``server`` for faults, levers and ledger lines.

    Use it as a context manager. ``url`` is where it listens; ``path`` is its ledger file.
    """

    def __init__(self, path: Path, unique_ids: bool = True) -> None:
        self.path = path
        habit = [] if unique_ids else ["--no-unique-ids"]
        command = [sys.executable, str(SERVER), "--tied", "--ledger", str(path), *habit]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._process.stdout.readline().strip()
        assert self.url, f"the fault broker did not start, code {self._process.wait()}"

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

    def plan(self, *plans: dict) -> None:
        """Say how coming orders fill; without any, forget what was said."""
        self._pull("plan", list(plans))

    def set(self, **settings: Any) -> None:
        """Settings of the venue.

        is_open, cash, multiplier, shorting, share (most of an order that one quote fills), lag (seconds until a new
        order is shown), offset and frozen (its clock, in seconds), account_number, account_status, unique_ids,
        subscribed (to all exchanges' recent prices), and the account's flags by name, such as trading_blocked.
        """
        self._pull("set", settings)

    def reset(self) -> None:
        """A new account and no faults; ``ledger`` forgets what was before, the file does not."""
        self._pull("reset", None)

    def keys(self, key_id: str, secret: str) -> None:
        """From now on only these keys are known."""
        self._pull("keys", [key_id, secret])

    def quote(self, symbol: str, bid: str, ask: str) -> None:
        """A new quote; resting orders meet it."""
        self._pull("quote", {"symbol": symbol, "bid": bid, "ask": ask})

    def bars(self, symbols: dict[str, list[dict]], timeframe: str = "1Day") -> None:
        """Rows of bars by symbol as Alpaca writes them, oldest first, instead of what there was."""
        self._pull("bars", [{"symbol": name, "timeframe": timeframe, "rows": rows} for name, rows in symbols.items()])

    def advance(self, seconds: float) -> None:
        """Move the venue's clock."""
        self._pull("advance", {"seconds": seconds})

    def asset(self, symbol: str, **facts: Any) -> None:
        """Change facts of an asset; None leaves the fact out of the answers."""
        self._pull("asset", {"symbol": symbol} | facts)

    def fill(self, client_order_id: str, qty: str, price: str | None = None) -> None:
        """Fill an order whatever its state, so also late."""
        self._pull("fill", {"client_order_id": client_order_id, "qty": qty, "price": price})

    def status(self, client_order_id: str, status: str) -> None:
        """Set the status of an order: rejected, expired, canceled, or one that nobody knows."""
        self._pull("status", {"client_order_id": client_order_id, "status": status})

    def bust(self, activity_id: str) -> dict:
        """Undo an execution; returns the row that says so."""
        return self._pull("bust", {"id": activity_id})

    # --- the truth -------------------------------------------------------------------------------------------

    def orders(self) -> list[dict]:
        """Every order that it ever took, hidden ones too, oldest first."""
        return self._pull("orders", None)

    def ledger(self, kind: str | None = None) -> list[dict]:
        """The lines of the ledger file since the last reset, all or of one kind."""
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        resets = [place for place, line in enumerate(lines) if line.get("lever") == "reset"]
        lines = lines[resets[-1] + 1 :] if resets else lines
        return [line for line in lines if kind in (None, line["kind"])]

    def requests(self, verb: str | None = None) -> list[str]:
        """Verb and path of each request so far."""
        return [f"{r['method']} {r['path']}" for r in self.ledger("request") if verb in (None, r["method"])]

    def _pull(self, lever: str, body: Any) -> Any:
        request = urllib.request.Request(f"{self.url}/_control/{lever}", json.dumps(body).encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return json.loads(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(f"{lever} {body}: {error.read().decode()}") from None
