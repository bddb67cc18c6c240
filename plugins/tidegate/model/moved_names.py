"""Where Airflow 3 has what older Airflows had elsewhere. Nothing is imported; a name is only rewritten."""

from __future__ import annotations

_STANDARD = "airflow.providers.standard"
MOVED = {
    "airflow.operators.bash": f"{_STANDARD}.operators.bash",
    "airflow.operators.bash_operator": f"{_STANDARD}.operators.bash",
    "airflow.operators.branch": "airflow.sdk.bases.branch",
    "airflow.operators.datetime": f"{_STANDARD}.operators.datetime",
    "airflow.operators.dummy": f"{_STANDARD}.operators.empty",
    "airflow.operators.dummy_operator": f"{_STANDARD}.operators.empty",
    "airflow.operators.email": "airflow.providers.smtp.operators.smtp",
    "airflow.operators.email_operator": "airflow.providers.smtp.operators.smtp",
    "airflow.operators.empty": f"{_STANDARD}.operators.empty",
    "airflow.operators.generic_transfer": "airflow.providers.common.sql.operators.generic_transfer",
    "airflow.operators.http_operator": "airflow.providers.http.operators.http",
    "airflow.operators.latest_only": f"{_STANDARD}.operators.latest_only",
    "airflow.operators.python": f"{_STANDARD}.operators.python",
    "airflow.operators.python_operator": f"{_STANDARD}.operators.python",
    "airflow.operators.smooth": f"{_STANDARD}.operators.smooth",
    "airflow.operators.sql": "airflow.providers.common.sql.operators.sql",
    "airflow.operators.trigger_dagrun": f"{_STANDARD}.operators.trigger_dagrun",
    "airflow.operators.weekday": f"{_STANDARD}.operators.weekday",
    "airflow.providers.cncf.kubernetes.operators.kubernetes_pod": "airflow.providers.cncf.kubernetes.operators.pod",
    "airflow.sensors.base": "airflow.sdk.bases.sensor",
    "airflow.sensors.bash": f"{_STANDARD}.sensors.bash",
    "airflow.sensors.date_time": f"{_STANDARD}.sensors.date_time",
    "airflow.sensors.external_task": f"{_STANDARD}.sensors.external_task",
    "airflow.sensors.external_task_sensor": f"{_STANDARD}.sensors.external_task",
    "airflow.sensors.filesystem": f"{_STANDARD}.sensors.filesystem",
    "airflow.sensors.http_sensor": "airflow.providers.http.sensors.http",
    "airflow.sensors.python": f"{_STANDARD}.sensors.python",
    "airflow.sensors.sql": "airflow.providers.common.sql.sensors.sql",
    "airflow.sensors.time_delta": f"{_STANDARD}.sensors.time_delta",
    "airflow.sensors.time_sensor": f"{_STANDARD}.sensors.time",
    "airflow.sensors.weekday": f"{_STANDARD}.sensors.weekday",
    "airflow.datasets": "airflow.sdk",
    "airflow.io.path": "airflow.sdk",
    "airflow.models.param": "airflow.sdk",
    "airflow.sdk.definitions.asset": "airflow.sdk",
    "airflow.sdk.definitions.param": "airflow.sdk",
    "airflow.timetables.assets": "airflow.sdk",
    "airflow.timetables.datasets": "airflow.sdk",
}
"""Modules of Airflow's that are gone, or that a pipeline file may not name → where what they held is now."""
_RENAMED = {
    "Dataset": "Asset",
    "DatasetAlias": "AssetAlias",
    "DatasetAll": "AssetAll",
    "DatasetAny": "AssetAny",
    "DatasetOrTimeSchedule": "AssetOrTimeSchedule",
    "DummyOperator": "EmptyOperator",
    "SimpleHttpOperator": "HttpOperator",
}
GONE = ("airflow.operators.", "airflow.sensors.", "airflow.contrib.", "airflow.hooks.", "airflow.utils.")
"""Packages that Airflow 3 has emptied: what they held is in providers."""


def today(path: str) -> str:
    """An import path as Airflow 3 has it."""
    module, _, name = path.strip().rpartition(".")
    if module.startswith("airflow."):
        return f"{MOVED.get(module, module)}.{_RENAMED.get(name, name)}"
    return path.strip()
