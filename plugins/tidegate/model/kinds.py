"""The settings of each built-in kind, as they stand under ``with``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from tidegate.model.spec import BranchName, Part, Whole, Zone

_TYPE = r"^(int|float|decimal|decimal\(\s*\d+\s*,\s*\d+\s*\)|text|bool|date|timestamp|timestamptz|bytes)$"
ColumnType = Annotated[str, StringConstraints(pattern=_TYPE)]
Scalar = str | int | float | bool | None
Connection = Annotated[str, StringConstraints(min_length=1)]


def _many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Accept(Part):
    """What must be true of a branch's rows before they count as arrived."""

    min_rows: Whole = Field(default=1, ge=0)
    """Fewer rows than this have not arrived; 0 accepts an empty branch."""
    columns: dict[str, ColumnType] = Field(default_factory=dict)
    """Columns that must be there, and the type that each is read as, exactly."""


class ExtractSettings(Part):
    """Reads the rows of one interval from a database and stages them as Parquet."""

    connection: Connection
    """Airflow connection id; ``{region}`` stands for the branch's name."""
    query: str
    """A file under include/ that ends in ``.sql``, or the statement itself. ``:interval_start``, ``:interval_end`` and ``:branch`` are bound."""
    params: dict[str, Scalar] = Field(default_factory=dict)
    """More values to bind, by name."""
    accept: Accept = Accept()
    timezone: Zone = "UTC"
    """The zone of timestamps that the source stores without one."""
    batch_rows: Whole = Field(default=50_000, ge=1)
    """Rows held in memory at once."""


class BarrierSettings(Part):
    """Decides whether what arrived is enough."""

    at_least: str | Whole = "100%"
    """A count, or a percentage of the branches expected, rounded up; one at the least."""
    required: Annotated[tuple[BranchName, ...], BeforeValidator(_many)] = ()
    """Branches without which it is never enough."""

    @field_validator("at_least")
    @classmethod
    def _count_or_percent(cls, value: str | int) -> str | int:
        from tidegate.model.quantity import AtLeast

        AtLeast.parse(value)
        return value


class TransformSettings(Part):
    """Computes new rows from staged rows: by SQL in DuckDB, or by a pandas function."""

    sql: str | None = None
    """A file under include/ that ends in ``.sql``, or the statement; it reads from ``input``, which has a column of the dimension's name.
    ``$interval_start``, ``$interval_end`` and ``$branch`` are bound."""
    python: str | None = None
    """``module:function`` under include/, such as ``transforms.sales:by_product``."""
    params: dict[str, Scalar] = Field(default_factory=dict)
    """More values: bound to the SQL as ``$name``, or passed to the function by name."""
    timezone: Zone = "UTC"
    """The zone in which the interval's bounds are given to the SQL or the function."""

    @model_validator(mode="after")
    def _one_of(self) -> TransformSettings:
        if (self.sql is None) == (self.python is None):
            raise ValueError("give either 'sql' or 'python', not both or neither; SQL runs in DuckDB, python is a function of a DataFrame")
        if self.python is not None and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", self.python):
            raise ValueError(f"python is {self.python!r}; write module:function, such as transforms.sales:by_product")
        return self


class LoadSettings(Part):
    """Replaces the interval's rows in a warehouse table, in one transaction with the ledger."""

    connection: Connection
    """Airflow connection id of the warehouse."""
    table: str
    """``table`` or ``schema.table``; made from the data if it is not there."""
    replace: Annotated[tuple[str, ...], BeforeValidator(_many)] = Field(min_length=1)
    """Key columns: all rows that share a key with the new rows are replaced by them. They must tell days and branches apart."""


Settings = ExtractSettings | BarrierSettings | TransformSettings | LoadSettings
KINDS: dict[str, type[Settings]] = {
    "extract": ExtractSettings,
    "barrier": BarrierSettings,
    "transform": TransformSettings,
    "load": LoadSettings,
}
"""Every built-in kind by the word that ``uses`` takes."""
