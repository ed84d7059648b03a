"""One line of the doctor, what each of its checks is about, and the time that one may take."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from openbell.errors import OpenbellError, TooLong
from openbell.settings import NOTIFY_PREFIX, Settings
from openbell.store.connect import parse_url
from openbell.values.condition import Condition

T = TypeVar("T")
#: Seconds that one look may take, whatever the other side does.
LIMIT = 5.0
#: Anything shorter would be found inside innocent words.
_SHORTEST = 6
#: What each check looks at, and what to do when it does not say ok; in the order in which they are shown.
ABOUT: dict[str, tuple[str, str]] = {
    "settings": ("environment variables are known and can be read", "correct the variable that is named"),
    "environment": (
        "the installation is as its environment (`OPENBELL_ENVIRONMENT`) asks",
        "correct what is named, see settings.md",
    ),
    "exposure": (
        "the Prefect server set up here listens on this machine alone, or has a password and TLS before it",
        "set PREFECT_SERVER_API_HOST=127.0.0.1, or what is named",
    ),
    "versions": (
        "no package that Prefect is known to fail with",
        "install what the lock file names: `uv sync` in a checkout, else pip with the bounds of openbell's own package",
    ),
    "schema": ("the store is there, and is this version's", "`openbell migrate`"),
    "file system": ("the store lies on a local disk", "move OPENBELL_HOME to a local disk, or use PostgreSQL"),
    "integrity": ("the store's pages are whole", "stop everything, restore a backup, then `openbell verify`"),
    "permissions": ("nobody but its owner can open the store", "chmod as the line says"),
    "switch": ("neither the halt file nor the store stops orders", '`openbell resume --reason "..."` when it is right'),
    "disk": ("there is room for the store to grow", "free some, or move OPENBELL_HOME"),
    "server": ("the Prefect server answers, and as a server of Prefect", "start it, or correct PREFECT_API_URL"),
    "plan": ("the plan's file can run", "`openbell validate PLAN`"),
    "enabled": (
        "neither its file nor the store holds the plan back; a live one is armed",
        "`openbell enable PLAN`, `openbell enable PLAN --live`",
    ),
    "horizon": ("the exchange's calendar reaches far enough", "update the package exchange-calendars"),
    "credentials": ("the keys are there and the broker takes them", "set the keys again, and compare their mode"),
    "broker": ("the broker answers", "is its address or port right, and is TWS or IB Gateway logged in?"),
    "account": (
        "plan, endpoint or port, and the account's own number agree on paper or live; the account is not blocked",
        "correct mode in the plan and in account.params, or log in to the other account",
    ),
    "clock": ("our clock and the broker's are less than 1 s apart", "set this machine's clock by NTP"),
    "calendar": (
        "our calendar and the broker agree on whether the market is open now",
        "closed wins; if it is no surprise closure, update exchange-calendars and compare window.exchange",
    ),
    "sessions": (
        "our calendar and the broker's agree on the sessions of the next two weeks",
        "update exchange-calendars, and compare window.exchange; name days without trading in window.closures",
    ),
    "feed": ("each feed has fresh bars of the plan's symbols", "correct the symbols or the feed's terms and keys"),
    "notify": ("every target has an address that can be used", "set the variable, then `openbell notifications test`"),
    "blocks": ("each block that the plan names is saved in Prefect", "save the block under that name"),
    "deployments": (
        "each job that the plan enables has a deployment that is neither paused nor without a schedule",
        "`make publish`, on a host `python -m deployments.publish`; what is paused: the same with PLAN --resume",
    ),
    "schedule": (
        "runs of each deployment are scheduled ahead",
        "look at the server's log: its scheduler fails with SQLAlchemy 2.1 and later; restart the server",
    ),
    "late": ("no scheduled run waits for somebody to start it", "start a worker, or look at the work pool's limits"),
    "worker": (
        "the deployments' pool is not paused, and a worker of it was seen lately",
        "start one: `systemctl start openbell-worker` on a host, `make up` elsewhere",
    ),
    "slots": ("the plan's slots of the last days were worked on", "`openbell history`; are server and worker up?"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line; ``plan`` is empty where it is about the whole installation, ``advice`` where all is well."""

    check: str
    state: Condition
    detail: str
    plan: str = ""
    advice: str = ""


def ok(check: str, detail: str, plan: str = "") -> Finding:
    """All is well."""
    return Finding(check, Condition.OK, detail, plan)


def warning(check: str, detail: str, plan: str = "", advice: str = "") -> Finding:
    """Nothing is lost yet, but somebody should look."""
    return Finding(check, Condition.WARNING, detail, plan, advice or ABOUT[check][1])


def failed(check: str, detail: str, plan: str = "", advice: str = "") -> Finding:
    """It must be put right before anything trades."""
    return Finding(check, Condition.FAILED, detail, plan, advice or ABOUT[check][1])


def bounded(look: Callable[[], T], seconds: float = LIMIT) -> T:
    """What the look answers; TooLong when it does not end in time. It may go on by itself and holds up nobody."""
    answers: SimpleQueue[tuple[T, None] | tuple[None, OpenbellError]] = SimpleQueue()

    def work() -> None:
        try:
            answers.put((look(), None))
        except OpenbellError as error:
            answers.put((None, error))

    Thread(target=work, name="openbell doctor", daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except Empty:
        raise TooLong(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]  # one of the two is there


def masked(findings: Iterable[Finding], settings: Settings | None) -> list[Finding]:
    """The findings without any secret of this process, whoever may have repeated one."""
    secrets = sorted({text for text in _secrets(settings) if len(text) >= _SHORTEST}, key=len, reverse=True)
    return [
        replace(each, detail=_without(each.detail, secrets), advice=_without(each.advice, secrets)) for each in findings
    ]


def _without(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return "".join(char if char.isprintable() else " " for char in text)


def _secrets(settings: Settings | None) -> Iterable[str]:
    for name, value in os.environ.items():
        if name.startswith(NOTIFY_PREFIX) or name in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"):
            yield value
    user = urlsplit(os.environ.get("PREFECT_API_URL", ""))
    yield from (user.password or "", unquote(user.password or ""))
    if settings is not None:
        yield from settings.secrets
        yield str(parse_url(settings.url).password or "")
