"""Does the warehouse say what the tills said? Every number of it, against the original file."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from demo.data import Key, Sums, expected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

TABLE = "sales_by_product"


@dataclass(frozen=True, slots=True)
class Audit:
    """What the comparison found."""

    rows: int
    """Keys that stand on both sides."""
    agreed: int
    """Numbers that are equal."""
    findings: list[str] = field(default_factory=list)
    """Every row that is missing, doubled or not wanted, and every number that differs."""


def audit(warehouse: Path, wanted: Mapping[date, Iterable[str]]) -> Audit:
    """Compare the whole table with what it must hold: the given regions of the given days, and nothing else."""
    should: dict[Key, Sums] = {}
    for day, regions in wanted.items():
        should |= expected(day, regions)
    findings: list[str] = []
    found: dict[Key, Sums] = {}
    for key, sums in _rows(warehouse):
        if key in found:
            findings.append(f"{_named(key)} stands there twice")
        found[key] = sums
    findings += [f"{_named(key)} is missing" for key in sorted(should.keys() - found.keys())]
    findings += [f"{_named(key)} should not be there" for key in sorted(found.keys() - should.keys())]
    both = sorted(should.keys() & found.keys())
    agreed = 0
    for key in both:
        for measure, is_, must in zip(Sums._fields, found[key], should[key], strict=True):
            if is_ == must:
                agreed += 1
            else:
                findings.append(f"{_named(key)}: {measure} is {is_}, must be {must}")
    return Audit(len(both), agreed, findings)


def audit_ledger(warehouse: Path, nights: Iterable[date], regions: Iterable[str]) -> list[str]:
    """Compare what the ledger says of the given nights with the truth: every region loaded, with its number of rows, and nothing else."""
    regions = tuple(regions)
    wanted = {
        (night.isoformat(), region): sum(key.region == region for key in expected(night, regions)) for night in nights for region in regions
    }
    with contextlib.closing(sqlite3.connect(f"file:{warehouse}?mode=ro", uri=True)) as database:
        loads = database.execute('select interval_start, branch, "rows" from tidegate_load').fetchall()
        intervals = dict(database.execute("select interval_start, outcome from tidegate_interval").fetchall())
    found = {(start[:10], branch): rows for start, branch, rows in loads}
    findings = [
        f"the ledger says {found.get(key)} rows of {key[1]} on {key[0]}, must be {wanted.get(key)}"
        for key in sorted(wanted.keys() | found.keys())
        if found.get(key) != wanted.get(key)
    ]
    findings += [f"the ledger calls the night of {start[:10]} {outcome}" for start, outcome in intervals.items() if outcome != "complete"]
    if len(intervals) != len({day for day, _ in wanted}):
        findings.append(f"the ledger knows {len(intervals)} nights")
    return findings


def _rows(warehouse: Path) -> list[tuple[Key, Sums]]:
    with contextlib.closing(sqlite3.connect(f"file:{warehouse}?mode=ro", uri=True)) as database:
        known = database.execute("select count(*) from sqlite_master where type = 'table' and name = ?", (TABLE,)).fetchone()
        if not known[0]:
            return []
        rows = database.execute(f"select day, region, product_id, quantity, sales_cents, discount_cents, baskets from {TABLE}").fetchall()
    return [(Key(str(row[0])[:10], row[1], row[2]), Sums(*row[3:])) for row in rows]


def _named(key: Key) -> str:
    return f"{key.day} {key.region} product {key.product_id}"
