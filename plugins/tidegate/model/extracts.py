"""Settings of ``uses: extract``."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from tidegate.model.accept import Accept
from tidegate.model.durations import Duration, parse_duration
from tidegate.model.http import Http
from tidegate.model.kind import Settings
from tidegate.model.parts import Part, Whole, Words, Zone
from tidegate.model.shapes import DURATION, Shape
from tidegate.model.terms import TABLE, Connection, Delimiter, Params, repeated


def _after(value: Any) -> Any:
    return value if value == "p95" else parse_duration(value)


class Hedge(Part):
    """A second read of the same rows from elsewhere, for a night on which the first is slow. The first to finish wins."""

    connection: Connection
    """Airflow connection id of another database with the same rows, such as a replica; ``{region}`` stands for the branch's name."""
    after: Annotated[
        Literal["p95"] | timedelta, BeforeValidator(_after), Shape("`p95`, or a duration", {"anyOf": [{"const": "p95"}, DURATION]})
    ]
    """How long the first read may take until the second begins, or ``p95``: as long as the branch takes at most in 95 of a hundred nights, by its last 14; it begins at once where the first is unreachable or timed out."""


class Split(Part):
    """A large table read in ranges of one column, side by side; PostgreSQL, MySQL and MariaDB only."""

    by: Annotated[str, StringConstraints(min_length=1)]
    """The column whose values tell the ranges apart: whole numbers, decimals, dates or timestamps. On MySQL and MariaDB one of the primary key."""
    into: Whole = Field(ge=2, le=16)
    """How many ranges, and so connections at once. A task takes as many slots of the pool that it ``holds``, or more where that is said."""


_OF = {
    "columns": ("table",),
    "split": ("table",),
    "watermark": ("table",),
    "interval_column": ("table",),
    "look_back": ("table",),
    "params": ("query",),
    "hedge": ("query", "table"),
    "delimiter": ("files",),
}
"""What only some ways of reading know."""
_READS = {"query": "a query is read", "table": "a table is read", "files": "files are read", "http": "an HTTP API is read"}


class ExtractSettings(Settings):
    """Reads the rows of one interval from a database and stages them as Parquet."""

    model_config = repeated(
        {"additionalProperties": {"not": {"type": "string", "pattern": r"^[^$]*$"}}},
        oneOf=[
            {"required": ["connection", "query"]},
            {"required": ["connection", "table"]},
            {"required": ["files"]},
            {"required": ["connection", "http"]},
        ],
    )

    connection: Connection | None = None
    """Airflow connection id; ``{region}`` stands for the branch's name. Of a database; of the store that files lie in, where it needs one; of an
    HTTP API, or its URL, where it needs no login."""
    query: str | None = None
    """A file under include/ that ends in ``.sql``, or the statement itself. ``:interval_start``, ``:interval_end`` and ``:branch`` are bound."""
    table: Annotated[str, TABLE] | None = None
    """In place of a query: the ``table`` or ``schema.table`` that is read; ``{region}`` stands for the branch's name."""
    columns: Words = ()
    """Of the table, the columns that are read; all of them where none is named."""
    interval_column: str | None = None
    """Of the table, the column that says which interval a row is of: rows from the interval's start up to its end are read. All rows, by default."""
    look_back: Duration = timedelta(0)
    """How long before the interval's start, or before the mark of ``watermark``, the table is read from, for rows that come or change late; load them with
    ``merge``."""
    watermark: str | None = None
    """Of the table, the column that grows with each change, such as ``updated_at``, in place of ``interval_column``: an interval reads what has changed since
    the one before it was loaded."""
    split: Split | None = None
    """Ranges in which the table is read, each over a connection of its own. By default it is read over one."""
    files: Annotated[str, StringConstraints(min_length=1), Shape("path or URL")] | None = None
    """In place of a query: the path or URL of CSV, JSON lines or Parquet files, such as ``s3://landing/{region}/%Y-%m-%d/*.csv.gz``. ``{region}`` stands for
    the branch's name, ``%Y``, ``%m``, ``%d``, ``%H`` for the interval's start in ``timezone``; ``*``, ``?`` and ``**`` match many files. Where none has come
    yet it is tried again."""
    delimiter: Delimiter = ","
    """What stands between the values of a CSV file; no double quote, line's end or NUL."""
    http: Http | None = None
    """In place of a query: what is asked of an HTTP API that answers in JSON, page by page."""
    params: Params = Field(default_factory=dict)
    """More values to bind, by name."""
    accept: Accept = Field(default_factory=Accept)
    timezone: Zone = "UTC"
    """The zone of timestamps that the source stores without one."""
    batch_rows: Whole = Field(default=50_000, ge=1)
    """Rows held in memory at once, and fewer where they are wide."""
    hedge: Hedge | None = None
    """Where the rows are read as well, when this connection is slow."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        ways = {"query": self.query, "table": self.table, "files": self.files, "http": self.http}
        said = [name for name, value in ways.items() if value is not None]
        if len(said) != 1:
            if said:
                given = " and ".join(f"'{name}'" for name in said)
                raise ValueError(
                    f"{given} are given, and one of them is read; leave all but one out, or, where one is the step's and one the branch's, set the "
                    "step's to null in the branch"
                )
            raise ValueError(
                "nothing says what is read; give one of 'query', 'table', 'files' and 'http', also where each branch says what is read of its own"
            )
        if self.connection is None and self.files is None:
            of = "what stands under http is asked of an API" if self.http is not None else f"a {said[0]} is asked of a database"
            raise ValueError(f"{of}, and no connection says of which; name the Airflow 'connection'")
        if re.search(r"://[^/?#]*@", self.connection or ""):
            raise ValueError(
                "the connection is a URL with a login in it, for everybody to read; name an Airflow 'connection' that has them"
            )
        if self.http is not None and "?" in (self.connection or ""):
            raise ValueError(
                "the connection is a URL with parameters; give them under 'params', and a secret one under params in the extra of an Airflow connection"
            )
        for name, ways_of in _OF.items():
            if name in self.model_fields_set and said[0] not in ways_of:
                raise ValueError(f"{name} is said of a {ways_of[0]}, and here {_READS[said[0]]}; remove it, or read a '{ways_of[0]}'")
        if self.watermark is not None and self.interval_column is not None:
            raise ValueError(
                "interval_column reads what is of the interval, watermark what has changed since the one before; leave one of them out"
            )
        if self.look_back and self.interval_column is None and self.watermark is None:
            raise ValueError(
                "look_back reads from before the interval's start, and nobody says which column tells that; give interval_column or watermark"
            )
        return self

    @model_validator(mode="after")
    def _bounds_of_csv(self) -> Self:
        if self.files is None or not re.search(r"\.(csv|tsv)(\.\w+)?$", self.files, re.IGNORECASE):
            return self
        for column, wanted in self.accept.columns.items():
            if wanted.type is None and (wanted.min is not None or wanted.max is not None):
                raise ValueError(
                    f"min and max are for numbers, dates and times, and of CSV {column} is text until its type is declared; give it a type"
                )
        return self
