"""Making and migrating a store. Imported only when there is something to migrate: Alembic is slow to import."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from openbell.errors import SchemaMismatch
from openbell.store import sqlite_file
from openbell.store.connect import open_store, parse_url
from openbell.store.schema import HEAD, REVISIONS


def upgrade(url: str) -> str:
    """Migrate to the newest schema under the write lock; two at once do it once. A newer store is refused."""
    parsed = parse_url(url)
    if parsed.drivername == "sqlite":
        sqlite_file.make_file(Path(str(parsed.database)))
    store = open_store(url)
    found = store.revision()
    if found is not None and found not in REVISIONS:
        store.check()
        raise SchemaMismatch(f"store {store.name} has unknown schema {found}")
    with store.writing() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
    return HEAD


def alembic_config() -> Config:
    """Alembic's configuration: the migrations lie inside the package, so that an installed wheel can migrate."""
    config = Config()
    config.set_main_option("script_location", "openbell.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
