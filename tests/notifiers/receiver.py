"""A target of notifications on loopback: it keeps what it is sent and answers as it is told, or not at all."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer(status: int, body: str = "", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass(frozen=True)
class Received:
    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """``script`` holds what comes next, the last of it for ever: bytes, "hang", "close", "drip" or "late"."""

    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    script: list[bytes | str] = field(default_factory=lambda: [OK])
    received: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._socket = socket.create_server((self.host, 0), family=family)
        self.over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return self._socket.getsockname()[1]

    def url(self, path: str = "/hook", scheme: str = "http") -> str:
        return f"{scheme}://{self.host}:{self.port}{path}"

    def stop(self) -> None:
        self.over.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes what accepts
        self._socket.close()

    def _serve(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            secured = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            with secured:
                self._answer(secured)

    def _answer(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        line = stream.readline().decode().strip()
        headers = {}
        while header := stream.readline().decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        if not line:
            return
        self.received.append(Received(line, headers, body))
        self._act(connection, self.script.pop(0) if len(self.script) > 1 else self.script[0])

    def _act(self, connection: socket.socket, act: bytes | str) -> None:
        if act == "hang":
            self.over.wait(60)
        elif act == "drip":
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not self.over.wait(0.05):
                connection.sendall(b"x")
        elif act == "late":
            self.over.wait(1)
            connection.sendall(OK)
        elif isinstance(act, bytes):
            connection.sendall(act)


@contextmanager
def receiving(**options: Any) -> Iterator[Receiver]:
    receiver = Receiver(**options)
    try:
        yield receiver
    finally:
        receiver.stop()
