"""Work that is imported when it is done, so that ``--help`` of its command answers at once."""

import importlib
from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines instead of tables.")


def later(path: str, *values: Any, **options: Any) -> Any:
    """Import ``module:name`` and call it."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)(*values, **options)
