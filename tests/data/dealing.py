"""Rows of branches dealt out to tasks, for tests: by a hash or by value, by SQL or by a function, and what the warehouse has of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from nights import DAY, START, Night

from tidegate.data import ledger
from tidegate.data.engines import writing
from tidegate.data.kinds import canonical
from tidegate.data.parts import opened
from tidegate.data.shares import share_of, shares_by_value
from tidegate.data.staging import new_attempt
from tidegate.data.transform import transform_python, transform_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate.data.manifest import Manifest, Share

SQL = "SELECT CAST($interval_start AS DATE) AS day, customer, sum(cents) AS amount FROM input GROUP BY ALL"
KEYS = ("day", "customer")


def text(value: Any) -> str:
    """What a value is hashed as, in Python's words."""
    match value:
        case None:
            return "-"
        case bool():
            said = str(value).lower()
        case Decimal():
            said = canonical(value)
        case datetime():
            said = value.strftime("%Y-%m-%dT%H:%M:%S.%f") + ("Z" if value.tzinfo else "")
        case _:
            said = str(value)
    return f"{len(said.encode())}:{said}"


def number(values: Sequence[Any], of: int) -> int:
    """The share of a row, computed without any of the code that is tested."""
    return int(hashlib.md5(",".join(map(text, values)).encode()).hexdigest()[:15], 16) % of  # noqa: S324  no secret


def order(customer: int | None, cents: int) -> dict[str, Any]:
    """A row of a branch."""
    return {"customer": customer, "cents": cents}


EMEA = [order(number % 7, number) for number in range(30)] + [order(None, 5)]
APAC = [order(number % 9, 1000) for number in range(30)]


def computed(
    night: Night, inputs: Sequence[Manifest], only: int, of: int = 4, *, by: Sequence[str] = ("customer",), **more: Any
) -> Manifest:
    """What one of several tasks makes of its share, by SQL or by a function."""
    night.clock += 1
    share = more.pop("share", None) or share_of(inputs, by, number=only, of=of)
    shared = {
        "key": night.key(share.name, step="by_customer"), "staging": night.staging, "attempt": new_attempt("run", night.clock),
        "correlation_id": "c-1", "dimension": "region", "share": share, **more,
    }  # fmt: skip
    function = shared.pop("function", None)
    return transform_python(inputs, function, **shared) if function else transform_sql(inputs, shared.pop("sql", SQL), **shared)


def all_of(night: Night, *inputs: Manifest, of: int = 4, **more: Any) -> list[Manifest]:
    """What all of them make."""
    return [computed(night, inputs, only, of, **more) for only in range(of)]


def table(night: Night, manifest: Manifest) -> list[dict[str, Any]]:
    """Give what was staged."""
    with night.staging.local_file(manifest) as path:
        return pq.read_table(path).to_pylist()


def totals(*branches: Sequence[dict[str, Any]]) -> dict[int | None, int]:
    """Customer → cents over all branches."""
    found: Counter[int | None] = Counter()
    for row in (row for rows in branches for row in rows):
        found[row["customer"]] += row["cents"]
    return dict(found)


def warehouse(night: Night) -> dict[int | None, int]:
    """The same as the warehouse has it."""
    rows = night.query(f"SELECT customer, amount FROM {night.table}")
    found = {customer: int(amount) for customer, amount in rows}
    assert len(found) == len(rows)
    return found


def receipts(night: Night) -> dict[str, tuple[int, str]]:
    """Branch → rows and attempt, of the ledger."""
    with writing(night.url) as connection:
        return {name: (row.rows, row.attempt) for name, row in ledger.held(connection, "nightly", START, START + DAY, night.table).items()}


def by_frame(frame: pd.DataFrame, branch: str) -> pd.DataFrame:
    """The same as the SQL."""
    assert branch == "all"
    found = frame.groupby("customer", dropna=False, as_index=False)["cents"].sum().rename(columns={"cents": "amount"})
    return found.assign(day=pd.Series([date(2026, 1, 1)] * len(found), dtype=pd.ArrowDtype(pa.date32())))[["day", "customer", "amount"]]


def by_frames(frames: Iterator[pd.DataFrame], branch: str) -> Iterator[pd.DataFrame]:
    """The same as frames that come one by one."""
    yield by_frame(pd.concat(list(frames)), branch)


def by_value(night: Night, *inputs: Manifest, by: Sequence[str] = ("customer",), most: int = 1000) -> list[Share]:
    """The shares, as the task finds them that goes ahead."""
    with opened(night.staging, inputs, dimension="region") as parts:
        return shares_by_value(inputs, by, parts, most=most)


def each_value(night: Night, *inputs: Manifest, by: Sequence[str] = ("customer",), **more: Any) -> list[Manifest]:
    """What the tasks make, each of its value."""
    return [computed(night, inputs, share.number, share=share, **more) for share in by_value(night, *inputs, by=by)]
