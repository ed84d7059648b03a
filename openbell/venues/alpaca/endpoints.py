"""Where Alpaca may be spoken to: its own addresses, and a double on this machine."""

import ipaddress
import re
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from openbell.errors import InputError

_USER = re.compile(r"^([a-z]+://)?.*@", re.IGNORECASE | re.DOTALL)

Service = Literal["paper", "live", "data"]
#: Nothing but these and this machine itself is ever spoken to.
ENDPOINTS: dict[Service, str] = {
    "paper": "https://paper-api.alpaca.markets",
    "live": "https://api.alpaca.markets",
    "data": "https://data.alpaca.markets",
}
#: Requests a minute of an account at Alpaca, and of a double that does not tell by its headers.
REQUESTS, DOUBLE_REQUESTS = 200, 10_000


def usual(url: str) -> int:
    """How many requests a minute an account has that nobody said more about: Alpaca's own number, a double's most."""
    return DOUBLE_REQUESTS if url else REQUESTS


def endpoint(service: Service, url: str = "") -> str:
    """Alpaca's own address of a service, or the loopback address in ``url``; else InputError."""
    if not url:
        return ENDPOINTS[service]
    if service == "live":
        raise InputError(f"url {_shown(url)!r} cannot be used with mode live: an override is for paper only")
    parts = _split(url)
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme != "http" or extra or not _loopback(parts.hostname or ""):
        raise InputError(
            f"url {_shown(url)!r} is not http://127.0.0.1:PORT on this machine; leave it out for {ENDPOINTS[service]}"
        )
    return url.rstrip("/")


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise InputError(f"url {_shown(url)!r} is no address: {error}") from None


def _shown(url: str) -> str:
    """The address as it may be printed, without user, password and options."""
    return re.split(r"[?#]", _USER.sub(r"\1", url))[0]


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
