"""The block that a plan names, with every way in which it cannot be had as one clear error."""

import importlib
from pkgutil import iter_modules

import httpx
from prefect.blocks.core import Block
from prefect.exceptions import PrefectException
from pydantic import ValidationError

import blocks
from openbell.errors import PlanError

#: The slug of a block of ours is this and the name of its module.
PREFIX = "openbell-"


def load_block(name: str) -> Block:
    """The block ``slug/name``; a PlanError without any of its values when it is not there or does not fit.

    Asks Prefect's server. The class of a block of ours is imported by its slug, so that a run imports no other.
    """
    slug, _, document = name.partition("/")
    if not document:
        raise PlanError(f"block {name[:60]!r} is not SLUG/NAME, as in openbell-alpaca-account/desk")
    _know(slug)
    try:
        found: Block = Block.load(name, _sync=True)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, item["loc"])) for item in error.errors(include_input=False)}))
        raise PlanError(f"block {name} does not fit its type: {fields}") from None
    except (httpx.HTTPError, PrefectException) as error:
        raise PlanError(f"block {name} cannot be read: {type(error).__name__}") from error
    except (ValueError, RuntimeError):  # how Prefect says that it is not there, or of an older form
        raise PlanError(
            f"block {name} is not on Prefect's server, or was saved in another form: save it anew"
        ) from None
    return found


def _know(slug: str) -> None:
    """Prefect knows a block's class once its module is imported."""
    module = slug.removeprefix(PREFIX).replace("-", "_")
    if slug.startswith(PREFIX) and module in {found.name for found in iter_modules(blocks.__path__)}:
        importlib.import_module(f"{blocks.__name__}.{module}")
