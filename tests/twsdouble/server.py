"""A gateway of Interactive Brokers on this machine: its protocol on one port, levers for tests on another.

Prints ``PORT CONTROL`` when it listens. A lever is one line of JSON, ``[name, body]``, answered by one line.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.faultbroker.book import Ledger
from tests.twsdouble.faults import Script
from tests.twsdouble.orders import Placed
from tests.twsdouble.session import Session
from tests.twsdouble.venue import Venue, listing

HOST = "127.0.0.1"


class Server:
    """Connections, the venue behind them, and what is scripted."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.loop = asyncio.get_running_loop()
        self.sessions: list[Session] = []
        self.reset()

    def reset(self) -> None:
        """A new account, no faults, no connection."""
        for session in list(self.sessions):
            session.cut()
        self.sessions = []
        self.venue = Venue(self.tell)
        self.script = Script()
        self.silent = self.severed = self.refusing = False
        self.read_only: bool | str = False
        self.data: dict[str, dict] = {}
        self.asked: dict[tuple, float] = {}
        self.waiting: list[Placed] = []
        self._first, self._used = 1, dict[int, int]()

    def fault(self, name: str, fields: list[str]) -> dict:
        return self.script.take(name, fields)

    def next_id(self, client: int) -> int:
        return max(self._first, self._used.get(client, 0) + 1)

    def used(self, client: int, order_id: int) -> None:
        self._used[client] = order_id

    def order_of(self, client: int, order_id: int) -> Placed | None:
        found = [o for o in self.venue.orders if (o.client, o.order_id) == (client, order_id)]
        return found[-1] if found else None

    def tell(self, kind: str, order: Placed, what: Any) -> None:
        """Write down what happened and tell the client whose order it is."""
        if kind == "execution":
            made = {"id": what["id"], "shares": str(what["shares"]), "symbol": order.symbol, "action": order.action}
            self.ledger.write("execution", ref=order.ref, **made)
        self._tell(kind, order, what)

    def _tell(self, kind: str, order: Placed, what: Any) -> None:
        for session in self.sessions:
            if session.client == order.client and not order.mute:
                session.tell(kind, order, what)

    def unmute(self, order: Placed) -> None:
        """From now on its client is told again, first of how it stands."""
        order.mute = False
        for each, made in self.venue.executions:
            if each is order:
                self._tell("execution", order, made)
        self._tell("order", order, None)

    def reveal(self, order: Placed, frozen: bool) -> None:
        """From now on every list shows it, its client is told, and it meets the market."""
        order.hidden, order.frozen = False, frozen
        self.unmute(order)
        self.venue.meet(order)

    def gone(self, session: Session) -> None:
        if session in self.sessions:
            self.sessions.remove(session)
            self.ledger.write("gone", client=session.client)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        if self.refusing:
            session.cut()
            return
        self.sessions.append(session)
        await session.run()
        writer.close()

    # --- levers ----------------------------------------------------------------------------------------------

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name, body = json.loads(await reader.readline())
        self.ledger.write("lever", lever=name, body=body)
        try:
            answer = {"ok": getattr(self, f"lever_{name}")(body)}
        except (AttributeError, KeyError, ValueError, StopIteration, TypeError, IndexError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        writer.write(json.dumps(answer, default=str).encode() + b"\n")
        await writer.drain()
        writer.close()

    def lever_reset(self, _: None) -> None:
        self.reset()

    def lever_faults(self, rules: list[dict]) -> None:
        self.script.add(rules)
        if not rules:
            self.script = Script()

    def lever_set(self, settings: dict) -> None:
        self.venue.set(**settings)

    def lever_state(self, settings: dict) -> None:
        for name, value in settings.items():
            if name not in ("silent", "severed", "read_only", "refusing"):
                raise ValueError(f"no state is called {name}")
            setattr(self, name, value)

    def lever_quote(self, body: dict) -> None:
        self.venue.quote(body["symbol"], body["bid"], body["ask"])

    def lever_advance(self, seconds: float) -> None:
        self.venue.settings["offset"] += seconds

    def lever_data(self, body: dict) -> None:
        self.data |= body

    def lever_listing(self, body: dict) -> None:
        self.venue.listings.append(listing(**body))

    def lever_facts(self, body: dict) -> None:
        for known in self.venue.find(symbol=body["symbol"]):
            known.update(body)

    def lever_fill(self, body: dict) -> dict:
        order = self._order(body["ref"])
        return self.venue.fill(order, type(order.quantity)(body["quantity"]), type(order.quantity)(body["price"]))

    def lever_correct(self, body: dict) -> dict:
        return self.venue.correct(body["id"], body["shares"], body["price"])

    def lever_status(self, body: dict) -> None:
        order = self._order(body["ref"])
        order.status = body["status"]
        self.tell("status", order, None)

    def lever_claim(self, body: dict) -> None:
        self._order(body["ref"]).claims = body["status"]

    def lever_end(self, body: dict) -> None:
        self.venue.end(self._order(body["ref"]), body["status"], body.get("words", ""))

    def lever_show(self, body: dict) -> None:
        order = self._order(body["ref"])
        order.hidden = bool(body.get("hidden", False))

    def lever_forget(self, what: list[str]) -> None:
        self.venue.forgotten |= set(what)

    def lever_manual(self, body: dict) -> None:
        """An order placed by hand in TWS: no id of a client, no reference."""
        known = self.venue.find(symbol=body["symbol"])[0]
        amounts = {name: type(self.venue.cash)(body[name]) for name in ("quantity", "limit")}
        terms = {"type": "LMT", "aux": None, "tif": "GTC", "account": self.venue.account, "ref": body.get("ref", "")}
        who = {"client": body.get("client", 0), "order_id": body.get("order_id", 0), "con_id": known["con_id"]}
        self.venue.take(Placed(**who, symbol=body["symbol"], currency="USD", action=body["action"], **amounts, **terms))

    def lever_message(self, body: list) -> None:
        """An error message to every client: [number, code, text]."""
        for session in self.sessions:
            session.error(*body)

    def lever_raw(self, fields: list) -> None:
        for session in self.sessions:
            session.send(*fields)

    def lever_cut(self, _: None) -> None:
        for session in list(self.sessions):
            session.cut()

    def lever_mute_lines(self, _: None) -> None:
        for session in self.sessions:
            session.silent = True

    def lever_restart(self, body: dict) -> None:
        """The gateway starts again: connections end, executions may be forgotten, ids begin at ``next_id``."""
        self.lever_cut(None)
        if body["forget"]:
            self.venue.forgotten |= {made["id"] for _, made in self.venue.executions}
        self.waiting = []
        self._first, self._used = body["next_id"], {}

    def lever_orders(self, _: None) -> list[dict]:
        names = (
            "ref",
            "client",
            "order_id",
            "perm_id",
            "symbol",
            "action",
            "status",
            "type",
            "tif",
            "account",
            "exchange",
        )
        amounts = ("quantity", "filled", "limit", "aux")
        return [{n: getattr(o, n) for n in names} | {n: str(getattr(o, n)) for n in amounts} for o in self.venue.orders]

    def lever_clients(self, _: None) -> list[int]:
        return [session.client for session in self.sessions]

    def _order(self, ref: str) -> Placed:
        return next(order for order in reversed(self.venue.orders) if order.ref == ref)


async def serve(port: int, control: int, ledger: Path, tied: bool) -> None:
    """Serve until killed; tied: until standard input ends, so that it never outlives the test that began it."""
    server = Server(Ledger(ledger))
    main = await asyncio.start_server(server.connected, HOST, port)
    levers = await asyncio.start_server(server.control, HOST, control)
    ports = [each.sockets[0].getsockname()[1] for each in (main, levers)]
    print(*ports, flush=True)  # noqa: T201  # whoever started it reads this
    if tied:
        await asyncio.to_thread(sys.stdin.read)
    else:
        await asyncio.Event().wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.twsdouble", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port of the protocol, 0 for any")
    parser.add_argument("--control", type=int, default=0, help="port of the levers, 0 for any")
    parser.add_argument("--ledger", type=Path, default=Path("twsdouble.jsonl"), help="file that it writes down to")
    parser.add_argument("--tied", action="store_true", help="end when standard input ends")
    args = parser.parse_args()
    asyncio.run(serve(args.port, args.control, args.ledger, args.tied))
