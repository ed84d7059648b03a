"""How answers may travel: packed, in pieces, without a length, over a line that the server closes without a word."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from openbell.brokers.alpaca.questions import Trading
from openbell.venues.alpaca.keys import Keys

#: Larger than one piece of any buffer on the way.
BODY = {"symbols": [f"S{number}" for number in range(20_000)]}


class Answering(BaseHTTPRequestHandler):
    """Answers everything with the body in the way that the server was made for."""

    def log_message(self, *_: object) -> None:
        """Nothing to say."""

    def do_GET(self) -> None:
        if self.command == "GET":
            self.server.asked.append(self.client_address)
        if "hangs up" in self.server.way and (
            "at once" in self.server.way or self.server.asked.count(self.client_address) > 1
        ):
            self.close_connection = True  # as if it had been closing when the question came
            return
        body, way = json.dumps(BODY).encode(), self.server.way
        self.send_response(200)
        if "gzip" in way:
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        if "pieces" in way:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(body), 4093):
                piece = body[start : start + 4093]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        if "endless" not in way:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = "endless" in way or "closes" in way

    def do_POST(self) -> None:
        self.server.lines.append(self.client_address)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[Trading, list]]]:
    running = []

    def started(way: str) -> tuple[Trading, list]:
        handler = type("Handler", (Answering,), {"protocol_version": "HTTP/1.0" if "1.0" in way else "HTTP/1.1"})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.way, server.lines, server.asked = way, [], []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        keys = Keys(SecretStr("PK" + "T" * 18), SecretStr("s" * 40))
        return Trading(f"http://127.0.0.1:{server.server_port}", keys), server.asked if "hangs" in way else server.lines

    yield started
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("way", ["plain", "gzip", "pieces", "gzip pieces", "endless", "gzip endless", "1.0 endless"])
def test_an_answer_is_read_whole_however_it_travels(serve, way):
    trading, _ = serve(way)
    for _ in range(3):
        assert trading.row("/account") == BODY


def test_B03_an_order_never_meets_a_line_that_was_kept_open(serve):
    """The server may be closing it at that moment, and nobody would know whether the order arrived."""
    trading, lines = serve("closes")
    for _ in range(20):
        trading.call("GET", "/account")
        answer = trading.call("POST", "/orders", {"symbol": "AAPL"})
        assert (answer.status, answer.said) == (200, "")
    assert len(set(lines)) == 20


def test_a_question_that_meets_a_line_which_is_just_closing_is_asked_once_more_on_a_new_one(serve):
    trading, asked = serve("hangs up")
    for _ in range(3):
        assert trading.row("/account") == BODY
    # The first on a new line, then each on the old one, which is closing, and on a new one.
    assert [asked.count(line) for line in dict.fromkeys(asked)] == [2, 2, 1]


def test_a_question_that_a_new_line_does_not_answer_is_not_asked_again(serve):
    trading, asked = serve("hangs up, at once")
    assert trading.call("GET", "/account").said == "no answer: ConnectionError"
    assert len(asked) == 1
