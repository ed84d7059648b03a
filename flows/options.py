"""What all flows have in common; each adds its name and its timeout."""

from pathlib import Path
from typing import Any

import openbell
from tasks.publication import publish

#: No result is ever stored: the record in openbell's own store is the result. A storage is named all the same, since
#: Prefect would otherwise ask its server three times a run for a default that nothing uses. Parameters are read by
#: flows.asked.
COMMON: dict[str, Any] = {
    "version": openbell.__version__,
    "persist_result": False,
    "result_serializer": "json",
    "result_storage": Path("openbell-stores-no-results"),
    "validate_parameters": False,
    "on_completion": [publish],
    "on_failure": [publish],
}
