"""Who asks the strategies of a trading run: threads of this process, or the workers of a Dask cluster."""

import importlib
import os
from collections.abc import Iterable, Sequence

from openbell.errors import InputError, SettingsError
from openbell.settings import Settings
from openbell.stages.evaluate import Answer, Ask, Question
from openbell.stages.pools import Threads

_CLUSTER, _VARIABLE = "openbell.cluster", "OPENBELL_EVALUATE_DASK"


def asking(settings: Settings) -> Ask:
    """As the settings say; the answers are the same, whoever asks."""
    address = settings.evaluate_dask
    if address is not None:
        return lambda questions: _by_dask(address, questions)
    if settings.evaluate_threads is not None:
        return Threads(settings.evaluate_threads, least=0)
    return Threads(os.cpu_count() or 1)


def _by_dask(address: str, questions: Sequence[Question]) -> Iterable[Answer]:
    try:
        answers: Iterable[Answer] = importlib.import_module(_CLUSTER).ask(address, questions)
    except ImportError as error:
        raise SettingsError(f"{_VARIABLE}: Dask is not installed ({error}): pip install 'openbell[dask]'") from None
    except InputError as error:
        raise SettingsError(f"{_VARIABLE}: {error}") from None
    return answers
