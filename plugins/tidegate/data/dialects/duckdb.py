"""DuckDB for SQLAlchemy, as far as ledgers, loads and queries need it: what its SQL looks like, and what it says of its tables.

The package duckdb-engine does not go with DuckDB 2 and SQLAlchemy 2.1. URLs are ``duckdb+tidegate:///path``, so that whoever has it for other uses keeps it.
There are no savepoints.
"""

from __future__ import annotations

import re
from datetime import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import default
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.sql import compiler

from tidegate.data.dialects.duckdb_driver import Connection

if TYPE_CHECKING:
    from collections.abc import Sequence


class Kind(sa.types.UserDefinedType[Any]):
    """A type that only DuckDB has."""

    cache_ok = True

    def __init__(self, name: str, python: type | None = None, precision: int | None = None) -> None:
        """Take its name.

        :param python: the class of its values; None where only the database knows what it takes.
        :param precision: digits of a second.
        """
        self.name = name
        self.python = python
        self.precision = precision

    def get_col_spec(self, **_: Any) -> str:
        """As it stands in a statement."""
        return self.name

    @property
    def python_type(self) -> type:
        """The class of its values in Python."""
        if self.python is None:
            raise NotImplementedError
        return self.python


_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_TYPES: dict[str, Any] = {
    "BOOLEAN": sa.BOOLEAN(),
    "SMALLINT": sa.SMALLINT(),
    "INTEGER": sa.INTEGER(),
    "BIGINT": sa.BIGINT(),
    **{name: Kind(name, int) for name in ("TINYINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM")},
    "FLOAT": sa.REAL(),
    "DOUBLE": sa.DOUBLE(),
    "VARCHAR": sa.VARCHAR(),
    "BLOB": sa.BLOB(),
    "DATE": sa.DATE(),
    "TIME": Kind("TIME", time),
    "TIMESTAMP": sa.TIMESTAMP(),
    "TIMESTAMP_S": Kind("TIMESTAMP_S", sa.TIMESTAMP().python_type, 0),
    "TIMESTAMP_MS": Kind("TIMESTAMP_MS", sa.TIMESTAMP().python_type, 3),
    "TIMESTAMP_NS": Kind("TIMESTAMP_NS", sa.TIMESTAMP().python_type),
    "TIMESTAMP WITH TIME ZONE": sa.TIMESTAMP(timezone=True),
}


def type_of(name: str) -> Any:
    """What DuckDB's name of a type means."""
    if sized := _DECIMAL.fullmatch(name):
        return sa.NUMERIC(int(sized[1]), int(sized[2]))
    return _TYPES.get(name) or Kind(name, str if name.startswith("ENUM(") else None)


class _Bytes(sa.LargeBinary):
    def bind_processor(self, dialect: sa.Dialect) -> None:  # noqa: ARG002  as they are; the driver has no word of its own for them
        return None


class _SQL(compiler.SQLCompiler):
    def update_from_clause(self, update_stmt: Any, from_table: Any, extra_froms: Any, from_hints: Any, **kw: Any) -> str:  # noqa: ARG002
        kw["asfrom"] = True
        return "FROM " + ", ".join(table._compiler_dispatch(self, fromhints=from_hints, **kw) for table in extra_froms)  # noqa: SLF001


class _Types(compiler.GenericTypeCompiler):
    def visit_datetime(self, type_: Any, **_: Any) -> str:
        return "TIMESTAMP WITH TIME ZONE" if type_.timezone else "TIMESTAMP"

    visit_TIMESTAMP = visit_datetime  # noqa: N815


class _Quoting(compiler.IdentifierPreparer):
    def _requires_quotes(self, value: str) -> bool:  # noqa: ARG002  quotes change nothing of a name, and no list of words is needed
        return True


class Dialect(default.DefaultDialect):
    """One file, one session."""

    name = "duckdb"
    driver = "tidegate"
    default_paramstyle = "qmark"
    statement_compiler = _SQL
    type_compiler_cls = _Types
    preparer = _Quoting
    colspecs = {sa.LargeBinary: _Bytes}  # noqa: RUF012  as SQLAlchemy's own dialects have it
    supports_statement_cache = True
    supports_native_boolean = True
    supports_native_decimal = True
    supports_sane_multi_rowcount = False
    postfetch_lastrowid = False

    @classmethod
    def import_dbapi(cls) -> Any:
        """The module with DuckDB's errors."""
        import duckdb

        return duckdb

    def create_connect_args(self, url: sa.URL) -> Any:
        """The path; what stands behind it are settings of DuckDB."""
        return [url.database], {"settings": {name: str(value) for name, value in url.query.items()}}

    def connect(self, *cargs: Any, **cparams: Any) -> Any:
        """A session; by itself one that may write, and waits for nobody."""
        return Connection(*cargs, **{"read_only": False, "wait": 0.0, **cparams})

    def _get_default_schema_name(self, connection: sa.Connection) -> str:  # noqa: ARG002
        return "main"

    def get_driver_connection(self, connection: Any) -> Any:
        """DuckDB's own."""
        return connection.raw

    def do_begin(self, dbapi_connection: Any) -> None:
        """DuckDB commits each statement by itself otherwise."""
        dbapi_connection.begin()

    def get_isolation_level_values(self, dbapi_conn: Any) -> Any:  # noqa: ARG002
        """Its own, and none."""
        return ["SNAPSHOT", "AUTOCOMMIT"]

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        """Which of them."""
        return "AUTOCOMMIT" if dbapi_connection.autocommit else "SNAPSHOT"

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:  # noqa: ARG002
        """Its own."""
        return "SNAPSHOT"

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """Set it for what comes."""
        dbapi_connection.autocommit = level == "AUTOCOMMIT"

    # -- what there is --------------------------------------------------------------------------------------------------

    def has_table(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any) -> bool:
        """Whether there is such a table or view."""
        return bool(self._asked(connection, "DISTINCT table_name", "duckdb_columns()", schema, table_name))

    def get_schema_names(self, connection: sa.Connection, **_: Any) -> list[str]:
        """The schemas of the file."""
        asked = sa.text("SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() ORDER BY 1")
        return [name for name in connection.execute(asked).scalars() if name not in {"information_schema", "pg_catalog"}]

    def get_table_names(self, connection: sa.Connection, schema: str | None = None, **_: Any) -> list[str]:
        """The tables."""
        return [row[0] for row in self._asked(connection, "table_name", "duckdb_tables()", schema)]

    def get_view_names(self, connection: sa.Connection, schema: str | None = None, **_: Any) -> list[str]:
        """The views that somebody made."""
        return [row[0] for row in self._asked(connection, "view_name", "(FROM duckdb_views() WHERE NOT internal)", schema)]

    def get_columns(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """The columns of a table or view, in their order."""
        wanted = "column_name, data_type, is_nullable, column_default, is_generated, column_index"
        found = self._asked(connection, wanted, "duckdb_columns()", schema, table_name)
        if not found:
            raise NoSuchTableError(table_name)
        return [
            {
                "name": row.column_name,
                "type": type_of(row.data_type),
                "nullable": row.is_nullable,
                "default": row.column_default if not row.is_generated else None,
                **({"computed": {"sqltext": row.column_default}} if row.is_generated else {}),
            }
            for row in sorted(found, key=lambda row: row.column_index)
        ]

    def get_pk_constraint(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """The columns of the primary key."""
        found = self._constraints(connection, "PRIMARY KEY", schema, table_name)
        return found[0] | {"constrained_columns": found[0].pop("column_names")} if found else {"constrained_columns": [], "name": None}

    def get_unique_constraints(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """The columns of each."""
        return self._constraints(connection, "UNIQUE", schema, table_name)

    def get_foreign_keys(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any) -> Any:  # noqa: ARG002
        """Nobody asks."""
        return []

    def get_indexes(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """Those that somebody made. One over anything but columns has no names in it."""
        known = {column["name"] for column in self.get_columns(connection, table_name, schema)}
        found = []
        wanted = "index_name, is_unique, CAST(expressions AS VARCHAR[]) AS expressions"
        for row in self._asked(connection, wanted, "duckdb_indexes()", schema, table_name):
            names = [_unquoted(text) for text in row.expressions]
            columns = names if set(names) <= known else [None]
            found.append({"name": row.index_name, "unique": row.is_unique, "column_names": columns})
        return found

    def _constraints(self, connection: sa.Connection, kind: str, schema: str | None, table: str) -> list[dict[str, Any]]:
        wanted = "constraint_name, constraint_type, constraint_column_names"
        found = self._asked(connection, wanted, "duckdb_constraints()", schema, table)
        return [
            {"name": row.constraint_name, "column_names": list(row.constraint_column_names)} for row in found if row.constraint_type == kind
        ]

    def _asked(
        self, connection: sa.Connection, wanted: str, of: str, schema: str | None, table: str | None = None
    ) -> Sequence[sa.Row[Any]]:
        """Rows of one of DuckDB's own tables, about the file's schema; names are alike whatever the case of their letters."""
        sql = f"SELECT {wanted} FROM {of} WHERE database_name = current_database() AND lower(schema_name) = lower(:schema)"  # noqa: S608  of ours
        values = {"schema": schema or self.default_schema_name}
        if table is not None:
            sql, values = f"{sql} AND lower(table_name) = lower(:name)", values | {"name": table}
        return connection.execute(sa.text(f"{sql} ORDER BY 1"), values).all()


def _unquoted(text: str) -> str:
    """A column's name, as DuckDB lists what an index is over: in quotes where it needs them."""
    return text[1:-1].replace('""', '"') if text.startswith('"') and text.endswith('"') else text
