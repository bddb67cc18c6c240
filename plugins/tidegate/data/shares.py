"""The rows of several branches dealt out to several tasks by some columns.

There is a share for each value of the columns, or so many by a hash: a row is in share *k* of *n* when the hash over its values is *k* modulo *n*. The hash
is the first 60 bits of MD5 over a text, so it is the same on every machine, in every version and in any other language::

    values → "-" for NULL, else its text with its length in bytes before it: 4:1042 · joined by commas → md5 → int(hexdigest[:15], 16) % n

Equal values have equal texts, whatever their type: an int, a decimal and a text of 42 are in one share. Dates are ``2026-01-31``, a clock's readings
``2026-01-31T02:00:00.000000``, moments the same in UTC with a ``Z`` behind.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import replace as with_field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pat

from tidegate.data.kinds import nearest, one_to_duckdb, word
from tidegate.data.manifest import Share, share_from
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tidegate.data.manifest import Manifest
    from tidegate.data.parts import Part


def share_of(inputs: Sequence[Manifest], by: Sequence[str], *, number: int, of: int) -> Share:
    """One of the shares into which the rows of these inputs are dealt out by a hash."""
    return Share(number=number, of=of, by=tuple(by), whole=f"{digest(inputs, by)}-{of}", name=f"part {number + 1} of {of}")


def shares_by_value(inputs: Sequence[Manifest], by: Sequence[str], parts: Sequence[Part], *, most: int) -> list[Share]:
    """A share for each value of these columns, in the order of their texts; where there are no rows, one of none.

    :param parts: The inputs' rows.
    :param most: How many there may be.
    :raises DataRefused: there are more; or as for :func:`condition`.
    """
    import duckdb

    found: set[str] = set()
    wanted = f"SELECT DISTINCT {_key(by, parts[0].schema)} FROM keys" if parts else ""  # noqa: S608 -- quoted there
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        for batch in (batch for part in parts for batch in part.batches(columns=by)):
            connection.register("keys", pa.Table.from_batches([batch]))
            found.update(key for (key,) in connection.execute(wanted).fetchall())
            if len(found) > most:
                message = f"There are more than {most:,} values of {', '.join(by)} among the rows, and Airflow maps over so many at most."
                raise DataRefused(message, hint="Deal the rows out by a hash: into: 16. Or raise core.max_map_length.")
    values = sorted(found) or [",".join("-" for _ in by)]
    how = f"{digest(inputs, by)}-{hashlib.sha256(json.dumps(values).encode()).hexdigest()[:8]}"
    named = (", ".join(f"{name}={value}" for name, value in zip(by, _told(key), strict=True)) for key in values)
    return [
        Share(
            number=number,
            of=len(values),
            by=tuple(by),
            whole=how,
            name=name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…",
            value=key,
        )
        for number, (key, name) in enumerate(zip(values, named, strict=True))
    ]


_LONGEST_NAME = 80


def dealt_of(share: Mapping[str, Any], inputs: Sequence[Manifest]) -> list[Manifest]:
    """Of inputs those among which the value of a share was found: all, or those of the interval itself.

    :param share: As it travels through XCom.
    :raises DataRefused: neither. A value that only they have would be in no share.
    """
    fresh = [part.instead or part for part in inputs if part.fresh]
    known = share_from(share)
    for found in (list(inputs), fresh):
        if known.inputs == digest(found, known.by):
            return found
    message = f"The values of {', '.join(known.by)} were found among other rows than those that there are now."
    raise DataRefused(message, hint="Clear the task that finds them, and all behind it.")


def rebased(share: Mapping[str, Any], inputs: Sequence[Manifest]) -> Share:
    """A share by value, of some of the rows that its value was found among."""
    known = share_from(share)
    return with_field(known, whole=f"{digest(inputs, known.by)}-{known.whole.partition('-')[2]}")


def digest(inputs: Sequence[Manifest], by: Sequence[str]) -> str:
    """Short hash of what is dealt out, and by which columns."""
    made_of = sorted((manifest.step, manifest.branch, manifest.attempt) for manifest in inputs)
    return hashlib.sha256(json.dumps([made_of, list(by)]).encode()).hexdigest()[:16]


# -- Which rows ------------------------------------------------------------------------------------------------------


def condition(share: Share, schema: pa.Schema) -> str:
    """Whether a row is in a share, as DuckDB's SQL over columns of this schema.

    :raises DataRefused: there is no such column, or its values cannot be compared surely.
    """
    key = _key(share.by, schema)
    if share.value is not None:
        return f"encode({key}) = unhex('{share.value.encode().hex()}')"
    return f"CAST('0x' || substr(md5({key}), 1, 15) AS BIGINT) % {share.of} = {share.number}"


def _key(by: Sequence[str], schema: pa.Schema) -> str:
    """The values of some columns as one text: equal values, equal text."""
    if pair := one_to_duckdb(by):
        message = f'by names the columns "{pair[0]}" and "{pair[1]}", and DuckDB takes them for one, whatever the case of letters.'
        raise DataRefused(message, hint="Name them apart with AS in the query that brings them.")
    texts = ", ',', ".join(f"coalesce(strlen({text}) || ':' || {text}, '-')" for text in (_text(name, schema) for name in by))
    return f"concat({texts})"


def _told(key: str) -> Iterator[str]:
    """The values in such a text, for people."""
    rest = key.encode()
    while rest:
        length, _, behind = rest.partition(b":")
        if rest.startswith(b"-"):
            value, rest = b"NULL", rest[2:]
        else:
            value, rest = behind[: int(length)], behind[int(length) + 1 :]
        yield " ".join(value.decode().split())


def _text(name: str, schema: pa.Schema) -> str:
    """A column's values as text: equal values, equal text."""
    if name not in schema.names:
        hint = f"{nearest(name, schema.names)}Select it in the extract, or name another column under by."
        raise DataRefused(f'The rows have no column "{name}", which by names; they have {", ".join(schema.names)}.', hint=hint)
    kind, column = schema.field(name).type, '"' + name.replace('"', '""') + '"'
    if pat.is_floating(kind) or pat.is_binary(kind):
        hint = "Choose a column of text, int, date or decimal, or CAST it in the extract."
        raise DataRefused(f'by names the column "{name}", and values of type {word(kind)} cannot be compared surely.', hint=hint)
    text = f"CAST({column} AS VARCHAR)"
    if pat.is_decimal(kind) and kind.scale:
        text = f"rtrim(rtrim({text}, '0'), '.')"
        return text if kind.precision > kind.scale else f"regexp_replace({text}, '^(-?)(\\.|$)', '\\10\\2')"  # .50 is 0.5
    if pat.is_timestamp(kind):
        return f"strftime(make_timestamp(epoch_us({column})), '%Y-%m-%dT%H:%M:%S.%f{'Z' if kind.tz else ''}')"
    return text


@contextmanager
def chosen(share: Share | None, schema: pa.Schema) -> Iterator[Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]]:
    """What picks a share's rows of batches of this schema; all rows where there is no share."""
    if share is None:
        yield iter
        return
    import duckdb

    wanted = f"SELECT {condition(share, schema)} AS mine FROM keys"  # noqa: S608 -- quoted there

    def pick(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            connection.register("keys", pa.Table.from_batches([batch]).select(list(dict.fromkeys(share.by))))
            mine: pa.Table = connection.sql(wanted).to_arrow_table()
            yield batch.filter(mine.column("mine").combine_chunks())

    with duckdb.connect(":memory:", config={"threads": 1, "preserve_insertion_order": True}) as connection:
        yield pick
