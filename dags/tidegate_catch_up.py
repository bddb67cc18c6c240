"""Brings, hour by hour, what earlier nights lacked."""

from pathlib import Path

from airflow.sdk import DAG

from tidegate import CatchUpOperator, OutcomeOperator

DOC = """
Looks every hour for gaps: regions that a night went on without. Probes their sources, and starts the runs that bring what is back, pinned to the night that
lacked it. The task's log and its XCom `report` say what was done. Switch it off, and gaps wait for `tidegate catch-up`.

**Owner:** analytics. **When it is partial or fails**, some warehouse could not be asked or some run not be started: the log says which, and the next hour tries again.
"""

with DAG(
    "tidegate_catch_up",
    description="Brings what earlier nights lacked.",
    schedule="@hourly",
    catchup=False,
    max_active_runs=1,
    tags=["tidegate"],
    doc_md=DOC,
    default_args={"owner": "analytics"},
) as dag:
    catch_up = CatchUpOperator(task_id="catch_up", pipelines=Path(__file__).parent.parent / "include" / "pipelines")
    catch_up >> OutcomeOperator(task_id="outcome")
