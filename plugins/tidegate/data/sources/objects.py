"""Rows that come as objects of JSON: read without a float, and made into batches of one schema.

Whole numbers are ints, other numbers decimals, so that not a digit of a price is lost; objects and lists within are text. A key that an object lacks
is NULL, but a column that ``accept`` names must be there at least once.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tidegate.data.exact import akin, column, inferred
from tidegate.data.kinds import declaring, word
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tidegate.data.contract import Contract


def loaded(text: str) -> Any:
    """What a text of JSON means.

    :raises ValueError: it is none, has NaN or an infinity, which JSON does not know, or an object has a key twice.
    """
    kinds: dict[str, Any] = {"parse_float": Decimal, "parse_constant": _no_number, "object_pairs_hook": _object}
    try:
        return json.loads(text, **kinds)
    except ValueError as error:
        if "integer string conversion" not in str(error):
            raise
    return json.loads(text, parse_int=_whole, **kinds)  # slower, and for numbers that no int takes


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) <= sys.int_info.default_max_str_digits else Decimal(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'an object has the key "{twice}" twice')
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def called(value: Any) -> str:
    """What a value of JSON is, in words."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, dict):
        return "an object"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else "a number"


def each(rows: Any, where: str) -> Iterator[dict[str, Any]]:
    """The objects of a list.

    :raises DataRefused: something else stands in it.
    """
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise DataRefused(
                f"{where} holds {called(row)} where an object should be, in row {number}.", hint="Each row must be one object."
            )
        yield {name: _within(value) if isinstance(value, dict | list) else value for name, value in row.items()}


def _within(value: Any) -> Any:
    """What stands within an object or a list, as JSON writes it: a number as a number, and as text where a float would lose digits of it."""
    if isinstance(value, dict):
        return {name: _within(each) for name, each in value.items()}
    if isinstance(value, list):
        return list(map(_within, value))
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    return value


class Objects:
    """Makes batches of objects, all of the schema that the first of them has."""

    def __init__(self, contract: Contract, *, zone: str) -> None:
        """:param zone: of the clock that times without one show."""
        self.schema: pa.Schema | None = None
        """Of the batches; it may be given by others, before the first."""
        self._contract = contract
        self._zone = zone
        self._seen: set[str] = set()
        self._rows = 0

    def batch(self, part: Sequence[dict[str, Any]], *, where: str, first_row: int, before: str) -> pa.RecordBatch:
        """The next objects.

        :param first_row: the number of the first of them, for messages.
        :param before: those that made the schema, in words, such as ``the first page``.
        :raises DataRefused: a value is not of its column's type, or an object has a key that the others had not.
        """
        contract = self._contract
        keys = dict.fromkeys(name for row in part for name in row)
        if contract.accept.drift == "ignore_extra":
            keys = {name: None for name in keys if name in contract.accept.columns}
        self._seen.update(keys)
        self._rows += len(part)
        names = self.schema.names if self.schema is not None else list(dict.fromkeys([*keys, *contract.accept.columns]))
        declared = contract.types(names)
        if extra := sorted(keys.keys() - set(names)):
            hint = "Name all keys under accept: columns; with accept: drift: ignore_extra those that it does not name are left out."
            raise DataRefused(f"{where} has objects with a key that {before} had not: {', '.join(extra)}.", hint=hint)
        values = {name: [row.get(name) for row in part] for name in names}
        if self.schema is None:
            kinds = {name: declared.get(name) or inferred(values[name], name=name, where=where) for name in names}
            self.schema = pa.schema(list(kinds.items()))
        for field in self.schema:
            self._check(field, values[field.name], declared, where=where, before=before)
        arrays = [
            column(
                values[field.name], field.type, name=field.name, where=where, first_row=first_row, declared=field.name in declared, zone=self._zone,
                misfits=contract.misfits,
            )
            for field in self.schema
        ]  # fmt: skip
        return pa.record_batch(arrays, schema=self.schema)

    def _check(self, field: pa.Field, values: Sequence[Any], declared: Collection[str], *, where: str, before: str) -> None:
        """Of a column whose type nobody declared take what is of one kind with those before: a number is no text, and 1 is not yes."""
        if field.name in declared or all(value is None for value in values):
            return
        kind = inferred(values, name=field.name, where=where)
        if not akin(kind, field.type, self._zone):
            message = f'{where} has column "{field.name}" as {word(kind)}, and {before} had it as {word(field.type)}.'
            raise DataRefused(message, hint=f"Declare a type that holds both: {declaring(field.name, 'text')}.")

    def settle(self) -> None:
        """Look at the whole, when all objects have come.

        :raises DataRefused: a column that ``accept`` asks for was in none of them.
        """
        if self._rows:
            self._contract.types(sorted(self._seen))

    def nothing(self) -> pa.RecordBatch:
        """A batch without a row, of the columns that are known."""
        names = list(self._contract.accept.columns)
        return pa.RecordBatch.from_pylist([], schema=self.schema or pa.schema(list(self._contract.types(names).items())))
