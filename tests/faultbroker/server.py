"""The fault broker: a broker on loopback that speaks Alpaca's trading and market data APIs, and fails on command.

Start it by hand, from the top of the repository (it needs nothing but Python)::

    python -m tests.faultbroker --port 8765 --ledger /tmp/ledger.jsonl
    http://127.0.0.1:8765

and trade on it with ``url = "http://127.0.0.1:8765"`` under ``[account.params]`` of a plan with
``broker = "alpaca"`` and any text in OPENBELL_ALPACA_KEY_ID and OPENBELL_ALPACA_SECRET_KEY. Then hurt it::

    curl -d '[{"verb": "POST", "path": "/v2/orders", "drop": "after"}]' http://127.0.0.1:8765/_control/faults

makes the next order be accepted and the connection be closed without an answer. ``--no-unique-ids`` gives it the
habit of Interactive Brokers: a repeated client_order_id is a second order.

The ledger file is append-only and the truth about what the broker was asked and took. Each line has its
number ``seq``, ``time`` (seconds since 1970 by this machine), ``mono`` (monotonic seconds) and one of these kinds:

    request   method, path, query, body: a request has arrived
    accepted  request and the whole order: the broker has it from here on
    rejected  request, client_order_id, answer
    state     order_id, client_order_id, status
    fill      client_order_id and the execution; bust: the same
    answer    request, status (0: closed without one), fault: the rule that hurt it, if any
    control   lever, body

A fault is a rule in JSON; the first that matches decides, and every key is optional but one that hurts:

    verb, path      which requests ("/v2/orders*" matches as a shell would); match: text that query or body holds
    nth, times      hurt from the nth match on (1), so many times (1; 0 for ever)
    delay           seconds before the request is looked at; delay_answer: seconds between deed and answer
    drop            "before" or "after" the request is acted on: close the connection without an answer
    status          answer this status instead; "when" is "before" (nothing was done, the default) or "after"
    code, message, body   of that answer (``body`` is text sent as it is); headers   of any answer
    mangle          after acting: "html", "half" (half of the JSON, then closed), "empty", "text" or "drip"
    repeat          true: every row of a list twice
    patch, remove   change or drop fields of every object in the answer, such as {"status": "quantum"}
    hide            seconds for which an order made by this request is not shown to any GET

Prices come from the same address: bars that the lever of that name gave, and the quotes that orders meet.

Levers (POST JSON to ``/_control/NAME``): faults, plan, quote, bars, set, keys, advance, asset, fill, status, bust,
orders and reset (a new account, no faults; the ledger goes on). A plan tells how coming orders fill::

    {"client_order_id" or "symbol": whose, "fills": "never" or [{"after", "qty", "price"}, ...],
     "reject_after": seconds, "cancel_after": seconds (null: stuck), "late_fill": {"after", "qty"}}
"""

import argparse
import json
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from book import Ledger
from control import pull
from faults import Script
from routes import answer
from venue import Venue

MESSAGES = {429: "too many requests.", 401: "unauthorized.", 500: "internal server error occurred"}
HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"


class Broker(ThreadingHTTPServer):
    """One venue, one ledger, one script of faults."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, ledger: Path, unique_ids: bool = True) -> None:
        self.ledger = Ledger(ledger)
        self.venue = Venue(self.ledger, unique_ids)
        self.script = Script()
        self.lock = threading.Lock()
        self.keys: tuple[str, str] | None = None
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed in the middle is nothing to tell of."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Broker
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        """Nothing on the terminal: the ledger has it all."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if url.path.startswith("/_control/"):
            self._control(url.path.removeprefix("/_control/"), raw)
        else:
            self._trade(url.path, dict(parse_qsl(url.query)), raw)

    do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = _serve  # noqa: N815  # names that http.server looks for

    def _control(self, lever: str, raw: str) -> None:
        body = json.loads(raw) if raw else None
        if lever == "keys":
            self.server.keys = tuple(body) if body else None
            status, reply = 200, None
        else:
            self.server.ledger.write("control", lever=lever, body=body)
            with self.server.lock:
                status, reply = self._pulled(lever, body)
        self._send(status, json.dumps(reply))

    def _pulled(self, lever: str, body: Any) -> tuple[int, Any]:
        server = self.server
        if lever == "reset":
            server.venue, server.keys = Venue(server.ledger, server.venue.unique_ids), None
            server.script.clear()
            return 200, None
        return pull(server.venue, server.script, lever, body)

    def _trade(self, path: str, query: dict, raw: str) -> None:
        server = self.server
        request = server.ledger.write("request", method=self.command, path=path, query=query, body=_parsed(raw))
        fault = server.script.take(self.command, path, f"{query} {raw}")
        time.sleep(fault.get("delay", 0))
        if fault.get("drop") == "before":
            return self._close(request, fault)
        if fault.get("status") and fault.get("when", "before") == "before":
            return self._hurt(request, fault)
        status, reply = self._act(path, query, raw, request, fault)
        time.sleep(fault.get("delay_answer", 0))
        if fault.get("drop") == "after":
            return self._close(request, fault)
        if fault.get("status"):
            return self._hurt(request, fault)
        server.ledger.write("answer", request=request, status=status, fault=fault)
        text = json.dumps(reply) if reply is not None else ""
        return self._mangled(fault.get("mangle"), status, text, fault.get("headers"))

    def _act(self, path: str, query: dict, raw: str, request: int, fault: dict) -> tuple[int, Any]:
        if refused := self._unknown_keys():
            return refused
        body = _parsed(raw) or {}
        if not isinstance(body, dict):
            return 400, {"code": 40010000, "message": "request body format is invalid"}
        with self.server.lock:
            venue = self.server.venue
            lag, venue.lag = venue.lag, fault.get("hide", venue.lag)
            status, reply = answer(venue, self.command, path, query, body, request)
            venue.lag = lag
        return status, _altered(reply, fault)

    def _unknown_keys(self) -> tuple[int, Any] | None:
        given = (self.headers.get("APCA-API-KEY-ID"), self.headers.get("APCA-API-SECRET-KEY"))
        good = all(given) and self.server.keys in (None, given)
        return None if good else (401, {"message": "unauthorized."})

    def _hurt(self, request: int, fault: dict) -> None:
        status = fault["status"]
        self.server.ledger.write("answer", request=request, status=status, fault=fault)
        told = {"code": fault.get("code", status * 100_000), "message": fault.get("message", MESSAGES.get(status, ""))}
        text = fault.get("body", json.dumps(told))
        self._send(status, text, fault.get("headers"))

    def _mangled(self, how: str | None, status: int, text: str, headers: dict | None) -> None:
        if how == "html":
            self._send(502 if self.command == "POST" else status, HTML, {"Content-Type": "text/html"})
        elif how == "half":
            self._send(status, text[: len(text) // 2], {"Content-Length": str(len(text))}, then_close=True)
        elif how == "drip":
            self._drip(status, text)
        elif how in ("empty", "text"):
            self._send(status, "" if how == "empty" else "OK")
        else:
            self._send(status, text, headers)

    def _send(self, status: int, text: str, headers: dict | None = None, then_close: bool = False) -> None:
        """One write, so that no delayed acknowledgement slows a small answer."""
        body = text.encode()
        named = {"Content-Type": "application/json; charset=UTF-8", "Content-Length": str(len(body))} | (headers or {})
        if status == 204:
            named.pop("Content-Length")
        lines = [f"HTTP/1.1 {status} {status}", *(f"{name}: {value}" for name, value in named.items()), "", ""]
        self.close_connection = self.close_connection or then_close
        try:
            self.wfile.write("\r\n".join(lines).encode() + body)
        except OSError:
            self.close_connection = True  # the client has gone: it timed out or was killed

    def _drip(self, status: int, text: str) -> None:
        """A character every twentieth of a second."""
        self._send(status, "", {"Content-Length": str(len(text))}, then_close=True)
        try:
            for char in text:
                time.sleep(0.05)
                self.wfile.write(char.encode())
        except OSError:
            return  # the client did not wait for all of it

    def _close(self, request: int, fault: dict) -> None:
        self.server.ledger.write("answer", request=request, status=0, fault=fault)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _parsed(raw: str) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw


def _altered(reply: Any, fault: dict) -> Any:
    """The reply with rows doubled and fields changed as the fault says."""
    if isinstance(reply, list):
        rows = [_altered(row, fault) for row in reply]
        return [row for row in rows for _ in range(2)] if fault.get("repeat") else rows
    if isinstance(reply, dict):
        return {k: v for k, v in (reply | fault.get("patch", {})).items() if k not in fault.get("remove", ())}
    return reply


def main() -> None:
    """Serve until killed; the first line printed is the URL."""
    parser = argparse.ArgumentParser(description="A broker on loopback that fails on command.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--ledger", type=Path, required=True, help="file that is appended to")
    parser.add_argument("--no-unique-ids", action="store_true", help="take a client_order_id twice, as IBKR does")
    parser.add_argument("--tied", action="store_true", help="end when standard input does")
    asked = parser.parse_args()
    broker = Broker(asked.port, asked.ledger, not asked.no_unique_ids)
    if asked.tied:
        threading.Thread(target=_end_with_input, daemon=True).start()
    print(broker.url, flush=True)  # noqa: T201  # the starter reads it
    broker.serve_forever(poll_interval=0.05)


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
