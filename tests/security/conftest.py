"""The same home as the tests of the watchdog."""

from tests.watch.conftest import _logger, home, receiver  # noqa: F401
