"""Deletes, day by day, what was staged for nights of long ago."""

from airflow.sdk import DAG

from tidegate import OutcomeOperator, TidyOperator

DOC = """
Deletes staged files of intervals that ended more than `[tidegate] staging_days` ago (30 by default), unless something was written to them since. The warehouse
is not touched; a catch-up of such an interval reads its sources again. Switch it off, and staging grows.

**Owner:** analytics. **When it is partial or fails**, a file could not be deleted: the log says which, and the next day tries again.
"""

with DAG(
    "tidegate_tidy",
    description="Deletes what was staged for nights of long ago.",
    schedule="@daily",
    catchup=False,
    max_active_runs=1,
    tags=["tidegate"],
    doc_md=DOC,
    default_args={"owner": "analytics"},
) as dag:
    TidyOperator(task_id="tidy") >> OutcomeOperator(task_id="outcome")
