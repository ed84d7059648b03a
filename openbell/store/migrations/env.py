"""Run by Alembic, inside the transaction that ``openbell.store.migrate`` opened."""

from alembic import context

from openbell.store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, compare_type=True)
context.run_migrations()
