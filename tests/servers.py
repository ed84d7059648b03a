"""Questions to a Prefect server on this machine, which may be busy."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

T = TypeVar("T")


def ask(address: str, verb: str, path: str, body: Any = None, auth: tuple[str, str] | None = None) -> Any:
    """The answer of ``address``/api/``path``; a server says 503 while its database is locked, and has done nothing."""
    for pause in (0.5, 1, 2, 4, None):
        # No certificates are read for plain http; a busy server may take its time.
        answer = httpx.request(verb, f"{address}/api/{path}", json=body, auth=auth, timeout=60, verify=False)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or pause is None:
            break
        time.sleep(pause)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def until(question: Callable[[], T], seconds: float = 60, enough: Callable[[T], object] = bool) -> T:
    """The first answer that is ``enough``."""
    deadline = time.monotonic() + seconds
    while not enough(answer := question()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s; the last answer was {answer!r}"
        time.sleep(0.1)
    return answer
