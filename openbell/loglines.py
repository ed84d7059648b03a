"""Log lines: what each carries about the run that it is from, as JSON where that is asked for, never with a secret.

bind(run=..., plan=..., slot=...)   from here on lines of this run carry these
set_up(settings)                    where the lines of openbell go, for a process of its own
formatter(settings)                 the same form for lines of others
"""

import base64
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import IO, Any
from urllib.parse import quote

from openbell.settings import Settings

#: Fields that say what a line is about, in the order in which they are written.
ABOUT = ("plan", "job", "slot", "run", "order")
#: What Prefect puts on the records of its own runs.
_OF_PREFECT = ("flow_run_id", "flow_run_name", "task_run_id", "task_run_name")
_BOUND: ContextVar[dict[str, str]] = ContextVar("openbell_log_fields", default={})  # noqa: B039  # never changed
MASK = "***"


def bind(**fields: str) -> None:
    """Lines of this context carry these fields from now on; those bound before stay where they are not named."""
    if strange := set(fields) - set(ABOUT):
        raise TypeError(f"{sorted(strange)} are no fields of a log line: {', '.join(ABOUT)}")
    _BOUND.set({**_BOUND.get(), **fields})


class Lines(logging.Formatter):
    """One line for each record, whatever its message holds; secrets are masked."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(form for secret in secrets for form in _forms(secret))

    def format(self, record: logging.LogRecord) -> str:
        """The line as text; what belongs to an error follows its message."""
        about = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        said = " ".join(part for part in (self._text(record), f"[{about}]" if about else "") if part)
        return _one_line(f"{_time(record)} {record.levelname:<7} {record.name}: {self.masked(said)}")

    def masked(self, text: str) -> str:
        """The text without any secret."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def _text(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        told = record.getMessage()
        return f"{told} ({type(error).__name__}: {error})" if error is not None else told


class JsonLines(Lines):
    """The same as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The object: time, level, logger, message, then what it is about."""
        head = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name}
        said = {name: self.masked(value) for name, value in _fields(record).items()}
        error = record.exc_info[1] if record.exc_info else None
        wrong = {} if error is None else {"error": type(error).__name__}
        return json.dumps({**head, "message": self.masked(self._text(record)), **said, **wrong}, ensure_ascii=False)


def formatter(settings: Settings) -> Lines:
    """The form of log lines that the settings ask for."""
    return (JsonLines if settings.log_format == "json" else Lines)(settings.secrets)


def set_up(settings: Settings, stream: IO[str] | None = None) -> None:
    """Write the lines of openbell to ``stream`` (standard error); doing it again only changes how."""
    logger = logging.getLogger("openbell")
    for old in logger.handlers[:]:
        if isinstance(old, _Ours):
            logger.removeHandler(old)
    ours = _Ours(stream or sys.stderr)
    ours.setFormatter(formatter(settings))
    logger.addHandler(ours)
    logger.setLevel(settings.log_level)
    logger.propagate = False


def _forms(secret: str) -> Iterator[str]:
    """A secret as a library may write it: plain, in a URL, in hex, inside what was coded in base64."""
    raw = secret.encode()
    yield from dict.fromkeys((secret, quote(secret, safe=""), raw.hex(), raw.hex().upper()))
    for offset in range(3):
        # The characters that carry bits of what stands around it are left alone.
        coded = base64.b64encode(b"\0" * offset + raw).decode()
        inner = coded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        yield from dict.fromkeys((inner, inner.replace("+", "-").replace("/", "_")))


def set_up_json(settings: Settings) -> None:
    """The same where the settings ask for JSON; a command for people says what it did and logs nothing."""
    if settings.log_format == "json":
        set_up(settings)


class _Ours(logging.StreamHandler[Any]):
    """The one handler that ``set_up`` replaces."""


def _fields(record: logging.LogRecord) -> dict[str, str]:
    known = {**_BOUND.get(), **{name: getattr(record, name) for name in ABOUT if getattr(record, name, None)}}
    prefect = {name: str(getattr(record, name)) for name in _OF_PREFECT if getattr(record, name, None)}
    return {**{name: str(known[name]) for name in ABOUT if known.get(name)}, **prefect}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
