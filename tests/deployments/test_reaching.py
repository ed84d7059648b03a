"""A command that is given right after the server was started waits for it, and no longer than it was told."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient

from deployments.local import free_port
from deployments.reaching import reach


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    """Of a server that is not there yet, with a password in its address."""
    with SyncPrefectClient(f"http://somebody:word@127.0.0.1:{free_port()}/api") as made:
        yield made


class Refusing(BaseHTTPRequestHandler):
    """A server that is there, and takes nobody in."""

    def do_GET(self) -> None:
        self.send_error(401)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def late(client: SyncPrefectClient) -> Iterator[None]:
    """Listens later than a client has tried for the first time, which takes it a second and a half."""
    server = HTTPServer(("127.0.0.1", client.api_url.port or 0), Refusing, bind_and_activate=False)

    def listen() -> None:
        time.sleep(3)
        server.server_bind()
        server.server_activate()
        server.serve_forever(poll_interval=0.05)

    thread = threading.Thread(target=listen)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_listens_a_little_later_is_waited_for(
    client: SyncPrefectClient, late: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it says then, a refusal too, is for the question that follows."""
    reach(client, 20)
    assert client.api_healthcheck() is not None
    said = capsys.readouterr().err
    assert said.startswith(f"waiting up to 20 s: nobody listens at http://127.0.0.1:{client.api_url.port}/api")
    assert len(said.splitlines()) == 1
    assert "word" not in said


def test_a_server_that_does_not_come_is_waited_for_no_longer_than_was_said(client: SyncPrefectClient) -> None:
    start = time.monotonic()
    with pytest.raises(httpx.ConnectError):
        reach(client, 1)
    assert 1 <= time.monotonic() - start < 10
