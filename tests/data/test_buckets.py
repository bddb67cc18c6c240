"""Staging in an S3-compatible store: its own protocol over HTTP, as the client that Airflow uses speaks it."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa
import pytest
import sqlalchemy as sa
from nights import END, START, Night, sale
from upath import UPath

from tidegate.data.contract import Accept
from tidegate.data.extract import extract
from tidegate.data.retention import tidy
from tidegate.data.staging import Staging
from tidegate.data.table_query import TableQuery
from tidegate.data.watermarks import tell_loaded
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tidegate.data.manifest import Manifest

KEYS = {"key": "tidegate", "secret": "tidegate"}
JAN_1 = "2026-01-01"


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """Give the address of an object store."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = make_server("127.0.0.1", port, DomainDispatcherApplication(create_backend_app), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def somewhere(store: str, tmp_path: Path) -> Callable[[], Night]:
    """Give nights of one bucket, each as a process of its own would see it: with a client of its own."""
    import boto3

    bucket = f"staging-{uuid4().hex}"
    secrets = {"aws_access_key_id": KEYS["key"], "aws_secret_access_key": KEYS["secret"], "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=store, **secrets).create_bucket(Bucket=bucket)

    def night() -> Night:
        found = Night(tmp_path)
        options: dict[str, Any] = {**KEYS, "endpoint_url": store, "skip_instance_cache": True}
        found.staging = Staging(UPath(f"s3://{bucket}/staging", **options))
        return found

    return night


def held(night: Night) -> dict[str, int]:
    """Branch → rows of what counts."""
    return {name: manifest.rows for name, manifest in night.staging.committed("nightly", "extract", START, END).items()}


def files(night: Night) -> list[str]:
    """What lies in the bucket."""
    night.staging.root.fs.invalidate_cache()
    return sorted(str(path).rpartition("/")[2] for path in night.staging.root.rglob("*") if path.is_file())


def test_what_is_staged_is_loaded_by_another(somewhere: Callable[[], Night]) -> None:
    """The rows, their order and their checksum."""
    part = somewhere().stage([sale(JAN_1, "emea", amount) for amount in range(100_000)])
    other = somewhere()
    assert other.load(part).rows == 100_000
    assert [amount for _, _, amount in other.rows()] == list(range(100_000))
    assert files(other) == [f"{part.attempt}.json", f"{part.attempt}.parquet"]
    assert held(other) == {"emea": 100_000}


def test_who_has_looked_before_sees_what_came_since(somewhere: Callable[[], Night]) -> None:
    """Its client would rather remember."""
    reader, writer = somewhere(), somewhere()
    assert held(reader) == {}
    writer.stage([sale(JAN_1, "emea", 1)])
    assert held(reader) == {"emea": 1}
    writer.stage([sale(JAN_1, "apac", 1)], "apac")
    part = writer.stage([sale(JAN_1, "emea", 1)] * 3)
    assert held(reader) == {"apac": 1, "emea": 3}
    assert len(reader.staging.intervals("nightly")) == 1
    writer.staging.withdraw(part)
    assert held(reader) == {"apac": 1, "emea": 1}
    writer.staging.restore(part)
    writer.staging.restore(part)
    assert held(reader) == {"apac": 1, "emea": 3}


def test_an_attempt_that_fails_leaves_nothing(somewhere: Callable[[], Night]) -> None:
    """Not even an upload that was begun."""
    night = somewhere()
    table = pa.table({"amount": [1, 2, 3]})

    def fail() -> None:
        words = {"attempt": "failed", "correlation_id": "c-1", "read_at": "2026-01-02T00:00:00+00:00"}
        with night.staging.writer(night.key(), table.schema, **words) as writer:
            writer.write(table.to_batches()[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert files(night) == []


def test_a_file_that_was_changed_is_not_loaded(somewhere: Callable[[], Night]) -> None:
    """By whoever may write to the bucket."""
    night = somewhere()
    part = night.stage([sale(JAN_1, "emea", 1)])
    (night.staging.root / part.path).write_bytes(b"PAR1")
    with pytest.raises(DataRefused, match="is damaged, its checksum is not the committed one: s3://"):
        night.load(part)


def test_reads_are_told_to_stop(somewhere: Callable[[], Night]) -> None:
    """Each looks for itself, as often as it likes."""
    reader, barrier = somewhere(), somewhere()
    asked = ("nightly", START, END, "run")
    assert reader.staging.asked_to_stop(*asked) is None
    barrier.staging.ask_to_stop(*asked, "late")
    assert reader.staging.asked_to_stop(*asked) == "late"
    barrier.staging.forget_stop(*asked)
    barrier.staging.forget_stop(*asked)
    assert reader.staging.asked_to_stop(*asked) is None


def test_old_intervals_are_deleted(somewhere: Callable[[], Night]) -> None:
    """As they are in a folder."""
    night, tidier = somewhere(), somewhere()
    assert tidy(tidier.staging, keep=timedelta(days=1), now=datetime.now(UTC)).files == 0
    night.stage([sale(JAN_1, "emea", 1)])
    assert tidy(tidier.staging, keep=timedelta(days=1), now=datetime.now(UTC)).files == 0
    assert tidy(tidier.staging, keep=timedelta(days=1), now=datetime.now(UTC) + timedelta(days=2)).files == 2
    assert files(night) == []


def test_marks_lie_in_the_bucket_too(somewhere: Callable[[], Night], source: sa.URL) -> None:
    """One process goes on where another has stopped, though it has looked there before, and tidying leaves them."""

    def read(night: Night, day: int) -> Manifest:
        return extract(
            source,
            TableQuery(table="orders", watermark="placed"),
            key=night.key(start=START + timedelta(days=day)),
            staging=night.staging,
            accept=Accept(min_rows=0),
            attempt=f"a-{day}",
            correlation_id="c-1",
            connection_name="shop",
            source_name="orders",
            settled_by=["load"],
        )

    one, other = somewhere(), somewhere()
    first = read(one, 0)
    assert (first.rows, read(other, 1).rows) == (4, 4)
    for _ in range(2):
        tell_loaded(one.staging, first.marks, load="load")
    again = read(other, 1)
    assert again.rows == 4  # it reads on from where it began
    tell_loaded(one.staging, again.marks, load="load")
    with sa.create_engine(source, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("UPDATE orders SET placed = '2026-01-05 00:00:00' WHERE id = 1")
    last = read(one, 2)
    assert last.rows == 2  # the mark's own moment once more
    tell_loaded(other.staging, last.marks, load="load")
    assert tidy(other.staging, keep=timedelta(days=1), now=datetime.now(UTC) + timedelta(days=90)).intervals == 3
    assert read(other, 3).rows == 1
