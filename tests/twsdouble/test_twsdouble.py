"""The double on the wire, read byte by byte and without any SDK: what the protocol says, and that levers work."""

import socket
import time
from collections.abc import Iterator
from typing import Self

import pytest

from tests.twsdouble.process import TwsDouble
from tests.twsdouble.wire import frame


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwsDouble]:
    with TwsDouble(tmp_path_factory.mktemp("gateway") / "ledger.jsonl") as double:
        yield double


@pytest.fixture
def double(process: TwsDouble) -> TwsDouble:
    process.reset()
    return process


class Client:
    """A bare socket that speaks frames."""

    def __init__(self, double: TwsDouble, client_id: int, versions: str = "v157..176") -> None:
        self.line = socket.create_connection(("127.0.0.1", double.port), timeout=3)
        self.line.sendall(b"API\0" + len(versions).to_bytes(4, "big") + versions.encode())
        self._read = self.line.makefile("rb")
        self.greeting = self.fields()
        self.line.sendall(frame(71, 2, client_id, ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._read.close()
        self.line.close()

    def fields(self) -> list[str]:
        size = self._read.read(4)
        return self._read.read(int.from_bytes(size, "big")).decode().split("\0")[:-1] if size else []

    def until(self, number: int) -> list[str]:
        """The next message of a kind."""
        while (found := self.fields())[0] != str(number):
            pass
        return found


def test_a_handshake_ends_with_the_version_both_know_and_then_accounts_and_the_next_id(double):
    with Client(double, 5) as client:
        assert client.greeting[0] == "176"
        assert client.fields() == ["15", "1", "DU1234567"]
        assert client.fields() == ["9", "1", "1"]
        assert [client.fields()[3] for _ in range(2)] == ["2104", "2106"]
    with Client(double, 6, "v100..160") as older:
        assert older.greeting[0] == "160"


def test_a_client_id_is_taken_once_at_a_time(double):
    with Client(double, 5) as first, Client(double, 5) as second:
        first.until(9)
        assert second.until(4)[2:4] == ["-1", "326"]
        assert second.fields() == []


def test_time_and_positions_come_with_their_ends(double):
    with Client(double, 5) as client:
        client.line.sendall(frame(49, 1) + frame(61, 1))
        assert abs(int(client.until(49)[2]) - time.time()) < 5
        assert client.until(62) == ["62", "1"]


def test_a_message_nobody_knows_is_an_error(double):
    with Client(double, 5) as client:
        client.until(9)
        client.line.sendall(frame(987, 1))
        while (found := client.until(4))[3] in ("2104", "2106"):
            pass
        assert found[2:4] == ["-1", "320"]


def test_a_misspelt_fault_or_lever_is_refused(double):
    with pytest.raises(ValueError, match="unknown keys"):
        double.script({"on": "positions", "swalow": True})
    with pytest.raises(ValueError, match="unknown settings"):
        double.set(cahs="5")


def test_the_ledger_keeps_what_clients_said(double):
    with Client(double, 5) as client:
        client.line.sendall(frame(49, 1))
        client.until(49)
    assert double.requests() == ["startApi", "currentTime"]
