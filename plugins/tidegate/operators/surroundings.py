"""What the worker's Airflow provides: connections, the staging root, files and functions under ``include/``."""

from __future__ import annotations

import importlib
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection, ObjectStoragePath, conf
from airflow.sdk.exceptions import AirflowNotFoundException

from tidegate.errors import ConnectionUnknown, ImportRefused
from tidegate.model.findings import did_you_mean
from tidegate.model.project import Project, is_sql_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL

    from tidegate.data.apis import Api


def connection_url(conn_id: str) -> URL:
    """The database behind an Airflow connection, as a SQLAlchemy URL.

    :raises ConnectionUnknown: there is no such connection, or it is no database.
    """
    return url_of(conn_id, Connection.get)


def url_of(conn_id: str, get: Callable[[str], Any]) -> URL:
    """The same for whoever finds connections in another way than a task.

    :param get: Airflow's way from the id to the connection.
    """
    from tidegate.data.engines import database_url

    return database_url(**_fields(conn_id, get))


def api_behind(conn_id: str, get: Callable[[str], Any] = Connection.get) -> Api:
    """The HTTP API behind an Airflow connection, or at a URL.

    :raises ConnectionUnknown: there is no such connection, or it is no API.
    """
    from tidegate.data.apis import api_at

    if "://" in conn_id:
        return api_at(conn_id=conn_id, conn_type="http", host=conn_id)
    return api_at(**_fields(conn_id, get))


def probe_of(conn_id: str, get: Callable[[str], Any] = Connection.get, *, correlation_id: str = "") -> Callable[[], None]:
    """A probe of what is behind a connection, a database or an HTTP API, to be called in any thread.

    :raises ConnectionUnknown: there is no such connection, or it is neither.
    """
    fields = {} if "://" in conn_id else _fields(conn_id, get)
    if not fields or (fields["conn_type"] in {"http", "https"} and "sqlalchemy_url" not in fields["extra"]):
        from tidegate.data import apis

        return partial(apis.probe, api_behind(conn_id, get), correlation_id=correlation_id, connection_name=conn_id)
    from tidegate.data import engines

    return partial(engines.probe, engines.database_url(**fields), correlation_id=correlation_id, connection_name=conn_id)


def _fields(conn_id: str, get: Callable[[str], Any]) -> dict[str, Any]:
    """What Airflow knows of a connection.

    :raises ConnectionUnknown: there is none.
    """
    try:
        connection = get(conn_id)
    except AirflowNotFoundException:
        raise no_connection(conn_id) from None
    named = ("conn_type", "host", "login", "password", "schema", "port")
    return {"conn_id": conn_id, **{name: getattr(connection, name) for name in named}, "extra": connection.extra_dejson}


def no_connection(conn_id: str) -> ConnectionUnknown:
    """What to say of an id that Airflow does not know."""
    hint = f"Add it under Admin → Connections, or set AIRFLOW_CONN_{conn_id.upper()}."
    return ConnectionUnknown(f"There is no Airflow connection '{conn_id}'.", hint=hint)


def staging_root() -> Any:
    """Where staged files lie: ``[tidegate] staging`` of Airflow's configuration, a folder in ``AIRFLOW_HOME`` by default.

    :return: A local path, or an ObjectStoragePath for any other scheme.
    """
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    url = conf.get("tidegate", "staging", fallback="") or str(home / "staging")
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Path(url)
    return Path(rest) if scheme == "file" else ObjectStoragePath(url)


def most_runs() -> int:
    """Catch-up runs at once: ``[tidegate] catch_up_runs`` of Airflow's configuration, 2 by default."""
    return int(conf.getint("tidegate", "catch_up_runs", fallback=2))


def staging_days() -> int:
    """How many days staged files are kept behind the end of their interval: ``[tidegate] staging_days``, 30 by default; 0 for ever."""
    return int(conf.getint("tidegate", "staging_days", fallback=30))


def default_include() -> Path:
    """``include/`` beside Airflow's DAGs folder, for operators that stand on their own."""
    return Path(str(conf.get("core", "dags_folder"))).expanduser().parent / "include"


def include_of(task: Any) -> Path:
    """The project's ``include/`` as a task's DAG knows it: the first folder of its ``template_searchpath``, else beside the DAGs folder."""
    dag = task.get_dag()
    searchpath = dag.template_searchpath if dag is not None else None
    if not searchpath:
        return default_include()
    return Path(searchpath if isinstance(searchpath, str) else next(iter(searchpath)))


def sql_text(text: str, include: Path) -> tuple[str, str]:
    """The statement that a ``query`` or ``sql`` means, and what to call it in messages.

    :raises FileMissing: it names a file that is not under ``include/``.
    """
    if not is_sql_file(text):
        return text, "the query"
    name = text.strip()
    return Project(include).file(name).read_text(encoding="utf-8"), name


def include_function(reference: str, include: Path) -> Callable[..., Any]:
    """The function that ``module:function`` names under ``include/``.

    :raises FileMissing: the module is not under ``include/``.
    :raises ImportRefused: it cannot be imported, or has no such function.
    """
    module_name, _, function_name = reference.partition(":")
    path = Project(include).file(module_name.replace(".", "/") + ".py")
    if str(include) not in sys.path:
        sys.path.append(str(include))  # last: a module of the project never hides one of Python's
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ImportRefused(f"{path} cannot be imported: {type(error).__name__}: {error}.", hint="Mend the module.") from error
    if Path(str(module.__file__)).resolve() != path:
        raise ImportRefused(f"'{module_name}' is {module.__file__}, not {path}.", hint="Rename the module: its name is taken.")
    function = getattr(module, function_name, None)
    if not callable(function):
        public = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise ImportRefused(f"{path} has no function '{function_name}'.", hint=did_you_mean(function_name, public))
    return function  # type: ignore[no-any-return]
