"""The watchdog's HTTP endpoint: ``/metrics`` for Prometheus, ``/healthz`` for whoever restarts or pages."""

import hmac
import json
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from pydantic import SecretStr

from openbell.binding import check_bind, is_loopback
from openbell.errors import InputError
from openbell.values import canonical
from openbell.watch.judging import Sign, healthy

Answer: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
#: A client that says nothing for so many seconds is left.
TIMEOUT = 10.0
HOST, PORT = "127.0.0.1", 9464


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; beyond this machine only with a token and a certificate."""

    host: str = HOST
    port: int = PORT
    token: SecretStr | None = None
    certificate: Path | None = None
    key: Path | None = None

    def check(self) -> None:
        """InputError that names what is missing for the host."""
        token = "" if self.token and self.token.get_secret_value() else "OPENBELL_WATCH_TOKEN"
        tls = "" if self.certificate and self.key else "--certificate and --key"
        check_bind(self.host, "the watchdog", token, tls)


class _Quiet(WSGIRequestHandler):
    timeout = TIMEOUT

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name in the standard library
        """Nothing: a scrape every few seconds is no news."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def application(
    registry: CollectorRegistry, judge: Callable[[], tuple[Sign, ...]], token: SecretStr | None = None
) -> Answer:
    """What answers; anything but a GET or HEAD of the two paths, by who knows the token, is refused."""
    metrics: Answer = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _said(start, "405 Method Not Allowed", {"error": "GET only"})
        if token and not _knows(token, environ.get("HTTP_AUTHORIZATION", "")):
            return _said(start, "401 Unauthorized", {"error": "Authorization: Bearer TOKEN is needed"})
        if not token and not is_loopback(_host(environ)):
            return _said(start, "403 Forbidden", {"error": "this endpoint is for its own machine"})
        if environ["PATH_INFO"] == "/metrics":
            return metrics(environ, start)
        if environ["PATH_INFO"] == "/healthz":
            found = judge()
            status = "200 OK" if healthy(found) else "503 Service Unavailable"
            return _said(start, status, {"healthy": healthy(found), "signs": canonical.plain(found)})
        return _said(start, "404 Not Found", {"error": "there are /metrics and /healthz"})

    return answer


@contextmanager
def serving(app: Answer, at: Address) -> Iterator[int]:
    """Answer in the background for as long as the block lasts; yields the port, which is a free one for 0."""
    at.check()
    try:
        server = make_server(at.host, at.port, app, _Server, _Quiet)
        _encrypt(server, at)
    except OSError as error:
        raise InputError(f"{at.host}:{at.port} cannot be listened on: {error.strerror or error}") from None
    Thread(target=server.serve_forever, name="openbell watch", daemon=True).start()
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()


def _encrypt(server: WSGIServer, at: Address) -> None:
    if at.certificate and at.key:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(at.certificate, at.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)


def _host(environ: dict[str, Any]) -> str:
    """The host that was asked for: a page of another site may have a name that leads here (DNS rebinding)."""
    asked = str(environ.get("HTTP_HOST", ""))
    return asked if asked.endswith("]") else asked.rpartition(":")[0] or asked


def _knows(token: SecretStr, said: str) -> bool:
    return hmac.compare_digest(said.encode(), f"Bearer {token.get_secret_value()}".encode())


def _said(start: Callable[..., Any], status: str, body: dict[str, Any]) -> list[bytes]:
    start(status, [("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store")])
    return [json.dumps(body, ensure_ascii=False).encode()]
