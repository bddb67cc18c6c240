"""A replace column as the target table has it: in which form the ledger remembers its values, and what is true of the rows that hold one of them.

Two values that the column holds as one have one form. Two forms are never true of one row, whatever the column's collation takes for equal: where a column
holds text, or values that nobody here knows, its text is compared byte by byte beside the comparison that an index serves.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from tidegate.data.engines import FILES
from tidegate.data.fits import declared, python_of
from tidegate.data.kinds import canonical
from tidegate.data.tables import MYSQL, sqlite_text
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate.data.tables import Target

_UNTYPED = sa.types.NullType()
_NATIVE = {*MYSQL, "postgresql", "sqlite", "duckdb"}
"""Where values are bound as the driver knows them, and not cast to what SQLAlchemy takes the column for."""

_AS_BYTES = {*MYSQL, "duckdb"}


class KeyColumn:
    """One column of ``replace:``."""

    def __init__(self, name: str, kind: Any, *, target: Target, dialect: str) -> None:
        self._loose = isinstance(kind, postgresql.DOMAIN)  # whose size is not known
        while isinstance(kind, postgresql.DOMAIN):
            kind = kind.data_type
        self.name = name
        self._kind, self._target, self._dialect = kind, target, dialect
        self._holds = _held(kind, dialect)
        self._column: sa.ColumnClause[Any] = sa.column(name, _UNTYPED if dialect in _NATIVE else kind)

    def __str__(self) -> str:
        """``Column "region" of table sales (UUID)``, for messages; without a type that SQLAlchemy does not know."""
        kind = "" if isinstance(self._kind, sa.types.NullType) else f" ({declared(self._kind)})"
        return f'Column "{self.name}" of table {self._target}{kind}'

    def form(self, value: Any) -> Any:
        """A value of the rows as the ledger remembers it, in JSON's own types."""
        if value is None:
            return None
        if self._holds in {int, Decimal, bool} and isinstance(value, int | Decimal):
            number = canonical(Decimal(value))
            return number if "." in number else int(number)
        if self._holds is datetime and isinstance(value, date):
            moment = value if isinstance(value, datetime) else datetime.combine(value, time())
            return (moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment).isoformat()
        if self._holds is date and isinstance(value, date):
            return value.isoformat()
        value = sqlite_text(value)
        return str(int(value)) if isinstance(value, bool) else str(value)

    def value(self, form: Any) -> Any:
        """What a form stands for, as the column's driver compares it.

        :raises LoadRefused: it is no form of a value of this column, whose type is another than it was.
        """
        try:
            value = self._value(form)
        except (TypeError, ValueError, ArithmeticError):
            value = None
        if form is not None and (value is None or self.form(value) != form):
            message = f"{self} is no place for {form!r}, which the ledger says was loaded into it."
            raise LoadRefused(message, hint="The column's type was changed since; delete those rows and their ledger rows by hand.")
        return value

    def _value(self, form: Any) -> Any:
        if form is None:
            return None
        if self._holds is bool:
            return bool(form)
        if self._holds is Decimal:
            return form if self._dialect == "sqlite" else Decimal(form)
        if self._holds is datetime:
            moment = datetime.fromisoformat(form)
            return moment.replace(tzinfo=UTC) if getattr(self._kind, "timezone", False) and self._dialect not in MYSQL else moment
        return date.fromisoformat(form) if self._holds is date else self._holds(form)

    def equals(self, values: Sequence[Any]) -> sa.ColumnElement[bool]:
        """What is true of the rows that hold one of these values, as :meth:`value` gives them."""
        if list(values) == [None]:
            return self._column.is_(None)
        typed = self._column.in_(sa.bindparam(None, list(values), type_=self._column.type, expanding=True))
        if self._holds is not str or self._dialect not in _NATIVE:
            return typed
        texts = [text.encode() for text in values] if self._dialect in _AS_BYTES else list(values)
        exact = self._text.in_(sa.bindparam(None, texts, type_=_UNTYPED, expanding=True))
        return exact if self._incomparable else sa.and_(typed, exact)

    def vouches(self, forms: Sequence[Any]) -> bool:
        """Whether the column's type alone says that it keeps these values as they are: PostgreSQL does, in its own binary form, or refuses them."""
        if self._dialect != "postgresql" or self._loose:
            return False
        if type(self._kind) in {sa.TEXT, sa.VARCHAR}:
            return self._kind.length is None or all(len(form) <= self._kind.length for form in forms)
        if type(self._kind) is sa.NUMERIC:
            return self._kind.scale is None or self._kind.scale >= 0
        return isinstance(self._kind, sa.Integer | sa.Boolean | sa.Date | sa.TIMESTAMP)

    @property
    def _text(self) -> sa.ColumnElement[Any]:
        """The column, in a form in which only what is the same is equal."""
        if self._dialect == "postgresql":
            known = python_of(self._kind) is str
            return sa.collate(sa.cast(self._column, sa.Text) if known else sa.func.concat(self._column), "C")
        if self._dialect == "sqlite":
            return sa.collate(sa.cast(self._column, sa.Text), "BINARY")
        if self._dialect == "duckdb":
            return sa.func.encode(sa.cast(self._column, sa.String))
        # MySQL's binary collations take "x" for "x ", and bytes are compared as they are
        return sa.cast(sa.func.convert(self._column.op("USING")(sa.text("utf8mb4"))), sa.BINARY)

    @property
    def _incomparable(self) -> bool:
        """Whether a comparison of the column with text would fail, or not be one of texts."""
        if self._dialect in FILES:
            return python_of(self._kind) not in {str, date, datetime}
        return isinstance(self._kind, sa.JSON) and not isinstance(self._kind, postgresql.JSONB)


def _held(kind: Any, dialect: str) -> type:
    """What a column's values are compared as."""
    python = python_of(kind)
    if isinstance(kind, mysql.BIT):
        return int
    if python in {int, bool} and dialect != "sqlite":
        return python
    if python in {int, bool, float, Decimal}:
        return Decimal
    return python if python in {date, datetime} and dialect != "sqlite" else str


def key_columns(replace: Sequence[str], known: Mapping[str, Any], *, target: Target, dialect: str) -> list[KeyColumn]:
    """The replace columns, of the columns that the database, or the table to be made, has."""
    return [KeyColumn(name, known[name]["type"], target=target, dialect=dialect) for name in replace]
