"""Libraries that log the address of each request say nothing while a message is sent: an address is a secret."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_TALKATIVE = (
    *("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy"),
    *("urllib3.connectionpool", "urllib3.util.retry", "apprise", "asyncio"),
)


class _ThisThread(logging.Filter):
    """Drops what the thread that made it logs; other threads go on."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread


@contextmanager
def silenced() -> Iterator[None]:
    """No log line of those libraries from this thread."""
    silence, loggers = _ThisThread(), [logging.getLogger(name) for name in _TALKATIVE]
    for logger in loggers:
        logger.addFilter(silence)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(silence)
