"""What rows must be like to be accepted, held against them batch by batch while they are staged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from tidegate.data.exact import Misfit, recast
from tidegate.data.instants import aware
from tidegate.data.kinds import arrow_type, nearest, word
from tidegate.data.rules import Rule, rules
from tidegate.errors import DataRefused
from tidegate.model.accept import Accept, AcceptResult
from tidegate.model.spans import human
from tidegate.resilience.amounts import counted, too_few_or_many, too_many_set_aside
from tidegate.resilience.completeness import some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tidegate.data.keys import Keys

__all__ = ["Accept", "AcceptResult", "Contract", "Sorted"]

WHY = "tidegate_why"
"""The column of rows that were set aside that says which rules they break."""

UNFIT = "tidegate_unfit"
"""The column of such rows that has, as JSON, the values that their columns cannot hold."""


@dataclass(slots=True)
class Broken:
    """How often a rule was broken."""

    rows: int = 0
    first: int = 0
    """Number of the first such row, counting from 1."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """One batch, told apart."""

    good: pa.RecordBatch
    aside: pa.RecordBatch | None = None
    """Rows that break a rule, with :data:`WHY` and :data:`UNFIT` behind their columns; None where there are none."""


class Contract:
    """What one attempt's rows are held against, in one pass: keeps counts and keys, and no rows."""

    def __init__(
        self, accept: AcceptResult | None = None, *, where: str, interval_end: datetime, timezone: str = "UTC", usual: int | None = None
    ) -> None:
        """:param accept: None where anything is accepted.

        :param where: begins each message, such as ``sales_emea, sql/sales.sql,``.
        :param timezone: of the clock that columns without a time zone show.
        :param usual: the branch's usual rows; None where nobody knows.
        """
        self.accept = accept or AcceptResult()
        self.where = where
        self.rows = 0
        """That arrived so far."""
        self.set_aside = 0
        self.misfits: list[Misfit] | None = None if self.accept.quarantine is None else []
        """Takes the values of the next batch that their declared types cannot hold; None where they are to be refused."""
        self.broken: dict[str, Broken] = {}
        """Rule in words → how often it was broken; in the order in which that was seen."""
        self._end = aware(interval_end)
        self._zone = timezone
        self._usual = usual
        self._schema = pa.schema([])
        self._rules: list[Rule] = []
        self._keys: list[Keys] = []
        self._newest: Any = None

    def beside(self, where: str) -> Contract:
        """The same for one who reads a part of the rows in another thread: it is asked for :meth:`types`, and takes :attr:`misfits` of its own."""
        return Contract(self.accept, where=where, interval_end=self._end, timezone=self._zone)

    def types(self, names: Sequence[str]) -> dict[str, pa.DataType]:
        """The declared Arrow types, once it is known which columns came.

        :raises DataRefused: a column that is asked for did not come, one came that is refused, or one has no name of its own.
        """
        for position, name in enumerate(names):
            if name in names[:position]:
                raise DataRefused(f'{self.where} has two columns named "{name}".', hint="Give each a name of its own, in a query by AS.")
            if not name.strip():
                raise DataRefused(
                    f"{self.where} has a column without a name, number {position + 1}.", hint="Give it one, in a query by AS."
                )
        accept = self.accept
        asked = dict.fromkeys(accept.columns, "columns")
        asked |= {name: "unique" for key in accept.unique for name in key if name not in asked}
        if accept.fresh is not None:
            asked.setdefault(accept.fresh.column, "fresh")
        missing = [name for name in asked if name not in names]
        if missing:
            name = missing[0]
            more = f" and neither {', '.join(missing[1:])}" if missing[1:] else ""
            message = f'{self.where} has no column "{name}"{more}, which accept: asks for; it has {", ".join(names)}.'
            raise DataRefused(message, hint=f"{nearest(name, names)}Let the source bring it, or take it out of accept: {asked[name]}.")
        extra = [name for name in names if name not in accept.columns]
        if accept.drift == "refuse" and extra:
            message = f"{self.where} has columns that accept: does not name: {', '.join(extra)}."
            raise DataRefused(message, hint="Name them under accept: columns, leave them out of what is read, or set drift: ignore_extra.")
        return {name: arrow_type(said.type) for name, said in accept.columns.items() if said.type is not None}

    def staged(self, schema: pa.Schema) -> pa.Schema:
        """The schema in which rows of this one are staged. From here on batches may come.

        :raises DataRefused: the columns are not what is asked for, or a rule does not go with the type of its column.
        """
        declared, accept = self.types(schema.names), self.accept
        names = [name for name in schema.names if accept.drift != "ignore_extra" or name in accept.columns]
        self._schema = pa.schema([(name, declared.get(name, schema.field(name).type)) for name in names])
        self._rules = rules(accept.columns, self._schema, zone=self._zone)
        if accept.fresh is not None:
            kind = self._schema.field(accept.fresh.column).type
            if not (pat.is_date(kind) or pat.is_timestamp(kind)):
                message = f'{self.where} has column "{accept.fresh.column}" as {word(kind)}, and accept: fresh looks for a date or a time.'
                raise DataRefused(message, hint="Declare its type under accept: columns, or look at another column.")
        keys = [*((name,) for name, said in accept.columns.items() if said.unique), *accept.unique]
        if keys:
            from tidegate.data.keys import Keys

            self._keys = [Keys(key) for key in dict.fromkeys(keys)]
        return self._schema

    def take(self, batch: pa.RecordBatch) -> Sorted:
        """Of the next rows those that arrive, and those that are set aside.

        :raises DataRefused: rows break a rule, and ``accept`` sets none aside; the message has every rule that they break.
        """
        batch = self._recast(batch)
        first_row = self.rows + self.set_aside + 1
        masks = self._masks(batch)
        for told, mask in masks.items():
            count = self.broken.setdefault(told, Broken(first=first_row + pc.index(mask, value=True).as_py()))
            count.rows += pc.sum(mask).as_py()
        if not masks:
            return self._arriving(batch)
        if self.accept.quarantine is None:
            raise self._refused(first_row + batch.num_rows - 1)
        broken = np.column_stack([np.asarray(mask) for mask in masks.values()])
        bad = broken.any(axis=1)
        aside = batch.filter(pa.array(bad)).append_column(WHY, _why(broken[bad], list(masks)))
        aside = aside.append_column(UNFIT, self._values(np.flatnonzero(bad) + first_row))
        self.set_aside += aside.num_rows
        return Sorted(self._arriving(batch.filter(pa.array(~bad))).good, aside)

    def settle(self) -> None:
        """Judge the whole, when all rows have come.

        :raises DataRefused: too few rows or too many, too many of them set aside, or none of them new enough.
        """
        accept, wrong = self.accept, []
        if isinstance(accept, Accept):
            bounds = accept.rows.model_dump() if accept.rows is not None else {}
            wrong = too_few_or_many(self.rows, min_rows=accept.min_rows, usual=self._usual, aside=self.set_aside, **bounds)
        if accept.quarantine is not None and accept.quarantine.at_most is not None:
            wrong += too_many_set_aside(self.set_aside, self.rows + self.set_aside, at_most=accept.quarantine.at_most)
        if self.rows and (stale := self._stale()):
            wrong.append(stale)
        if wrong:
            broken = f" ({self.told()})" if self.set_aside else ""
            message = f"{self.where} {'; it '.join(said for said, _ in wrong)}{broken}."
            raise DataRefused(message, hint=" ".join(dict.fromkeys(hint for _, hint in wrong)))

    def told(self) -> str:
        """The rules that were broken, with counts: of many the first, and how many there are besides. No values."""
        return some([f"{rule} in {counted(count.rows)}, first in row {count.first}" for rule, count in self.broken.items()], "; ")

    def close(self) -> None:
        """Let go of what lies in temporary files."""
        for keys in self._keys:
            keys.close()

    def _recast(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.schema.equals(self._schema):
            return batch
        first_row = self.rows + self.set_aside + 1
        arrays = [
            recast(
                batch.column(field.name),
                field.type,
                name=field.name,
                where=self.where,
                first_row=first_row,
                zone=self._zone,
                misfits=self.misfits,
            )
            for field in self._schema
        ]
        return pa.record_batch(arrays, schema=self._schema)

    def _masks(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """The rules that rows of the batch break → which rows."""
        found: dict[str, pa.Array] = {}
        unfit = self._unfit(batch)
        for name, mask in unfit.items():
            found[f'"{name}" is nothing that {word(self._schema.field(name).type)} can hold exactly'] = pa.array(mask)
        for rule in self._rules:
            mask = rule.broken(batch.column(rule.column))
            if rule.column in unfit:  # NULL stands where it has another value
                mask = pc.and_not(mask, pa.array(unfit[rule.column]))
            if mask.true_count:
                found[str(rule)] = mask
        if self._keys:
            self._repeats(batch, found)
        return found

    def _repeats(self, batch: pa.RecordBatch, found: dict[str, pa.Array]) -> None:
        """Add the rows that repeat a key. A row that is set aside for another reason claims none, so the one behind it may have it."""
        from tidegate.data.keys import repeated

        left = np.ones(batch.num_rows, bool)
        for mask in found.values():
            left &= ~np.asarray(mask)
        for keys, again in zip(self._keys, repeated(self._keys, batch, left), strict=True):
            if again.any():
                named = ", ".join(f'"{name}"' for name in keys.columns)
                found[f"{named} {'repeats' if len(keys.columns) == 1 else 'repeat'} an earlier row"] = pa.array(again)

    def _unfit(self, batch: pa.RecordBatch) -> dict[str, NDArray[np.bool_]]:
        """Column → the rows that have a value which its type cannot hold."""
        found: dict[str, NDArray[np.bool_]] = {}
        for misfit in self.misfits or ():
            found.setdefault(misfit.column, np.zeros(batch.num_rows, bool))[misfit.row - self.rows - self.set_aside - 1] = True
        return found

    def _values(self, rows: NDArray[np.int64]) -> pa.Array:
        """Of each row the values that their columns cannot hold, as JSON; NULL for one that has none. They are forgotten then."""
        found: dict[int, dict[str, str]] = {}
        misfits = self.misfits or []
        for misfit in misfits:
            found.setdefault(misfit.row, {})[misfit.column] = misfit.text
        misfits.clear()
        return pa.array([json.dumps(found[row], ensure_ascii=False) if row in found else None for row in rows.tolist()], pa.string())

    def _arriving(self, batch: pa.RecordBatch) -> Sorted:
        self.rows += batch.num_rows
        if self.accept.fresh is not None:
            newest = pc.max(batch.column(self.accept.fresh.column)).as_py()
            if newest is not None and (self._newest is None or newest > self._newest):
                self._newest = newest
        return Sorted(batch)

    def _refused(self, read: int) -> DataRefused:
        message = f"{self.where} has rows that accept: does not take: {self.told()} (of {counted(read)} read so far)."
        return DataRefused(message, hint="Correct the source, change the rules, or set such rows aside: quarantine: {at_most: 1%}.")

    def _stale(self) -> tuple[str, str] | None:
        """Why the newest row is not new enough."""
        fresh = self.accept.fresh
        if fresh is None:
            return None
        hint = "Check that the source is filled up to the interval's end, or give more time: accept: fresh: within."
        if self._newest is None:
            return f'has no value in column "{fresh.column}", by which accept: fresh judges', hint
        newest = self._newest if isinstance(self._newest, datetime) else datetime.combine(self._newest, time())
        moment = newest if newest.tzinfo else newest.replace(tzinfo=ZoneInfo(self._zone))
        if self._end - moment <= fresh.within:
            return None
        age = human(timedelta(seconds=(self._end - moment) // timedelta(seconds=1)))
        return (
            f'has nothing newer in column "{fresh.column}" than {age} before the interval ends, and accept: fresh takes {human(fresh.within)}',
            hint,
        )


def _why(broken: NDArray[np.bool_], rules: Sequence[str]) -> pa.Array:
    """Of each row the rules that it breaks, as a text."""
    kinds, kind_of = np.unique(broken, axis=0, return_inverse=True)
    texts = pa.array(["; ".join(rule for rule, breaks in zip(rules, kind, strict=True) if breaks) for kind in kinds], pa.string())
    return texts.take(pa.array(kind_of.reshape(-1)))
