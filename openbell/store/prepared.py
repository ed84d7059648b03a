"""Statements made once: building one anew costs more than running it."""

from functools import cache
from typing import Any

from sqlalchemy import Select, Table, Update, bindparam, select, update


@cache
def by(table: Table, *names: str) -> Select[Any]:
    """The rows whose columns equal the parameters of the same names."""
    return select(table).where(*(table.c[name] == bindparam(name) for name in names))


@cache
def newest(table: Table, key: str, *names: str) -> Select[Any]:
    """Key and columns of the row with the highest key."""
    return select(table.c[key], *(table.c[name] for name in names)).order_by(table.c[key].desc()).limit(1)


@cache
def change(table: Table, *names: str) -> Update:
    """Set the columns given as parameters in the rows whose ``names`` equal the parameters ``of_<name>``."""
    return update(table).where(*(table.c[name] == bindparam(f"of_{name}") for name in names))
