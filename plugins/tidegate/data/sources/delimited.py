"""CSV as databases write it, parsed by Arrow into types that are known beforehand; NULL is nothing, and the empty text stands in quotes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pc

from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.data.sources.columns import Columns

CHUNK_BYTES = 4 << 20
"""How much is parsed at once, about."""
_WHERE = re.compile(r"In CSV column #(\d+): (?:Row #(\d+): )?")


class Parser:
    """Turns text of whole rows into batches of one schema."""

    def __init__(self, columns: Columns, *, null: str = "", framed: bool = False) -> None:
        """Take what is known of the columns.

        :param null: what stands for NULL.
        :param framed: a field that means nothing stands before those of each row, and another behind them.
        """
        self._columns = columns
        self._framed = framed
        self._null = null
        self._rows = 0
        self._numbered = [str(number) for number in range(len(columns.known))]  # two columns of one name are somebody else's to refuse
        self._names = ["first", *self._numbered, "last"] if framed else self._numbered
        self._types = {number: column.text for number, column in zip(self._numbered, columns.known, strict=True)}
        self._parsing = pc.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)

    def parse(self, text: bytes) -> pa.RecordBatch:
        """The next rows.

        :param text: whole rows, each with its end of line.
        :raises DataRefused: a value does not fit the type of its column exactly; rows are counted from the first text on.
        """
        table, types = None, dict(self._types)
        while table is None:
            try:
                table = self._read(text, types)
            except pa.ArrowInvalid as error:
                if (number := self._to_look_at(str(error), types)) is None:
                    raise self._refused(str(error), text) from error
                types[number] = pa.string()  # to be looked at value by value
        arrays = [
            self._columns.finished(column, _whole(table.column(number)), first_row=self._rows + 1)
            for number, column in enumerate(self._columns.known)
        ]
        self._rows += table.num_rows
        return pa.record_batch(arrays, schema=self._columns.schema)

    def _read(self, text: bytes, types: Mapping[str, pa.DataType]) -> pa.Table:
        return pc.read_csv(
            pa.BufferReader(text),
            read_options=pc.ReadOptions(column_names=self._names, use_threads=False, block_size=len(text) + 1),
            parse_options=self._parsing,
            convert_options=pc.ConvertOptions(
                column_types=types,
                include_columns=self._numbered,
                null_values=[self._null],
                true_values=["t", "1"],
                false_values=["f", "0"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )

    def _to_look_at(self, said: str, types: Mapping[str, pa.DataType]) -> str | None:
        """The column of declared type that has a value which does not fit; None where nothing can be set aside."""
        if self._columns.misfits is None or (found := _WHERE.match(said)) is None:
            return None
        number = int(found[1]) - self._framed
        return str(number) if self._columns.known[number].name in self._columns.declared and types[str(number)] != pa.string() else None

    def _refused(self, said: str, text: bytes) -> TidegateError:
        if (found := _WHERE.match(said)) is None or found[2] is None:
            return TidegateError(f"{self._columns.where} sent what cannot be read: {said}.", hint="Please report it, with the query.")
        number, row = int(found[1]) - self._framed, int(found[2])
        value = self._read(text, dict.fromkeys(self._numbered, pa.binary())).column(str(number))[row - 1].as_py()
        return self._columns.refused(number, value.decode("utf-8", "backslashreplace"), row=self._rows + row)


def _whole(parsed: pa.ChunkedArray) -> pa.Array:
    return parsed.chunk(0) if parsed.num_chunks == 1 else parsed.combine_chunks()  # which would copy
