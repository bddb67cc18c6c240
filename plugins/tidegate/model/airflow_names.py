"""Where each argument of Airflow's DAG and operators stands in a pipeline: nothing is dropped in silence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Elsewhere:
    """An argument that no key takes, and why."""

    why: str
    hint: str


_REMOVED = Elsewhere("is gone from Airflow 3", "Use 'deadline'.")
_PLACE = Elsewhere("is the pipeline's to say, not the step's", "Remove it.")

DAG_ARGUMENTS: dict[str, str | Elsewhere] = {
    "dag_id": "pipeline",
    "description": "description",
    "default_args": "defaults",
    "start_date": "schedule.start",
    "end_date": "schedule.end",
    "schedule": "schedule",
    "template_searchpath": Elsewhere("is always the project's include/", "Put the file there, and name it from there."),
    "template_undefined": "template_undefined",
    "user_defined_macros": "user_defined_macros",
    "user_defined_filters": "user_defined_filters",
    "max_active_tasks": "max_active_tasks",
    "max_active_runs": "max_active_runs",
    "max_consecutive_failed_dag_runs": "max_consecutive_failed_dag_runs",
    "dagrun_timeout": "timeout",
    "deadline": "deadline",
    "sla_miss_callback": _REMOVED,
    "catchup": "schedule.catchup",
    "on_success_callback": "on_success_callback",
    "on_failure_callback": "on_failure_callback",
    "doc_md": "doc_md",
    "params": "params",
    "access_control": "access_control",
    "is_paused_upon_creation": "is_paused_upon_creation",
    "jinja_environment_kwargs": "jinja_environment_kwargs",
    "render_template_as_native_obj": "render_template_as_native_obj",
    "tags": "tags",
    "owner_links": "owner_links",
    "auto_register": Elsewhere("is the loader's: every pipeline is registered", "Remove it."),
    "fail_fast": "fail_fast",
    "allowed_run_types": "allowed_run_types",
    "dag_display_name": "display_name",
    "task_group": Elsewhere("is made from the steps", "Write groups as steps within a step."),
    "disable_bundle_versioning": "disable_bundle_versioning",
    "rerun_with_latest_version": "rerun_with_latest_version",
}
"""Argument of ``airflow.sdk.DAG`` → key of a pipeline, or why there is none."""

OPERATOR_ARGUMENTS: dict[str, str | Elsewhere] = {
    "task_id": Elsewhere("is the step's name", "Remove it."),
    "owner": "owner",
    "email": "email",
    "email_on_retry": "email_on_retry",
    "email_on_failure": "email_on_failure",
    "retries": "retries",
    "retry_delay": "retry.delay",
    "retry_exponential_backoff": "retry.backoff",
    "max_retry_delay": "retry.max_delay",
    "retry_policy": "retry.policy",
    "start_date": _PLACE,
    "end_date": _PLACE,
    "depends_on_past": "depends_on_past",
    "ignore_first_depends_on_past": "ignore_first_depends_on_past",
    "wait_for_past_depends_before_skipping": "wait_for_past_depends_before_skipping",
    "wait_for_downstream": "wait_for_downstream",
    "dag": _PLACE,
    "params": "params",
    "default_args": Elsewhere("is 'defaults' of the pipeline or of a group", "Move it there."),
    "priority_weight": "priority_weight",
    "weight_rule": "weight_rule",
    "queue": "queue",
    "pool": "pool",
    "pool_slots": "pool_slots",
    "sla": _REMOVED,
    "execution_timeout": "timeout",
    "on_execute_callback": "on_execute_callback",
    "on_failure_callback": "on_failure_callback",
    "on_success_callback": "on_success_callback",
    "on_retry_callback": "on_retry_callback",
    "on_skipped_callback": "on_skipped_callback",
    "pre_execute": "pre_execute",
    "post_execute": "post_execute",
    "trigger_rule": "trigger_rule",
    "resources": "operator_resources",
    "run_as_user": "run_as_user",
    "map_index_template": "map_index_template",
    "max_active_tis_per_dag": "max_active_tis_per_dag",
    "max_active_tis_per_dagrun": "max_active_tis_per_dagrun",
    "executor": "executor",
    "executor_config": "executor_config",
    "do_xcom_push": "do_xcom_push",
    "multiple_outputs": "multiple_outputs",
    "inlets": "inlets",
    "outlets": "outlets",
    "task_group": _PLACE,
    "doc": "doc",
    "doc_md": "doc_md",
    "doc_json": "doc_json",
    "doc_yaml": "doc_yaml",
    "doc_rst": "doc_rst",
    "task_display_name": "display_name",
    "logger_name": "logger_name",
    "allow_nested_operators": "allow_nested_operators",
    "render_template_as_native_obj": "render_template_as_native_obj",
}
"""Argument of ``airflow.sdk.BaseOperator`` → key of a step, or why there is none."""
