"""One request, one answer: our own timeouts, no redirect, and no exception but for what is ours.

Nothing is sent twice, but for a question that met a line which the server was just closing.

The SDK's client builds addresses and headers; what it does around a request is replaced, because it waits without
end, sends a POST again after 429 and 504, and raises half a dozen kinds of errors for an order that was accepted.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection
from typing import Any, NoReturn
from weakref import finalize

from alpaca.common.rest import RESTClient
from requests import ConnectionError as ConnectionBroken
from requests import PreparedRequest, ReadTimeout, RequestException, Response
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, ProtocolError

from openbell.venues.allowance import Allowance
from openbell.venues.alpaca.keys import Keys

#: Seconds to connect; seconds until an answer begins, and again until all of it is there.
TIMEOUTS = (2.0, 5.0)
FREE = Allowance()
_SHOWN = 300
_SHORTEST = 8
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``body`` is the parsed JSON, or None when there is none that can be read.

    ``status`` 0 means that nothing came back; ``said`` tells why, or what the broker says, fit for a log line.
    ``limit``, ``remaining`` and ``reset`` are the limiter's own words, ``date`` the server's clock; each may be
    missing. Above zero, ``back`` is when the account may ask again: certainly nothing was sent.
    """

    status: int
    body: Any
    said: str
    limit: str = ""
    remaining: str = ""
    reset: str = ""
    date: str = ""
    back: timedelta = timedelta(0)

    @property
    def code(self) -> str:
        """Alpaca's own code of an error, empty when the answer is not Alpaca's."""
        body = self.body if isinstance(self.body, dict) else {}
        code, message = body.get("code"), body.get("message")
        return str(code) if type(code) is int and isinstance(message, str) else ""

    @property
    def keys_refused(self) -> bool:
        """Whether a question was refused because of the keys: 401, or the 403 with one word that bad ones get too."""
        word = self.body.get("message") if isinstance(self.body, dict) else None
        return self.status == 401 or (self.status == 403 and not self.code and word == "forbidden.")

    @property
    def rest(self) -> timedelta | None:
        """How long until the limiter's budget is back, by the server's own clock; None when it does not say."""
        if not self.reset.isascii() or not self.reset.isdigit():
            return None
        return timedelta(seconds=min(int(self.reset) - self._server_time(), 86_400.0))

    def _server_time(self) -> float:
        try:
            return parsedate_to_datetime(self.date).timestamp()
        except (ValueError, TypeError):
            return datetime.now(UTC).timestamp()


class _KeyHeaders(AuthBase):
    """Puts the keys into a request on its way out, so that nothing else ever holds them in the open."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["APCA-API-KEY-ID"] = self._keys.key_id.get_secret_value()
        request.headers["APCA-API-SECRET-KEY"] = self._keys.secret.get_secret_value()
        return request


class Transport(RESTClient):
    """The SDK's client with its request replaced; it answers and never raises for what the network does."""

    def __init__(
        self, url: str, keys: Keys, timeouts: tuple[float, float] = TIMEOUTS, allowance: Allowance = FREE
    ) -> None:
        super().__init__(url, api_key="masked", secret_key="masked")  # noqa: S106  # see _KeyHeaders
        self._keys = keys
        self._timeouts = timeouts
        self._allowance = allowance
        # No proxy, no netrc, no certificate bundle from the environment: the allow-list is what is spoken to.
        self._session.trust_env = False
        self._session.auth = _KeyHeaders(keys)
        self._session.mount("http://", HTTPAdapter(max_retries=0))
        self._session.mount("https://", HTTPAdapter(max_retries=0))
        # Connections end with the client that opened them, not whenever their sockets are collected.
        finalize(self, self._session.close)

    def __repr__(self) -> str:
        return f"Transport({self._base_url})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a connection with keys is never pickled")

    def call(
        self,
        method: str,
        path: str,
        data: Mapping[str, Any] | None = None,
        urgent: bool = False,
        patience: timedelta | None = None,
        version: str | None = None,
    ) -> Answer:
        """Send once and wait at most the timeouts; whatever happens is an Answer.

        First the account must have a request left, which is waited for up to ``patience`` (as the allowance says);
        what is ``urgent`` may take it from those that are kept for exits. ``version`` is the service's, where it is
        not the usual one.
        """
        if back := self._allowance.enter(urgent, patience):
            words = f"nothing was sent: the account's requests are spent for {back.total_seconds():.1f} s"
            return Answer(0, None, words, back=back)
        answer = self._request(method, path, None if data is None else dict(data), api_version=version)
        assert isinstance(answer, Answer)  # noqa: S101  # _one_request makes nothing else
        self._allowance.told(answer.status == 429, answer.remaining, answer.rest, answer.limit)
        return answer

    def pause(self, span: timedelta) -> None:
        """Let time pass, as the account's allowance does."""
        if span:
            self._allowance.wait(span)

    def _get_auth_headers(self) -> dict[str, str]:
        return {}

    def _one_request(self, method: str, url: str, opts: dict[str, Any], retry: int) -> Any:  # noqa: ARG002
        if HTTPConnection.debuglevel:
            return Answer(0, None, "nothing was sent: the wire log of http.client is on and would print the keys")
        try:
            if method != "GET":
                # A server may be closing a connection that was kept open; an order must never meet that.
                self._session.get_adapter(url).close()
            response = self._sent(method, url, opts)
            status, headers, text = response.status_code, response.headers, self._masked(self._content(response))
        except (RequestException, HTTPError, OSError, ValueError) as error:
            # The error holds the request, and with it the keys: only its kind goes on.
            return Answer(0, None, f"no answer: {type(error).__name__}")
        body = self._parsed(text)
        said = f"{status} {_fit(text)}" if status != 200 or body is None else ""
        return Answer(
            status,
            body,
            said,
            limit=headers.get("X-RateLimit-Limit", ""),
            remaining=headers.get("X-RateLimit-Remaining", ""),
            reset=headers.get("X-RateLimit-Reset", ""),
            date=headers.get("Date", ""),
        )

    def _sent(self, method: str, url: str, opts: dict[str, Any]) -> Response:
        """A question that an old line did not take goes out once more on a new one; nothing else ever does."""
        lines = self._lines(url)
        try:
            return self._session.request(method, url, timeout=self._timeouts, stream=True, **opts)
        except ConnectionBroken as error:
            broken = bool(error.args) and isinstance(error.args[0], ProtocolError)
            if method != "GET" or not broken or self._lines(url) != lines:
                raise
        self._session.get_adapter(url).close()
        return self._session.request(method, url, timeout=self._timeouts, stream=True, **opts)

    def _lines(self, url: str) -> int:
        """How many connections were made so far: one that fails without a new one was kept open from before."""
        adapter = self._session.get_adapter(url)
        assert isinstance(adapter, HTTPAdapter)  # noqa: S101  # mounted above
        pools = adapter.poolmanager.pools
        return sum(pools[key].num_connections for key in pools.keys())  # noqa: SIM118  # it cannot be iterated over

    def _content(self, response: Response) -> bytes:
        """The whole body; one that comes drop by drop is given up, since each drop restarts the socket's timeout."""
        pieces, end = [], time.monotonic() + self._timeouts[1]
        with response:
            while piece := response.raw.read1(_PIECE, decode_content=True):
                pieces.append(piece)
                if time.monotonic() > end:
                    raise ReadTimeout
        return b"".join(pieces)

    def _parsed(self, text: str) -> Any:
        """The JSON, or None when there is none; numbers with a point stay texts, NaN and Infinity are no JSON."""
        try:
            return json.loads(text, parse_constant=_refuse, parse_float=str)
        except (ValueError, RecursionError):
            return None

    def _masked(self, content: bytes) -> str:
        """The text of an answer; should it repeat our keys, they end here."""
        text = content.decode("utf-8", "replace")
        secrets = (key.get_secret_value() for key in (self._keys.key_id, self._keys.secret))
        # Anything shorter is no key of Alpaca's, and would be found inside innocent words.
        for secret in (secret for secret in secrets if len(secret) >= _SHORTEST):
            text = text.replace(secret, "**********")
        return text


def _fit(text: str) -> str:
    """What the broker says on one short line without control characters."""
    return "".join(char if char.isprintable() else " " for char in text[:_SHOWN]) or "(empty)"


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")
