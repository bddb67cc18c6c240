"""What the ledger has of other loads into a table, as far as it matters to one load: who is about the same time, and who has rows under the same keys.

A ledger grows for years, and some of its rows know thousands of keys. They are found by ``tidegate_key``, which has a hash for each, so that a load reads
what it may clash with and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tidegate.data.ledger import key_hash, keys_table, load_hash, load_row, loads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from tidegate.data.ledger import LoadRow

_AT_ONCE = 500


class Others:
    """The loads into a table other than those of one interval of one pipeline."""

    def __init__(self, connection: sa.Connection, *, pipeline: str, start: str, end: str, target: str) -> None:
        self.connection = connection
        self._pipeline, self._start, self._end, self._target = pipeline, start, end, target

    def meeting(self) -> list[LoadRow]:
        """Those of the same pipeline about a part of the same time."""
        meets = loads.c.interval_start < self._end, loads.c.interval_end > self._start
        return list(self._rows(sa.select(loads), loads.c.pipeline == self._pipeline, *meets))

    def sharing(self, partitions: Iterable[str], *, known: Collection[LoadRow]) -> list[LoadRow]:
        """Those that have one of these keys, of any pipeline and time; without those that are known."""
        hashes = sorted({key_hash(self._target, partition) for partition in partitions})
        query, found = sa.select(keys_table.c.load_hash).distinct(), set[int]()
        for begin in range(0, len(hashes), _AT_ONCE):
            found.update(self.connection.scalars(query.where(keys_table.c.key_hash.in_(hashes[begin : begin + _AT_ONCE]))))
        found -= {load_hash(row) for row in known}
        if not found:
            return []
        names = [column for column in loads.primary_key if column.name != "target"]
        whose = [row for row in self._rows(_without_keys()) if load_hash(row) in found]
        return [row for one in whose for row in self._rows(sa.select(loads), *(column == getattr(one, column.name) for column in names))]

    def later(self) -> Iterator[LoadRow]:
        """Those of the same pipeline that begin later; without their keys."""
        return self._rows(_without_keys(), loads.c.pipeline == self._pipeline, loads.c.interval_start > self._start)

    def read_since(self, fence: str) -> Iterator[LoadRow]:
        """Those of the same pipeline that begin earlier and have rows of a later reading; without their keys."""
        since = loads.c.interval_start < self._start, loads.c.fence > fence, loads.c.rows > 0
        return self._rows(_without_keys(), loads.c.pipeline == self._pipeline, *since)

    def all(self) -> list[LoadRow]:
        """All, without their keys."""
        return list(self._rows(_without_keys()))

    def _rows(self, query: sa.Select[Any], *conditions: sa.ColumnElement[bool]) -> Iterator[LoadRow]:
        same = loads.c.pipeline == self._pipeline, loads.c.interval_start == self._start, loads.c.interval_end == self._end
        found = query.where(loads.c.target == self._target, sa.not_(sa.and_(*same)), *conditions).order_by(loads.c.interval_start)
        return (load_row(row) for row in self.connection.execute(found))


def _without_keys() -> sa.Select[Any]:
    """The ledger's rows, of which none of what may be long is read."""
    return sa.select(*(column for column in loads.c if column.name != "partitions"), sa.literal("[]").label("partitions"))
