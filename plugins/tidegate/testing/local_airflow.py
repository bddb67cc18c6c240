"""A real Airflow on this machine, for as long as a ``with`` block lasts.

Five separate processes (api-server, the API of the tasks, scheduler, dag-processor, triggerer) over one SQLite file, on free ports of the
loopback interface, with keys of their own; so several of them run side by side, and none sees the environment of the caller.

The tasks' API has a process of its own because of SQLite, whose one writer all others wait for: Airflow logs what a person does in the
server's event loop, which then waits there for a task's request that only this loop could end.

Runs in the process of the test, the demo or ``make up``; imports no Airflow.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from tidegate.errors import TidegateError
from tidegate.testing.environment import environment
from tidegate.testing.leftovers import forget, gone, remember, running
from tidegate.testing.processes import LOOPBACK, Component, end, free_ports, kill, tail
from tidegate.testing.rest import FINISHED_RUN, AirflowApi, TaskView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

__all__ = ["LocalAirflow"]

_COMMANDS = {
    "api-server": ("api-server", "--apps", "core", "--workers", "1"),
    "execution-api": ("api-server", "--apps", "execution", "--workers", "1"),
    # Task logs lie in files that the api-server reads itself; the log servers would listen on every interface.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
_HEARTBEATS = {
    "scheduler": "latest_scheduler_heartbeat",
    "dag_processor": "latest_dag_processor_heartbeat",
    "triggerer": "latest_triggerer_heartbeat",
}


class LocalAirflow:
    """Start a whole Airflow, use it, and leave no process behind.

    ::

        with LocalAirflow(tmp_path, dags=Path("dags")) as airflow:
            run_id = airflow.trigger("nightly_sales")
            assert airflow.wait("nightly_sales", run_id, timeout=60) == "success"

    :param home: AIRFLOW_HOME; made when missing. A second start over the same home goes on with the same metadata.
    :param dags: the folder of the DAG files.
    :param plugins: the plugins folder; by default an empty one in ``home``.
    :param connections: Airflow connections by id, each as the mapping of its JSON form (``{"conn_type": "sqlite", "host": …}``).
    :param settings: Airflow settings as ``{"section.key": "value"}``; they win over the ones made for quick reaction here.
    :param parallelism: how many tasks run at once.
    :param port: the port of the api-server; by default a free one.
    :param env: more environment for all processes; wins over everything.
    """

    user = "admin"
    password = "admin"  # noqa: S105 - it listens on the loopback interface only

    def __init__(
        self,
        home: Path,
        *,
        dags: Path,
        plugins: Path | None = None,
        connections: Mapping[str, Mapping[str, Any]] | None = None,
        settings: Mapping[str, str] | None = None,
        parallelism: int = 12,
        port: int | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home.resolve()
        self._dags = dags.resolve()
        self._plugins = plugins.resolve() if plugins else self.home / "plugins"
        self._connections = dict(connections or {})
        self._settings = dict(settings or {})
        self._parallelism = parallelism
        self._extra_env = dict(env or {})
        free, self._execution_port = free_ports(2)
        self.port = port or free
        self._components: dict[str, Component] = {}
        self._left: list[int] = []
        self.api = AirflowApi(self.url, user=self.user, password=self.password)

    # -- Life --------------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where a browser finds the UI."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def _execution_url(self) -> str:
        """Where the tasks find their API."""
        return f"http://{LOOPBACK}:{self._execution_port}/execution/"

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of the components."""
        return {name: component.pid for name, component in self._components.items()}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    def start(self, *, timeout: float = 120) -> None:
        """Migrate the metadata database, start the processes, and wait until each has answered.

        :raises TidegateError: one of them ended or did not get healthy in time; the message holds the tail of its log.
        """
        if self._components:
            return
        if leftovers := running(self.home):
            raise TidegateError(
                f"An Airflow of {self.home} is already running (pids {sorted(leftovers)}).", hint="Stop it first, or use another home."
            )
        shutil.rmtree(self.home / "logs" / "processes", ignore_errors=True)
        migrated = self.command("db", "migrate")
        if migrated.returncode:
            raise TidegateError(f"airflow db migrate failed:\n{migrated.stdout[-4000:]}\n{migrated.stderr[-4000:]}")
        atexit.register(self.stop)
        try:
            began = time.time()
            for name in _COMMANDS:
                self._start(name)
            self._remember()
            self._wait_until_healthy(began, timeout)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all processes and wait until none lives. Calling it twice is fine."""
        atexit.unregister(self.stop)
        if not self._components:
            return
        self.api.close()  # first: the api-server waits for open connections
        leaders = [*self.pids.values(), *gone(self._left)]
        try:
            end(leaders, grace=3)
        except BaseException:  # a second Ctrl-C: no more patience, but still nothing left behind
            end(leaders, grace=0)
            raise
        for component in self._components.values():
            component.reap()
        self._components.clear()
        self._left.clear()
        forget(self.home)
        self.api = AirflowApi(self.url, user=self.user, password=self.password)

    def kill(self, name: str, *, alone: bool = False) -> None:
        """End one component by SIGKILL, as when its machine loses power. :meth:`restart` brings it back.

        :param alone: let what it started live on: the tasks of a scheduler go on without it, as when only its own process dies.
        """
        component = self._components.pop(name)
        if alone:
            os.kill(component.pid, signal.SIGKILL)
        else:
            kill([component.pid])
        component.reap()
        self._left.append(component.pid)
        self._remember()

    def sweep(self) -> None:
        """End what killed components have left behind."""
        kill(gone(self._left))
        self._left.clear()
        self._remember()

    def restart(self, name: str, *, timeout: float = 120) -> None:
        """Start a component again, and wait until it has shown life; one that still lives, or has ended by itself, is killed first.

        :raises TidegateError: it ended or did not get healthy in time; the message holds the tail of its log.
        """
        if name in self._components:
            self.kill(name)
        began = time.time()
        self._start(name)
        self._remember()
        self._wait_until_healthy(began, timeout)

    def leave_running(self) -> None:
        """Let the processes outlive this one; ``stop_leftovers(home)`` ends them later."""
        atexit.unregister(self.stop)

    def check_alive(self) -> None:
        """Raise when one of the processes has ended by itself; a dead scheduler would otherwise look like a slow one."""
        if dead := [component for component in self._components.values() if component.returncode is not None]:
            raise TidegateError("\n".join(component.obituary() for component in dead))

    def process_log(self, name: str) -> Path:
        """Where the output of one component goes."""
        return self.home / "logs" / "processes" / f"{name}.log"

    # -- Use ---------------------------------------------------------------------------------------------------------

    def command(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the ``airflow`` command in this environment; the exit code is the caller's to judge."""
        return subprocess.run(  # noqa: S603 - no shell reads it
            [sys.executable, "-m", "airflow", *arguments],
            env=self._environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def wait_for_dag(self, dag_id: str, timeout: float = 60) -> None:
        """Wait until the DAG is known, and unpause it if needed.

        :raises TidegateError: it did not come in time, or a DAG file cannot be read; the message holds the import errors.
        """
        deadline = time.monotonic() + timeout
        broken_since: float | None = None
        while (dag := self.api.dag(dag_id)) is None:
            self.check_alive()
            errors = self.api.import_errors()
            broken_since = (broken_since or time.monotonic()) if errors else None
            # Another file may be the broken one: the wanted DAG gets a few seconds more.
            patience = min(deadline, broken_since + 5) if broken_since else deadline
            if time.monotonic() > patience:
                reasons = "\n".join(errors) or f"No import errors. dag-processor:\n{tail(self.process_log('dag-processor'))}"
                raise TidegateError(f"No DAG {dag_id} in {self._dags}. {reasons}")
            time.sleep(0.2)
        if dag["is_paused"]:
            self.api.unpause(dag_id)

    def trigger(
        self,
        dag_id: str,
        *,
        logical_date: datetime | None = None,
        interval: tuple[datetime, datetime] | None = None,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
    ) -> str:
        """Start a run and return its id. See :meth:`AirflowApi.trigger`."""
        return self.api.trigger(dag_id, logical_date=logical_date, interval=interval, conf=conf, run_id=run_id)

    def wait(
        self, dag_id: str, run_id: str, *, timeout: float, poll: float = 0.5, watch: Callable[[list[TaskView]], None] | None = None
    ) -> str:
        """Wait until the run has ended and return its state.

        :param watch: called with all task instances at every look, the last time after the end.
        :raises TimeoutError: with the task states and the tails of the process logs.
        :raises TidegateError: one of the processes died.
        """
        deadline = time.monotonic() + timeout
        while True:
            state = str(self.api.run(dag_id, run_id)["state"])
            if watch:
                watch(self.api.views(dag_id, run_id))
            if state in FINISHED_RUN:
                return state
            self.check_alive()
            if time.monotonic() > deadline:
                raise TimeoutError(self._late(dag_id, run_id, state, timeout))
            time.sleep(poll)

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return the run: state, note, conf, data interval, dates."""
        return self.api.run(dag_id, run_id)

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return all task instances of a run."""
        return self.api.tasks(dag_id, run_id)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task pushed, as JSON values."""
        return self.api.xcom(dag_id, run_id, task_id, key, map_index)

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """Return the log of one attempt as a person reads it in the UI."""
        return self.api.log(dag_id, run_id, task_id, try_number, map_index)

    def clear(
        self, dag_id: str, run_id: str, task_ids: list[str] | None = None, *, only_failed: bool = False, include_downstream: bool = False
    ) -> list[str]:
        """Let the run, or some of its tasks, run again; return the ids of the tasks that will."""
        return self.api.clear(dag_id, run_id, task_ids, only_failed=only_failed, include_downstream=include_downstream)

    def backfill(
        self, dag_id: str, start: datetime, end: datetime, *, reprocess: str = "none", conf: Mapping[str, Any] | None = None
    ) -> int:
        """Create the runs between two dates and return the backfill's id. See :meth:`AirflowApi.backfill`."""
        return self.api.backfill(dag_id, start, end, reprocess=reprocess, conf=conf)

    def wait_backfill(self, backfill_id: int, *, timeout: float, poll: float = 0.5) -> dict[str, str]:
        """Wait until all runs of a backfill have ended and return their states by run id."""
        deadline = time.monotonic() + timeout
        while True:
            states = {run["dag_run_id"]: str(run["state"]) for run in self.api.backfill_runs(backfill_id)}
            if states and set(states.values()) <= FINISHED_RUN:
                return states
            self.check_alive()
            if time.monotonic() > deadline:
                raise TimeoutError(f"Backfill {backfill_id} has not ended after {timeout} s: {states or 'it has no runs'}\n{self._tails()}")
            time.sleep(poll)

    # ----------------------------------------------------------------------------------------------------------------

    @cached_property
    def _environment(self) -> dict[str, str]:
        """The whole environment of all processes; made once, with the home."""
        for folder in (self.home, self._dags, self._plugins):
            folder.mkdir(parents=True, exist_ok=True)
        (self.home / "passwords.json").write_text(json.dumps({self.user: self.password}))
        own = {
            "api.port": str(self.port),
            "api.base_url": self.url,
            "core.dags_folder": str(self._dags),
            "core.execution_api_server_url": self._execution_url,
            "core.max_active_tasks_per_dag": str(self._parallelism),
            "core.parallelism": str(self._parallelism),
            "core.plugins_folder": str(self._plugins),
            "core.simple_auth_manager_passwords_file": str(self.home / "passwords.json"),
            "core.simple_auth_manager_users": f"{self.user}:admin",
        }
        return environment(self.home, settings={**own, **self._settings}, connections=self._connections, extra=self._extra_env)

    def _start(self, name: str) -> None:
        ports = {"api-server": self.port, "execution-api": self._execution_port}
        listens = ("--port", str(ports[name])) if name in ports else ()
        command = [sys.executable, "-m", "airflow", *_COMMANDS[name], *listens]
        self._components[name] = Component(name, command, env=self._environment, cwd=self.home, log=self.process_log(name))

    def _remember(self) -> None:
        alive = {name: component.pid for name, component in self._components.items() if component.returncode is None}
        remember(self.home, url=self.url, pids=alive, left={*self._left, *self.pids.values()} - set(alive.values()))

    def _wait_until_healthy(self, began: float, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while missing := self._unhealthy(began):
            self.check_alive()
            if time.monotonic() > deadline:
                raise TidegateError(f"Airflow is not healthy after {timeout} s; missing: {', '.join(missing)}.\n{self._tails()}")
            time.sleep(0.1)
        self.check_alive()
        self.api.sign_in()

    def _unhealthy(self, began: float) -> list[str]:
        """Name the components that have not shown life since ``began`` (a heartbeat of an earlier start does not count)."""
        health = self.api.health()
        if health is None:
            return ["api-server"]
        if not self.api.answers(f"{self._execution_url}health"):
            return ["execution-api"]
        beats = {name: (health.get(name) or {}).get(key) for name, key in _HEARTBEATS.items()}
        return [name for name, beat in beats.items() if not beat or datetime.fromisoformat(beat).timestamp() < began]

    def _late(self, dag_id: str, run_id: str, state: str, timeout: float) -> str:
        views = self.api.views(dag_id, run_id)
        states = "\n".join(f"    {view.key}: {view.state} (try {view.try_number})" for view in views)
        return f"Run {run_id} of {dag_id} is still {state} after {timeout} s.\n{states}\n{self._tails()}"

    def _tails(self) -> str:
        return "\n".join(f"  {name}:\n{tail(component.log, 12)}" for name, component in self._components.items())
