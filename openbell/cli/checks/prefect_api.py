"""Questions to a Prefect server over HTTP; openbell never imports Prefect."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from openbell.errors import ServerUnavailable

#: Seconds to connect, and until an answer goes on.
TIMEOUT = httpx.Timeout(3.0, connect=2.0)
PAGE = 200
_SETTINGS = ("PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING")


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is and how we prove who we are; ``repr`` shows neither password nor key."""

    url: str
    headers: Mapping[str, str]
    auth: tuple[str, str] | None

    def __repr__(self) -> str:
        return f"Server({self.shown})"

    @property
    def shown(self) -> str:
        """The address without what may stand before its host, even where that is not written as it should be."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"

    def get(self, path: str) -> Any:
        """The JSON at a path; ServerUnavailable for anything else."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every row that a filter finds, all pages."""
        rows: list[dict[str, Any]] = []
        while True:
            page = self.page(path, {**body, "limit": PAGE, "offset": len(rows)})
            rows += page
            if len(page) < PAGE:
                return rows

    def page(self, path: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of one page; ``limit`` and ``offset`` stand in the body."""
        rows = self._ask("POST", path, body)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ServerUnavailable(f"{self.shown}{path} did not answer as a server of Prefect does")
        return rows

    def _ask(self, method: str, path: str, body: Any) -> Any:
        try:
            with httpx.Client(timeout=TIMEOUT, headers=dict(self.headers), auth=self.auth) as client:
                answer = client.request(method, f"{self.url}{path}", json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerUnavailable(f"{self.shown} does not answer ({type(error).__name__})") from None
        if answer.status_code in (401, 403):
            told = "PREFECT_API_KEY or PREFECT_API_AUTH_STRING"
            raise ServerUnavailable(f"{self.shown} refuses us ({answer.status_code}): compare {told}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise ServerUnavailable(f"{self.shown}{path} is not there (404); the address ends in /api")
        if answer.status_code != httpx.codes.OK:
            raise ServerUnavailable(f"{self.shown}{path} answers {answer.status_code}")
        try:
            return answer.json()
        except ValueError:
            raise ServerUnavailable(f"{self.shown}{path} did not answer as a server of Prefect does") from None


def server() -> Server | None:
    """The server that this process would use: its environment, else the active profile; None where none is named."""
    said = {**_profile(), **{name: os.environ[name] for name in _SETTINGS if os.environ.get(name)}}
    if not said.get("PREFECT_API_URL"):
        return None
    key, basic = said.get("PREFECT_API_KEY"), said.get("PREFECT_API_AUTH_STRING", "")
    user, _, password = basic.partition(":")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Server(said["PREFECT_API_URL"].strip().rstrip("/"), headers, (user, password) if basic else None)


def _profile() -> dict[str, str]:
    path = Path(os.environ.get("PREFECT_PROFILES_PATH") or _home() / "profiles.toml")
    try:
        profiles = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    active = os.environ.get("PREFECT_PROFILE") or profiles.get("active", "")
    named = profiles.get("profiles", {}).get(active, {})
    return {name: str(named[name]) for name in _SETTINGS if name in named}


def _home() -> Path:
    return Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
