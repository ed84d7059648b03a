"""Prefect's server as publish sees it: questions with JSON answers, and changes that are told before they are made."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import PrefectHTTPStatusError

from openbell.errors import OpenbellError

#: Rows that one question brings.
PAGE = 200
#: Stands for a key that is not there.
NOTHING = "nothing"
#: What a change of one thing looks like: its words, and what makes it.
Made = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing on the server that is not as the plans have it; ``make`` mends it."""

    kind: str
    name: str
    verb: str
    differs: tuple[str, ...]
    make: Made

    @property
    def words(self) -> str:
        """As a person reads it."""
        return f"{self.verb} {self.kind} {self.name}" + (f": {'; '.join(self.differs)}" if self.differs else "")


@dataclass(frozen=True, slots=True)
class Server:
    """Asks through Prefect's own client, so that its settings, retries and login count."""

    client: SyncPrefectClient

    def ask(self, verb: Any, path: Any, body: Any = None) -> Any:
        """The answer, None when there is no such thing; an OpenbellError when the server refuses."""
        try:
            answer = self.client.request(verb, path, **({} if body is None else {"json": body}))
        except PrefectHTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:
                return None
            raise OpenbellError(_refused(verb, path, error.response)) from None
        return answer.json() if answer.content else None

    def all(self, path: str, asked: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Every row that a filter finds."""
        offset = 0
        while rows := self.ask("POST", path, {**(asked or {}), "limit": PAGE, "offset": offset}) or []:
            yield from rows
            if len(rows) < PAGE:
                return
            offset += PAGE


def _refused(verb: str, path: str, answer: httpx.Response) -> str:
    # The words of a refused block may repeat what it holds.
    words = "" if "/block_" in path else f": {answer.text[:300]}"
    return f"Prefect answers {answer.status_code} to {verb} {path}{words}"


def differences(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> tuple[str, ...]:
    """``key: present -> wanted`` for each key that is wanted otherwise, inside tables for each of their keys."""
    now, then = (flat({key: body.get(key) for key in wanted}) for body in (present, wanted))
    return tuple(
        f"{key} {_short(now.get(key, NOTHING))} -> {_short(then.get(key, NOTHING))}"
        for key in dict.fromkeys((*then, *now))
        if now.get(key, NOTHING) != then.get(key, NOTHING)
    )


def flat(body: Any, path: str = "") -> dict[str, Any]:
    """Each value of a nested body under its dotted key."""
    items = body.items() if isinstance(body, Mapping) else enumerate(body)
    found: dict[str, Any] = {}
    for key, value in items:
        inner = isinstance(value, Mapping | list) and bool(value)
        found |= flat(value, f"{path}{key}.") if inner else {f"{path}{key}": value}
    return found


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
