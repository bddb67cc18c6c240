"""The environment of an Airflow of its own: nothing of the caller's Airflow in it, nothing that leaves the machine, quick to react."""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64encode
from configparser import ConfigParser
from typing import TYPE_CHECKING, Any

from tidegate.testing.processes import LOOPBACK, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["environment"]

_NOT_INHERITED = ("AIRFLOW", "_AIRFLOW", "OTEL_", "PYTHONPATH", "PYTHONHOME")
_SETTINGS = {
    "api.host": LOOPBACK,
    "core.auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
    "core.dags_are_paused_at_creation": "False",
    "core.executor": "LocalExecutor",
    # The default resolves the host name, which may ask a name server.
    "core.hostname_callable": "socket.gethostname",
    "core.load_examples": "False",
    "core.min_serialized_dag_update_interval": "0",
    # Each process would look again at what `db migrate` did just before.
    "database.check_migrations": "False",
    "dag_processor.bundle_refresh_check_interval": "1",
    "dag_processor.min_file_process_interval": "10",
    "dag_processor.parsing_processes": "1",
    "dag_processor.refresh_interval": "2",
    "logging.colored_console_log": "False",
    "scheduler.job_heartbeat_sec": "2",
    "scheduler.scheduler_heartbeat_sec": "2",
    "scheduler.scheduler_idle_sleep_time": "0.2",
    "triggerer.job_heartbeat_sec": "2",
    "workers.execution_api_timeout": "30",
    # A task that ended is noticed at the next heartbeat.
    "workers.min_heartbeat_interval": "1",
}


def environment(
    home: Path, *, settings: Mapping[str, str], connections: Mapping[str, Mapping[str, Any]], extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of the processes of one home.

    :param settings: ``{"section.key": "value"}``; they win over the ones made here.
    :param connections: by id, each as the mapping of Airflow's JSON form.
    :param extra: more variables; they win over all.
    """
    worker_log_port, trigger_log_port = free_ports(2)
    of_home = {
        # Writers of one SQLite file take turns: seconds of waiting are better than "database is locked".
        "database.sql_alchemy_conn": f"sqlite:///{home}/airflow.db?timeout=60",
        "logging.base_log_folder": str(home / "logs"),
        "logging.trigger_log_server_port": str(trigger_log_port),
        "logging.worker_log_server_port": str(worker_log_port),
    }
    own = {
        "AIRFLOW_HOME": str(home),
        "DO_NOT_TRACK": "1",
        "NO_PROXY": f"localhost,{LOOPBACK}",
        "no_proxy": f"localhost,{LOOPBACK}",
        "PYTHONUNBUFFERED": "1",
        "SCARF_NO_ANALYTICS": "true",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    chosen = {**_SETTINGS, **of_home, **_keys(home), **settings}
    _write_config(home / "airflow.cfg", chosen)
    made = {f"AIRFLOW__{name.replace('.', '__', 1).upper()}": value for name, value in chosen.items()}
    connected = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(dict(form)) for name, form in connections.items()}
    return {**inherited, **own, **made, **connected, **extra}


def _write_config(path: Path, settings: Mapping[str, str]) -> None:
    """Write the settings down, so that a person's ``AIRFLOW_HOME=… airflow`` has the same database, folders and keys."""
    config = ConfigParser(interpolation=None)
    for name, value in settings.items():
        section, _, option = name.partition(".")
        if not config.has_section(section):
            config.add_section(section)
        config.set(section, option, value.replace("%", "%%"))
    path.touch(mode=0o600)
    with path.open("w") as file:
        config.write(file)


def _keys(home: Path) -> dict[str, str]:
    """Return the keys of this home: made once, since what its metadata database keeps encrypted must stay readable."""
    path = home / "keys.json"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(
            json.dumps(
                {
                    "api.secret_key": secrets.token_hex(16),
                    "api_auth.jwt_secret": secrets.token_hex(32),
                    "core.fernet_key": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                }
            )
        )
    return dict(json.loads(path.read_text()))
