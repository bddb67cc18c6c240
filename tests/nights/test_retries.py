"""How often a real Airflow tries a task, by the class of what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tidegate.testing import LocalAirflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

pytestmark = [pytest.mark.scheduler, pytest.mark.nights, pytest.mark.timeout(900)]

DAGS = '''"""An Airflow dag for each pipeline."""
from tidegate import build_dags
globals().update(build_dags(__file__.replace("dags/pipelines.py", "include/pipelines")))
'''
JOBS = '''"""Functions that fail."""
import time
def sleep(**_):
    """It takes too long."""
    time.sleep(60)
def misspelt(**_):
    """A bug."""
    return {}["tide"]
'''
PIPELINE = """
pipeline: storm
defaults: {retry: {delay: 1s}}
steps:
  closed: {uses: extract, retries: 2, with: {connection: closed, query: SELECT 1 AS n}}
  password: {uses: extract, retries: 3, with: {connection: password, query: SELECT 1 AS n}}
  long:
    uses: extract
    retry: {delay: 1s, on: {unreachable: 5, timeout: 1}}
    with: {connection: slow, query: SELECT 1 AS n FROM pg_sleep(60)}
  unnamed:
    uses: extract
    retry: {delay: 1s, on: unreachable}
    with: {connection: slow, query: SELECT 1 AS n FROM pg_sleep(60)}
  timeout:
    python: "jobs:sleep"
    retries: 1
    timeout: 1s
  bug: {python: "jobs:misspelt", retries: 3}
  bug_that_is_retried: {python: "jobs:misspelt", retries: 1, retry: {delay: 1s, on: bug}}
  unknown: {uses: airflow.providers.standard.operators.bash.BashOperator, retries: 1, with: {bash_command: exit 1}}
"""
TRIES = {
    "closed": (3, "unreachable (Unreachable): 2 retries did not help", "unreachable"),
    "password": (1, "auth: a retry would end the same way (AuthRefused)", "auth"),
    "long": (2, "timeout: 1 retry at most (TimedOut)", "timeout"),
    "unnamed": (1, "timeout: it is not among the errors that are retried (TimedOut)", "timeout"),
    "timeout": (2, "timeout (AirflowTaskTimeout): 1 retry did not help", None),
    "bug": (1, "bug: a retry would end the same way (KeyError)", None),
    "bug_that_is_retried": (2, "bug (KeyError): 1 retry did not help", None),
    "unknown": (2, "unknown (AirflowException): 1 retry did not help", None),
    "outcome": (1, "NightFailed: what is decided is not tried again", "unknown"),
}
"""Task → tries, the reason why there are no more, the class that is left for the join by operators of Tidegate."""


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory, postgres_url: sa.URL) -> Iterator[tuple[LocalAirflow, str]]:
    """Give an Airflow, and the run of a DAG in which everything fails."""
    root = tmp_path_factory.mktemp("storm")
    for name, text in {"dags/pipelines.py": DAGS, "include/jobs.py": JOBS, "include/pipelines/storm.yaml": PIPELINE}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    url = postgres_url
    real = {
        "conn_type": "postgres",
        "host": url.host,
        "port": url.port,
        "login": url.username,
        "password": url.password,
        "schema": url.database,
    }
    connections: dict[str, dict[str, Any]] = {
        "closed": {**real, "port": 9},
        "password": {**real, "password": "hush-hush"},
        "slow": {**real, "extra": {"options": "-c statement_timeout=200"}},
    }
    with LocalAirflow(root / "airflow", dags=root / "dags", connections=connections, parallelism=4) as airflow:
        airflow.wait_for_dag("storm", timeout=120)
        run_id = airflow.trigger("storm", conf={"interval_start": "2026-01-01T00:00:00+00:00", "interval_end": "2026-01-02T00:00:00+00:00"})
        assert airflow.wait("storm", run_id, timeout=180) == "failed"
        yield airflow, run_id


@pytest.mark.parametrize("task", TRIES)
def test_a_task_is_tried_as_often_as_may_help(storm: tuple[LocalAirflow, str], task: str) -> None:
    """Its last log says why there is no further try; a join finds the class."""
    airflow, run_id = storm
    tries, reason, kind = TRIES[task]
    (found,) = [one for one in airflow.tasks("storm", run_id) if one["task_id"] == task]
    assert (found["state"], found["try_number"]) == ("failed", tries)
    log = airflow.log("storm", run_id, task, tries)
    assert reason in log, log[-3000:]
    assert "hush-hush" not in log
    if kind is not None:
        assert airflow.xcom("storm", run_id, task, "failure")["class"] == kind
