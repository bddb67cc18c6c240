"""Tasks that go wrong in every way that people meet, as an Airflow dag written by hand."""

from airflow.sdk import DAG

from tidegate import ExtractOperator, OutcomeOperator

SALES = "SELECT id, product, cents, sold_at FROM sales"

with DAG("messages", schedule=None, tags=["tidegate"], doc_md=__doc__, default_args={"owner": "town", "retries": 0}):
    [
        ExtractOperator(task_id="unreachable_file", source_conn_id="nowhere", query=SALES),
        ExtractOperator(task_id="unreachable_server", source_conn_id="closed_port", query=SALES),
        ExtractOperator(task_id="unknown_connection", source_conn_id="shop_fritz", query=SALES),
        ExtractOperator(task_id="missing_table", source_conn_id="shop_anna", query="SELECT id FROM sale"),
        ExtractOperator(task_id="unknown_column", source_conn_id="shop_anna", query="SELECT id, cent FROM sales"),
        ExtractOperator(task_id="missing_sql_file", source_conn_id="shop_anna", query="sql/sale.sql"),
        ExtractOperator(
            task_id="missing_column", source_conn_id="shop_anna", query=SALES, accept={"columns": {"price": "int"}, "min_rows": 0}
        ),
        ExtractOperator(task_id="wrong_type", source_conn_id="shop_anna", query=SALES, accept={"columns": {"product": "int"}}),
        ExtractOperator(task_id="unbound_name", source_conn_id="shop_anna", query=f"{SALES} WHERE sold_at >= :interval_begin"),
    ] >> OutcomeOperator(task_id="outcome")
