"""The log lines of a run as OPENBELL_LOG_FORMAT asks for them; everything else about Prefect's logging stays."""

import logging

from prefect.logging.handlers import PrefectConsoleHandler

from openbell import loglines
from openbell.settings import load_settings


def log_as_asked() -> None:
    """With ``json`` the lines of openbell and of Prefect's runs become objects; with ``text`` nothing changes."""
    settings = load_settings()
    if settings.log_format != "json":
        return
    loglines.set_up(settings)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            handler.setFormatter(loglines.formatter(settings))
