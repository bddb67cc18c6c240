"""A load's transaction that never commits: ``python dying.py <database URL>``. Says when all is written, and waits to be killed."""

import sys
import time
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[1]))
from records import FLORIDA, NIGHT, TEXAS, record

from tidegate.data import ledger
from tidegate.data.engines import writing
from tidegate.data.instants import instant
from tidegate.operators.records import write_record

with writing(sa.make_url(sys.argv[1])) as connection:
    bounds = {"interval_start": instant(NIGHT.start), "interval_end": instant(NIGHT.end)}
    row = ledger.LoadRow(
        pipeline="sales", target="sales_by_day", branch="texas", attempt="a-1", fence="f", run_id="run", correlation_id="tg-1", rows=3,
        partitions=(), loaded_at="2017-12-24", **bounds,
    )  # fmt: skip
    ledger.write_load(connection, row)
    held = ledger.held(connection, "sales", NIGHT.start, NIGHT.end)
    write_record(connection, record(TEXAS, FLORIDA), held, owner="analytics", expire=timedelta(days=30))
    sys.stdout.write("written\n")
    sys.stdout.flush()
    time.sleep(600)
