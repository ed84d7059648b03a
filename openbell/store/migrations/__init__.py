"""Alembic migrations of the store; a new one also extends ``openbell.store.schema.REVISIONS``."""
