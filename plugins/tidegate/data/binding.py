"""``:names`` in a query, and what an interval's bounds are in each database's own words.

SQLAlchemy's ``text()`` takes every ``:name`` for a parameter, also one inside a string or a comment. Here the statement is first cut into
code and the rest, so ``'at :noon'`` and ``x::date`` stay what they are.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from tidegate.data.instants import aware
from tidegate.data.kinds import nearest
from tidegate.errors import QueryRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPAQUE = re.compile(
    r"""
      (?<!\w)[eE]'(?:[^'\\]|''|\\.)*'            # PostgreSQL's string with backslashes
    | '(?:[^']|'')*'                             # a string
    | "(?:[^"]|"")*" | `(?:[^`]|``)*`            # a quoted name
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$            # PostgreSQL's dollar quotes
    | --[^\n]* | /\*.*?\*/                       # comments
    """,
    re.VERBOSE | re.DOTALL,
)
_OPAQUE_MYSQL = re.compile(
    r"""
      '(?:[^'\\]|''|\\.)*' | "(?:[^"\\]|""|\\.)*" | `(?:[^`]|``)*`
    | \#[^\n]* | --(?=\s|\Z)[^\n]* | /\*.*?\*/   # 5--3 is 8
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_COMMENT_MYSQL = re.compile(r"#[^\n]*|--(?=\s|\Z)[^\n]*|/\*(?!M?!).*?\*/", re.DOTALL)  # what stands in /*! */ is run
_BIND = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
"""The same rule as SQLAlchemy's ``text()``."""


_BOUNDS = ("interval_start", "interval_end")


def statement(sql: str, values: Mapping[str, Any], *, source_name: str, correlation_id: str, dialect: str) -> sa.TextClause:
    """The query, ready to execute: a comment with the correlation id before it, and the values that it names bound to it.

    :raises QueryRefused: it names a value that is not given.
    """
    escaped, used = [], []
    cursor, single = 0, statements(sql, dialect=dialect)
    sql = single[0] if len(single) == 1 else sql.strip()
    for opaque in _lexed(dialect)[0].finditer(sql):
        escaped += [sql[cursor : opaque.start()], _escaped(opaque[0])]
        used += _BIND.findall(sql[cursor : opaque.start()])
        cursor = opaque.end()
    escaped.append(sql[cursor:])
    used += _BIND.findall(sql[cursor:])
    for name in used:
        if name not in values:
            hint = f"{nearest(name, values)}It may use {', '.join(f':{known}' for known in values)}; write \\: for a colon that is none."
            raise QueryRefused(f"{source_name} uses :{name}, which is not given.", hint=hint)
    comment = _escaped(f"/* tidegate {comment_safe(correlation_id)} */") if correlation_id else ""
    return sa.text(f"{comment} {''.join(escaped)}".strip()).bindparams(**{name: values[name] for name in dict.fromkeys(used)})


def statements(sql: str, *, dialect: str) -> list[str]:
    """The statements of a text, cut at each ``;`` that stands in no string, name or comment; what holds nothing but comments is none."""
    opaque, comment = _lexed(dialect)
    found, cursor, start = [], 0, 0
    for span in [*((match.start(), match.end()) for match in opaque.finditer(sql)), (len(sql), len(sql))]:
        while (cut := sql.find(";", cursor, span[0])) >= 0:
            found.append(sql[start:cut])
            cursor = start = cut + 1
        cursor = span[1]
    return [text.strip() for text in [*found, sql[start:]] if comment.sub("", text).strip()]


def _lexed(dialect: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What holds no names to bind, and what is a comment."""
    return (_OPAQUE_MYSQL, _COMMENT_MYSQL) if dialect in {"mysql", "mariadb"} else (_OPAQUE, _COMMENT)


def uncommented(sql: str, *, dialect: str) -> str:
    """A statement without its comments."""
    opaque, comment = _lexed(dialect)
    return opaque.sub(lambda found: " " if comment.fullmatch(found[0]) else found[0], sql).strip()


def comment_safe(text: str) -> str:
    """The text with nothing that could end an SQL comment or start something in it."""
    return re.sub(r"[^\w.:+-]", "_", text)


def _escaped(opaque: str) -> str:
    return _BIND.sub(r"\\:\1", opaque)


def given(
    interval: Mapping[str, datetime], branch: str, params: Mapping[str, Any] | None, *, dialect: str, timezone: str, source_name: str
) -> dict[str, Any]:
    """All that a query may name, as its database compares it best.

    Each bound of the interval comes twice: in the clock's reading, and as ``…_utc`` for columns of MySQL's ``TIMESTAMP``, which hold moments.

    :param interval: the names of its bounds, and the moments; nothing for none.
    :param params: more names and their values.
    :raises QueryRefused: one of them has a name that is taken.
    """
    names = {name: moment for name, moment in interval.items() if name in _BOUNDS}
    values = {name: _limit(aware(moment), dialect=dialect, timezone=timezone) for name, moment in interval.items()}
    values |= {f"{name}_utc": _limit(aware(moment), dialect=dialect, timezone="UTC") for name, moment in names.items()}
    values["branch"] = branch
    if clash := sorted(values.keys() & (params or {}).keys()):
        raise QueryRefused(f"{source_name} is given a {clash[0]} of its own, which is always bound.", hint="Name it otherwise.")
    return values | {name: bound(value, dialect=dialect, timezone=timezone) for name, value in (params or {}).items()}


def _limit(moment: datetime, *, dialect: str, timezone: str) -> Any:
    """A bound of an interval. For SQLite, which compares texts, midnight is the day alone: neither ``2026-01-01`` nor ``2026-01-01 00:00:00`` is less."""
    value = bound(moment, dialect=dialect, timezone=timezone)
    return value.removesuffix(" 00:00:00") if dialect == "sqlite" else value


def bound(value: Any, *, dialect: str, timezone: str) -> Any:
    """A value as the database compares it best.

    PostgreSQL and DuckDB get moments as they are. Others get the clock's reading in ``timezone``; SQLite as text, with microseconds only when there
    are any, so that comparing it with stored text is right at exactly midnight. SQLite also takes decimals as text.
    """
    if isinstance(value, datetime):
        if dialect in {"postgresql", "duckdb"}:
            return value
        clock = value if value.tzinfo is None else aware(value).astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
        return clock.isoformat(sep=" ") if dialect == "sqlite" else clock
    if dialect == "sqlite" and isinstance(value, date | time):
        return value.isoformat()
    return str(value) if dialect == "sqlite" and isinstance(value, Decimal) else value
