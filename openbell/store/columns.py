"""How exact amounts and instants stand in a column, and the base of every table."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, MetaData, Numeric, String, Table, TypeDecorator
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from openbell.errors import StoreError
from openbell.values.money import text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Money(TypeDecorator[Decimal]):
    """An exact Decimal: canonical text on SQLite, unbounded NUMERIC on PostgreSQL. Floats are refused.

    Text does not sort by amount, so no query may compare or order by such a column.
    """

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """NUMERIC without precision keeps every digit; SQLite would make a float of it."""
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Canonical, so that equal amounts are equal in the file."""
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise StoreError(f"{value!r} is not a finite Decimal and cannot be stored as an amount")
        canonical = text(value)
        return Decimal(canonical) if dialect.name == "postgresql" else canonical

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """The same amount."""
        return None if value is None else Decimal(value)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant: microseconds since 1970 on SQLite, TIMESTAMPTZ on PostgreSQL."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Both sort and compare as time does."""
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """A naive instant is refused, never guessed."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise StoreError(f"instant {value.isoformat()} has no zone and cannot be stored")
        return value.astimezone(UTC) if dialect.name == "postgresql" else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The same instant in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else _EPOCH + value * _MICROSECOND


#: Rising numbers; on SQLite an INTEGER key is the row's own place, so that the newest page is the file's end.
Sequence = BigInteger().with_variant(Integer(), "sqlite")

#: Compared byte by byte on both databases, so that a range finds a prefix.
Identifier = String().with_variant(String(collation="C"), "postgresql")


class Row(SQLModel):
    """Base of the tables; they have their own metadata, so that a user's tables are not taken for ours."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def table_of(model: type[SQLModel]) -> Table:
    """The Core table behind a model."""
    return Row.metadata.tables[str(model.__tablename__)]
