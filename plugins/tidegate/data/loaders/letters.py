"""Texts and bytes that a column would cut, pad, complete or read as something else: what it keeps as it is, by its type."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from tidegate.data.fits import declared
from tidegate.data.tables import MYSQL
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    Found = Callable[[pa.Array], pa.Array]
    """Which of the values would become others."""
    Asked = tuple[Found, str, str]
    """That, what the column does, and what to do."""

_SHOWN = 60
"""Characters of a value that a message repeats."""
_DIGITS = 6
_TEXT_BYTES: dict[type[Any], int] = {mysql.TINYTEXT: 2**8 - 1, mysql.TEXT: 2**16 - 1, mysql.MEDIUMTEXT: 2**24 - 1}
_ZONE = r"(Z|[+-]\d{2}(:?\d{2}(:?\d{2})?)?)"
_NUMBER = r"^[ \t\n\v\f\r]*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?[ \t\n\v\f\r]*$"
_WRITE = "Write it so in the transform, or alter the column."


def altered(kind: pa.DataType, column: Any, dialect: str) -> Callable[[str, pa.Array], None] | None:
    """What to ask of texts or bytes for such a column; None where it keeps all of them, or refuses by itself."""
    asked = _bytes(column, dialect) if pat.is_binary(kind) else _texts(column, dialect)
    return partial(_refuse, declared(column), asked) if asked is not None else None


def _refuse(column: str, asked: Asked, where: str, values: pa.Array) -> None:
    found, keeps, hint = asked
    bad = pc.and_(found(values).fill_null(False), pc.is_valid(values))
    if not pc.any(bad).as_py():
        return
    value = values.filter(bad)[0].as_py()
    shown = repr(value[:_SHOWN]) + ("…" if len(value) > _SHOWN else "")
    raise LoadRefused(f"{where} is {column}, which {keeps}, and would change {shown}.", hint=hint)


def _bytes(column: Any, dialect: str) -> Asked | None:
    if dialect not in MYSQL or not isinstance(column, sa.BINARY):
        return None
    size = column.length or 1
    return lambda values: pc.not_equal(pc.binary_length(values), size), f"pads to {size} bytes", "Make the column VARBINARY."


def _texts(column: Any, dialect: str) -> Asked | None:
    if dialect == "sqlite":
        return _on_sqlite(column)
    if dialect in MYSQL:
        return _on_mysql(column)
    if dialect == "postgresql" and isinstance(column, sa.CHAR):
        size = column.length
        pads = f"pads to {size} characters"
        return (lambda values: pc.not_equal(pc.utf8_length(values), size), pads, "Make the column VARCHAR or TEXT.") if size else None
    if dialect == "postgresql" and isinstance(column, sa.VARCHAR):
        return _cutting(column.length) if column.length else None
    return _spelt(column) if dialect in {"postgresql", "duckdb"} else None


def _on_sqlite(column: Any) -> Asked | None:
    """Any column that is declared, but not as one of texts or bytes, makes a number of what reads as one."""
    if isinstance(column, sa.String | sa.LargeBinary | sa.types.NullType):
        return None
    return _like(_NUMBER), "makes a number of a text that reads as one", "Make the column TEXT."


def _on_mysql(column: Any) -> Asked | None:
    if isinstance(column, mysql.ENUM):
        words = pa.array(column.enums, pa.string())
        return lambda values: pc.invert(pc.is_in(values, words)), "has these words alone, in these letters", _WRITE
    if isinstance(column, mysql.SET):
        return partial(_no_set, list(column.values)), "has these words alone, each once and in this order", _WRITE
    if isinstance(column, sa.CHAR | sa.NCHAR):
        return lambda values: pc.ends_with(values, " "), "loses blanks at the end", "Make the column VARCHAR, or trim the text."
    if isinstance(column, mysql.TIME):
        return _unlike(rf"^-?\d{{1,3}}:[0-5]\d:[0-5]\d(\.\d{{0,{column.fsp or 0}}}0*)?$"), _clock(column.fsp or 0), _WRITE
    if isinstance(column, sa.VARCHAR | sa.NVARCHAR) and column.length:
        return _cutting(column.length)
    most = _TEXT_BYTES.get(type(column))
    return _cutting(most, pc.binary_length) if most else None


def _spelt(column: Any) -> Asked | None:
    """Times and spans of it, which PostgreSQL and DuckDB read from text."""
    name, digits = declared(column), getattr(column, "precision", None)
    digits = _DIGITS if digits is None else digits
    fraction = rf"\.\d{{0,{digits}}}0*"
    if name.startswith("TIME") and not name.startswith("TIMESTAMP"):
        zone = _ZONE if getattr(column, "timezone", False) or "WITH TIME ZONE" in name.replace("WITHOUT", "") else ""
        return _unlike(rf"^([01]?\d|2[0-4]):[0-5]\d(:[0-5]\d({fraction})?)?{zone}$"), _clock(digits, zone=bool(zone)), _WRITE
    if name.startswith("INTERVAL"):
        keeps = f"keeps {digits} digits of a second, and fractions of nothing else"
        return _unlike(rf"^([^.,eE]|[eE][^-+\d]|[eE]$)*({fraction}( ?[sS][^.,]*)?)?$"), keeps, _WRITE
    if isinstance(column, postgresql.DATERANGE | postgresql.DATEMULTIRANGE):
        return _like(":"), "keeps whole days", _WRITE
    if isinstance(column, postgresql.TSRANGE | postgresql.TSTZRANGE | postgresql.TSMULTIRANGE | postgresql.TSTZMULTIRANGE):
        return _like(r"\.\d{6}0*[1-9]"), f"keeps {_DIGITS} digits of a second", _WRITE
    return None


def _clock(digits: int, *, zone: bool = False) -> str:
    shown = "12:34:56" + ("." + "7" * digits if digits else "") + ("+00:00" if zone else "")
    return f"keeps the time of a day such as {shown}"


def _cutting(most: int, length: Found = pc.utf8_length) -> Asked:
    """A text that is too long is refused by the database, unless it ends in blanks."""

    def found(values: pa.Array) -> pa.Array:
        return pc.and_(pc.ends_with(values, " "), pc.greater(length(values), most))

    return found, "cuts off blanks at its end", "Trim the text in the transform, or make the column longer."


def _no_set(words: list[str], values: pa.Array) -> pa.Array:
    def right(text: str) -> bool:
        chosen = text.split(",") if text else []
        return chosen == [word for word in words if word in chosen]

    wrong = [text for text in pc.unique(values).to_pylist() if text is not None and not right(text)]
    return pc.is_in(values, pa.array(wrong, pa.string()))


def _like(pattern: str) -> Found:
    return lambda values: pc.match_substring_regex(values, pattern)


def _unlike(pattern: str) -> Found:
    return lambda values: pc.invert(pc.match_substring_regex(values, pattern))
