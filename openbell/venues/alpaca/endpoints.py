"""Where Alpaca may be spoken to: its own addresses, and a double on this machine."""

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from openbell.errors import InputError

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
        raise InputError(f"url {url!r} cannot be used with mode live: an override is for paper only")
    parts = urlsplit(url)
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme != "http" or extra or not _loopback(parts.hostname or ""):
        raise InputError(
            f"url {url!r} is not http://127.0.0.1:PORT on this machine; leave it out for {ENDPOINTS[service]}"
        )
    return url.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
