"""A webhook: one POST of JSON to a checked address, one answer, no redirect, half a minute for all of it."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr

import openbell
from openbell.errors import SettingsError
from openbell.notifiers.addresses import is_loopback, literal, refusal, resolve
from openbell.notifiers.quiet import silenced
from openbell.notifiers.references import Reference
from openbell.stages.message_text import body_of, subject_of
from openbell.values import canonical
from openbell.values.message import Delivery, Failed, Posted, Sent

#: Seconds for the whole request, and for a connection to one address.
TIMEOUT, CONNECT = 30.0, 5.0
_PORTS = {"https": 443, "http": 80}
#: Refusals that may pass; every other answer of 4xx is final.
_PASSING = (408, 429)


class Webhook:
    """``ports.outbox.Notifier`` on a URL. ``key`` signs the body when it is not empty."""

    __slots__ = ("_key", "_reference", "_timeout", "_url")

    def __init__(self, reference: Reference, key: SecretStr, timeout: float = TIMEOUT) -> None:
        self._reference = reference
        self._key = key
        self._timeout = timeout
        self._url = _checked(reference)

    def __repr__(self) -> str:
        return f"Webhook({self._reference.name})"

    def send(self, posted: Posted) -> Delivery:
        """POST once; to be called where no event loop runs."""
        with silenced():
            return asyncio.run(self._in_time(posted))

    async def _in_time(self, posted: Posted) -> Delivery:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(posted)
        except TimeoutError:
            return Failed(f"no answer within {self._timeout:g} s")

    async def _post(self, posted: Posted) -> Delivery:
        url = httpx.URL(self._url.get_secret_value())
        addresses = resolve(url.host, _port(url))
        if not addresses:
            return Failed("the name of its host is not known")
        for address in addresses:
            if why := self._refusal(url, address):
                return Failed(f"refused: {address} {why}", final=True)
        return await _try_each(addresses, url, self._content(posted), self._key)

    def _refusal(self, url: httpx.URL, address: str) -> str:
        """Judged for each address that the name has at this moment; the connection goes to that very address."""
        if url.scheme == "http" and not is_loopback(address):
            return "is not this machine, and http is not encrypted"
        return refusal(address, self._reference.private)

    def _content(self, posted: Posted) -> tuple[str, bytes]:
        return posted.id, canonical.dumps(payload(posted)).encode()


def payload(posted: Posted) -> Mapping[str, Any]:
    """The JSON that goes out; ``text`` is what chat services show of a webhook."""
    message = posted.message
    subject, body = subject_of(posted), body_of(posted)
    return {
        "version": 1,
        "id": message.id,
        "source": message.source,
        "plan": message.plan,
        "level": message.level.value,
        "kind": message.kind,
        "subject": subject,
        "body": body,
        "text": f"{subject}\n{body}",
        "times": posted.times,
        "time": message.created,
    }


async def _try_each(addresses: tuple[str, ...], url: httpx.URL, content: tuple[str, bytes], key: SecretStr) -> Delivery:
    """One request: the next address is for when no connection came about."""
    failure = ""
    async with httpx.AsyncHTTPTransport() as transport:
        for address in addresses:
            try:
                response = await transport.handle_async_request(_request(address, url, content, key))
                await response.aclose()
                return _judged(response)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = f"no connection to {address}: {type(error).__name__}"
            except httpx.HTTPError as error:
                # The error holds the request, and with it the address: only its kind goes on.
                return Failed(f"no answer: {type(error).__name__}")
    return Failed(failure)


def _request(address: str, url: httpx.URL, content: tuple[str, bytes], key: SecretStr) -> httpx.Request:
    """The request to an address that was checked, under the name that the certificate must have."""
    identity, body = content
    headers = {
        "Host": url.netloc.decode(),
        "User-Agent": f"openbell/{openbell.__version__}",
        "Content-Type": "application/json",
        "Idempotency-Key": identity,
        **_login(url),
        **_signature(body, key),
    }
    timeout = httpx.Timeout(TIMEOUT, connect=CONNECT).as_dict()
    return httpx.Request(
        "POST",
        url.copy_with(host=address, username=None, password=None, fragment=None),
        headers=headers,
        content=body,
        extensions={"timeout": timeout, "sni_hostname": url.host},
    )


def _login(url: httpx.URL) -> dict[str, str]:
    if not url.userinfo:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(f'{url.username}:{url.password}'.encode()).decode()}"}


def _signature(body: bytes, key: SecretStr) -> dict[str, str]:
    """HMAC-SHA256 over time and body, so that a receiver can tell ours from others', and old from new."""
    if not key.get_secret_value():
        return {}
    stamp = str(int(time.time()))
    signed = hmac.new(key.get_secret_value().encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Openbell-Signature": f"t={stamp},v1={signed}"}


def _judged(response: httpx.Response) -> Delivery:
    status = response.status_code
    if response.is_success:
        return Sent()
    if response.is_redirect:
        return Failed(f"answered {status}: redirects are not followed")
    final = response.is_client_error and status not in _PASSING
    return Failed(f"answered {status}", final=final, after=_wish(response.headers.get("Retry-After", "")))


def _wish(text: str) -> timedelta | None:
    """Seconds that the target asks for; a date is not read."""
    return timedelta(seconds=int(text)) if text.isdecimal() and len(text) < 6 else None


def _checked(reference: Reference) -> SecretStr:
    """The address of a webhook; SettingsError says what is wrong with it and not what it is."""
    try:
        scheme, host, port = _parts(reference.address)
    except httpx.InvalidURL:
        raise SettingsError(f"{reference.name} holds no URL that can be read") from None
    if not host or not 0 < port < 65536:
        raise SettingsError(f"{reference.name} holds a URL without a host, or with a port outside 1 to 65535")
    if scheme == "http" and not (reference.plain and _is_here(host)):
        raise SettingsError(
            f"{reference.name} holds a URL of http, which is for loopback alone, for a target marked private, "
            "in a plan that is not live: use https"
        )
    if (address := literal(host)) and (why := refusal(address, reference.private)):
        raise SettingsError(f"{reference.name} is refused: {address} {why}")
    return reference.address


def _parts(address: SecretStr) -> tuple[str, str, int]:
    """What of an address is no secret, so that a trace that shows locals shows nothing else."""
    url = httpx.URL(address.get_secret_value())
    return url.scheme, url.host, _port(url)


def _is_here(host: str) -> bool:
    return host == "localhost" or (bool(literal(host)) and is_loopback(host))


def _port(url: httpx.URL) -> int:
    return url.port if url.port is not None else _PORTS[url.scheme]
