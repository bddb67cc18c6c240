"""The night of include/pipelines/nightly_sales.yaml written by hand as an Airflow DAG: every operator stands on its own, without YAML."""

from airflow.sdk import DAG, TaskGroup

from tidegate import BarrierOperator, ExtractOperator, LoadOperator, OutcomeOperator, TransformOperator

REGIONS = ("northeast", "mid_atlantic", "southeast", "florida", "midwest", "plains", "texas", "mountain", "northwest", "california")
COLUMNS = {
    "basket_id": "int",
    "product_id": "int",
    "quantity": "int",
    "sales_cents": "int",
    "discount_cents": "int",
    "sold_at": "timestamp",
}

DOC = """
The same night as `nightly_sales`, without YAML. It has no schedule: trigger it with `interval_start` and `interval_end` in its
configuration, such as `{"interval_start": "2017-12-22", "interval_end": "2017-12-23"}`.

**Owner:** analytics. **When it is partial**, its note names what is missing; trigger it again with `{"region": [...]}` and the same interval.
"""

with DAG(
    "nightly_sales_by_hand",
    description="nightly_sales, written in Python.",
    schedule=None,
    tags=["tidegate", "sales"],
    doc_md=DOC,
    default_args={"owner": "analytics", "retries": 1},
) as dag:
    with TaskGroup("extract"):
        extracts = [
            ExtractOperator(
                task_id=region,
                branch=region,
                dimension="region",
                source_conn_id=f"sales_{region}",
                query="sql/sales_of_interval.sql",
                columns=COLUMNS,
            )
            for region in REGIONS
        ]
    arrived = BarrierOperator(
        task_id="arrived",
        branches={task.branch: task.task_id for task in extracts},
        at_least="70%",
        required=["northeast"],
        dimension="region",
    )
    by_product = TransformOperator.partial(
        task_id="by_product", sql="sql/sales_by_product.sql", dimension="region", map_index_template="{{ task.part['branch'] }}"
    ).expand(part=arrived.output)
    load = LoadOperator(
        task_id="load", warehouse_conn_id="warehouse", table="sales_by_product_by_hand", replace=["day", "region"], parts=by_product.output
    )
    extracts >> arrived
    load >> OutcomeOperator(task_id="outcome")
