"""One name for a table, however it is spelled: by it loads take turns, fence each other off, and are remembered in the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tidegate.data.tables import MYSQL, Target

if TYPE_CHECKING:
    from collections.abc import Callable

_POSTGRES = """
SELECT coalesce(nspname, CAST(:schema AS name), current_schema()) AS schema, coalesce(relname, CAST(:name AS name)) AS name
  FROM (SELECT to_regclass(:quoted) AS found) AS asked LEFT JOIN pg_class c ON c.oid = found LEFT JOIN pg_namespace n ON n.oid = relnamespace
"""
"""Where a table is, or would be made."""
_MYSQL = """
SELECT IF(@@lower_case_table_names > 0, LOWER(:name), :name), IF(@@lower_case_table_names > 0, LOWER(:schema), :schema),
       IF(@@lower_case_table_names > 0, LOWER(DATABASE()), DATABASE())
"""
_SQLITE = "SELECT name FROM sqlite_master WHERE lower(name) = lower(:name) AND type IN ('table', 'view')"
_DUCKDB = "SELECT table_name FROM information_schema.tables WHERE table_catalog = current_database() AND lower(table_schema) = :schema AND lower(table_name) = :name"
_DUCKDB_SCHEMA = (
    "SELECT schema_name FROM information_schema.schemata WHERE catalog_name = current_database() AND lower(schema_name) = :schema"
)


def resolved(connection: sa.Connection, target: Target) -> Target:
    """The table as the database knows it, with the key that all its spellings share; the same whether the table is there yet or not."""
    known: dict[str, Callable[[sa.Connection, Target], Target]] = {
        "postgresql": _on_postgres,
        **dict.fromkeys(MYSQL, _on_mysql),
        "sqlite": _on_sqlite,
        "duckdb": _on_duckdb,
    }
    return known.get(connection.dialect.name, _elsewhere)(connection, target)


def _on_postgres(connection: sa.Connection, target: Target) -> Target:
    """Where ``search_path`` leads; a name in ``public``, which nearly all are, has the key without it."""
    bound = {"schema": target.schema, "name": target.name, "quoted": target.quoted(connection.dialect)}
    schema, name = connection.execute(sa.text(_POSTGRES), bound).one()
    return Target(name=name, schema=schema, known_as=name if schema == "public" else f"{schema}.{name}")


def _on_mysql(connection: sa.Connection, target: Target) -> Target:
    """The connection's own database is left out: the ledger lies in it too."""
    name, schema, current = connection.execute(sa.text(_MYSQL), {"name": target.name, "schema": target.schema}).one()
    return replace(target, known_as=name if schema in {None, current} else f"{schema}.{name}")


def _on_sqlite(connection: sa.Connection, target: Target) -> Target:
    """Names are of any case, of the letters of ASCII; without a schema they are in ``main``."""
    if target.schema and _lower(target.schema) != "main":
        return replace(target, known_as=_lower(str(target)))
    name = connection.execute(sa.text(_SQLITE), {"name": target.name}).scalar() or target.name
    return Target(name=name, known_as=_lower(name))


def _on_duckdb(connection: sa.Connection, target: Target) -> Target:
    """The same; and what stands in front may be the file's name, which means ``main`` of it."""
    schema = _lower(target.schema or "main")
    found = connection.execute(sa.text(_DUCKDB_SCHEMA), {"schema": schema}).scalar()
    if found is None and schema == _lower(connection.execute(sa.text("SELECT current_database()")).scalar_one()):
        schema = found = "main"
    name = connection.execute(sa.text(_DUCKDB), {"schema": schema, "name": _lower(target.name)}).scalar() or target.name
    if schema == "main":
        return Target(name=name, known_as=_lower(name))
    return Target(name=name, schema=found or target.schema, known_as=f"{schema}.{_lower(name)}")


def _elsewhere(connection: sa.Connection, target: Target) -> Target:
    default = sa.inspect(connection).default_schema_name
    return replace(target, known_as=target.name if target.schema in {None, default} else str(target))


def _lower(name: str) -> str:
    """As SQLite and DuckDB compare names: only the letters of ASCII have cases."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)
