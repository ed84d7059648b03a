"""A migration that is killed after its first statement, then after its second, until it gets through.

``python -m tests.store.migrating URL REVISION STRIDE`` begins with an empty store, or with one of an older schema,
and prints one line of JSON for each kill: what a start says of the store then, and whether anything has changed.
"""

import json
import os
import signal
import sys
from collections import Counter
from typing import Any

from alembic import command
from sqlalchemy import Engine, event, inspect, text

from openbell import store
from openbell.errors import OpenbellError
from openbell.store.connect import open_store
from openbell.store.migrate import alembic_config, upgrade

#: What a person had done under the first schema.
_HALTED = "INSERT INTO switches VALUES (1, 'halted', 'ann', 'smoke', {long_ago})"
_LONG_AGO = {"sqlite": "0", "postgresql": "'epoch'"}


def begin_at(url: str, revision: str) -> None:
    """Make a store of an older schema, with a row in it."""
    with open_store(url).writing() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(text(_HALTED.format(long_ago=_LONG_AGO[connection.dialect.name])))


def killed_after(url: str, statements: int) -> bool:
    """Migrate in a process that dies after so many statements; the last of them is the commit. Whether it died."""
    child = os.fork()
    if child == 0:
        _become(url, statements)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    return code != 0


def _become(url: str, statements: int) -> None:
    code, done = 1, Counter[str]()

    def count(*_: Any) -> None:
        done["statements"] += 1
        if done["statements"] == statements:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        event.listen(Engine, "after_cursor_execute", count)
        event.listen(Engine, "commit", count)
        upgrade(url)
        code = 0
    finally:
        os._exit(code)


def state(url: str) -> dict[str, Any]:
    """What a start says, and what stands in the store."""
    try:
        store.open_journal(url)
        said = ""
    except OpenbellError as error:
        said = f"{type(error).__name__}: {error}"
    with open_store(url).reading() as connection:
        tables = sorted(inspect(connection).get_table_names())
        halted = connection.execute(text("SELECT level FROM switches")).scalars().all() if "switches" in tables else []
    store.close(url)
    return {"said": said, "tables": tables, "halted": list(halted)}


def main(url: str, revision: str, stride: int) -> None:
    """Kill, look, and go on until the migration is through."""
    if revision:
        begin_at(url, revision)
        store.close(url)
    statements = 1
    while killed_after(url, statements):
        sys.stdout.write(json.dumps({"statements": statements, **state(url)}) + "\n")
        statements += stride
    sys.stdout.write(json.dumps({"statements": 0, **state(url)}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
