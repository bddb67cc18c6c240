"""What a person reads when something is wrong: what, where, what to do."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from town import interval

if TYPE_CHECKING:
    from town import Town

pytestmark = pytest.mark.scheduler

MESSAGES = {
    "unreachable_file": [
        "Unreachable: nowhere finds no database file at ",
        "nowhere.db. Check the path in the Airflow connection; reading never creates a database.",
    ],
    "unreachable_server": ["Unreachable: closed_port", "127.0.0.1:9"],
    "unknown_connection": [
        "ConnectionUnknown: There is no Airflow connection 'shop_fritz'. Add it under Admin → Connections, or set AIRFLOW_CONN_SHOP_FRITZ."
    ],
    "missing_table": ["QueryRefused: ", "shop_anna", "sale", "sales"],
    "unknown_column": ["QueryRefused: ", "shop_anna", "cent", "cents"],
    "missing_sql_file": ["FileMissing: There is no file sql/sale.sql under ", "/include. Did you mean 'sql/sales.sql'?"],
    "missing_column": ["DataRefused: ", "price"],
    "wrong_type": ["DataRefused: ", "product", "int"],
    "unbound_name": ["QueryRefused: ", "interval_begin", "interval_start"],
}


@pytest.fixture(scope="module")
def failed_run(town: Town) -> str:
    """One run of the DAG in which every task goes wrong."""
    town.sell(date(2026, 2, 23))
    run_id, state = town.night(date(2026, 2, 23), "messages")
    assert state == "failed"
    return run_id


@pytest.mark.parametrize("task", MESSAGES)
def test_the_task_log_says_what_where_and_what_to_do(town: Town, failed_run: str, task: str) -> None:
    """In the words of the recorded message, and never with a password."""
    log = town.airflow.log("messages", failed_run, task)
    assert [words for words in MESSAGES[task] if words not in log] == [], log[-3000:]
    assert "hush-hush" not in log


def test_the_outcome_names_every_failed_task_with_its_reason(town: Town, failed_run: str) -> None:
    """One look at the run's note is enough."""
    record = town.record(failed_run, "messages")
    assert {failure["task"] for failure in record["failures"]} == set(MESSAGES)
    assert "unknown_connection (There is no Airflow connection 'shop_fritz'" in record["sentence"]


def test_a_broken_file_is_a_dag_that_shows_its_findings_and_takes_no_other_with_it(town: Town) -> None:
    """Visible in the UI, failing when run; the other pipelines are there, and Airflow reports no import error."""
    town.airflow.wait_for_dag("broken", timeout=30)
    details = town.airflow.api.request("GET", "/dags/broken/details")
    told = "include/pipelines/broken.yaml:5:5  steps.extract.wiht: unknown key 'wiht'"
    assert told in details["doc_md"]
    assert "Did you mean 'with'?" in details["doc_md"]
    assert "broken" in {tag["name"] for tag in details["tags"]}
    assert town.airflow.api.import_errors() == []
    run_id = town.airflow.trigger("broken", conf=interval(date(2026, 2, 24)))
    assert town.airflow.wait("broken", run_id, timeout=60) == "failed"
    assert told in town.airflow.log("broken", run_id, "findings")


def test_a_run_that_says_only_half_of_its_interval_is_told_like_any_failure(town: Town) -> None:
    """In its note, its record and its alert, not in twelve task logs alone."""
    run_id = town.airflow.trigger("shop_sales", conf={"interval_start": "2026-02-24T00:00:00+00:00"})
    assert town.airflow.wait("shop_sales", run_id, timeout=120) == "failed"
    told = "shop_sales failed: trigger (The trigger gives only one bound of the interval: interval_end is missing)."
    assert town.note(run_id) == told
    assert f"alert: FAILED  {told}" in town.airflow.log("shop_sales", run_id, "outcome")
