"""A whole Airflow can be started, used and ended from a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from tidegate.errors import Refused, TidegateError
from tidegate.testing import LocalAirflow, TaskView, address_of, stop_leftovers
from tidegate.testing.leftovers import remember, running
from tidegate.testing.processes import Component, end, free_ports, relatives, tail

pytestmark = pytest.mark.slow

DAGS = """
import os
import time

from airflow.sdk import dag, get_current_context, task
from airflow.timetables.interval import CronDataIntervalTimetable


@dag(schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"), catchup=False, is_paused_upon_creation=True)
def tiny():
    @task
    def first():
        print("tonight we say:", get_current_context()["dag_run"].conf.get("word", "nothing"))
        return {"python_path": os.environ.get("PYTHONPATH"), "interval": str(get_current_context()["data_interval_start"])}

    @task
    def part(number):
        return number * 10

    @task(trigger_rule="all_done")
    def last():
        return "done"

    @task
    def broken():
        raise ValueError("a pipe burst")

    begin = first()
    begin >> [part.expand(number=[1, 2, 3]), broken()] >> last()


tiny()


@dag(schedule=None)
def slow():
    @task
    def sleep():
        time.sleep(120)

    sleep()


slow()
"""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    """One Airflow for all tests of this module."""
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    dags.mkdir()
    (dags / "tiny.py").write_text(DAGS)
    outside = pytest.MonkeyPatch()
    outside.setenv("AIRFLOW__CORE__EXECUTOR", "NoSuchExecutor")
    outside.setenv("PYTHONPATH", "/nowhere")
    with outside.context(), LocalAirflow(home, dags=dags, connections={"store": {"conn_type": "sqlite", "host": "store.db"}}) as started:
        yield started
    outside.undo()


@pytest.fixture(scope="module")
def night(airflow):
    """One ended run of the DAG ``tiny``, and what a watcher saw."""
    airflow.wait_for_dag("tiny", timeout=30)
    seen: list[list[TaskView]] = []
    run_id = airflow.trigger("tiny", logical_date=datetime(2017, 12, 23, tzinfo=UTC), conf={"word": "tide"})
    state = airflow.wait("tiny", run_id, timeout=90, watch=seen.append)
    return run_id, state, seen


@pytest.mark.scheduler
def test_a_run_is_followed_to_its_end(airflow, night):
    """The watcher is called until the run has ended, mapped tasks stand one by one, and the state is Airflow's."""
    run_id, state, seen = night
    # ``last`` is the only leaf, and it does not mind the broken pipe.
    assert state == "success"
    assert {view.key: view.state for view in seen[-1]} == {
        "broken": "failed",
        "first": "success",
        "last": "success",
        "part[0]": "success",
        "part[1]": "success",
        "part[2]": "success",
    }
    assert len(airflow.tasks("tiny", run_id)) == 6


@pytest.mark.scheduler
def test_a_logical_date_stands_for_the_interval_that_ends_there(airflow, night):
    """A run triggered for midnight is about the day before it, as a scheduled night is."""
    run = airflow.run("tiny", night[0])
    assert run["data_interval_start"] == "2017-12-22T00:00:00Z"
    assert run["data_interval_end"] == "2017-12-23T00:00:00Z"
    assert run["note"] is None


@pytest.mark.scheduler
def test_what_a_task_pushed_comes_back_as_it_was(airflow, night):
    """Values come back as JSON values, one by one for mapped tasks; and the caller's environment has not leaked in."""
    first = airflow.xcom("tiny", night[0], "first")
    assert first["python_path"] != "/nowhere"
    assert first["interval"].startswith("2017-12-22")
    assert airflow.xcom("tiny", night[0], "part", map_index=2) == 30
    with pytest.raises(Refused, match="404"):
        airflow.xcom("tiny", night[0], "part", key="nothing")


@pytest.mark.scheduler
def test_a_log_reads_as_in_the_ui(airflow, night):
    """Printed lines and tracebacks are in the log, one below the other."""
    assert "INFO - tonight we say: tide\n" in airflow.log("tiny", night[0], "first")
    assert "ValueError: a pipe burst" in airflow.log("tiny", night[0], "broken")


@pytest.mark.scheduler
def test_a_cleared_task_runs_again(airflow, night):
    """Clearing one task lets it, and what follows it, run a second time."""
    assert set(airflow.clear("tiny", night[0], ["broken"], include_downstream=True)) == {"broken", "last"}
    assert airflow.wait("tiny", night[0], timeout=60) == "success"
    tries = {task["task_id"]: task["try_number"] for task in airflow.tasks("tiny", night[0])}
    assert tries == {"first": 1, "part": 1, "broken": 2, "last": 2}


@pytest.mark.scheduler
def test_a_backfill_is_followed_to_its_end(airflow):
    """All runs of a backfill end, and its runs are the nights between its dates."""
    airflow.wait_for_dag("tiny")
    backfill = airflow.backfill("tiny", datetime(2017, 11, 1, tzinfo=UTC), datetime(2017, 11, 2, tzinfo=UTC), conf={"word": "again"})
    states = airflow.wait_backfill(backfill, timeout=90)
    assert list(states.values()) == ["success", "success"]


@pytest.mark.scheduler
def test_waiting_too_long_says_what_the_tasks_do(airflow):
    """The timeout names each task with its state, and shows what the processes wrote."""
    airflow.wait_for_dag("slow")
    run_id = airflow.trigger("slow")
    with pytest.raises(TimeoutError, match=r"(?s)sleep: .*scheduler:"):
        airflow.wait("slow", run_id, timeout=4)


@pytest.mark.scheduler
def test_an_unknown_dag_is_named(airflow):
    """Waiting for a DAG that no file holds ends with its name."""
    with pytest.raises(TidegateError, match="No DAG nothing in"):
        airflow.wait_for_dag("nothing", timeout=1)


@pytest.mark.scheduler
def test_connections_and_commands_share_one_environment(airflow):
    """The command line sees the connection, and the executor of this Airflow instead of the caller's."""
    assert '"host": "store.db"' in airflow._environment["AIRFLOW_CONN_STORE"]
    answer = airflow.command("config", "get-value", "core", "executor")
    assert answer.stdout.strip().endswith("LocalExecutor")


@pytest.mark.scheduler
def test_a_person_in_this_home_has_the_same_keys(airflow):
    """The airflow command with nothing but AIRFLOW_HOME adds a connection whose secrets this Airflow can read."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")} | {"AIRFLOW_HOME": str(airflow.home)}
    connection = json.dumps({"conn_type": "postgres", "password": "ebb", "extra": {"moon": "full"}})
    command = [sys.executable, "-m", "airflow", "connections", "add", "tide_table", "--conn-json", connection]
    subprocess.run(command, env=outside, cwd=airflow.home, check=True, capture_output=True, timeout=60)
    assert json.loads(airflow.api.request("GET", "/connections/tide_table")["extra"]) == {"moon": "full"}


@pytest.mark.scheduler
def test_nobody_waits_for_a_lock_in_vain(airflow, night):
    """Twelve writers share one SQLite file without a single "database is locked"."""
    logs = [path for path in (airflow.home / "logs").rglob("*.log") if "database is locked" in path.read_text(errors="replace")]
    assert logs == []


def _task_at_work(airflow, run_id):
    """Wait until the task of ``slow`` runs; the processes that the scheduler has started by then."""
    deadline = time.monotonic() + 60
    while airflow.tasks("slow", run_id)[0]["state"] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return relatives([airflow.pids["scheduler"]])


def _living(processes):
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.scheduler
def test_a_killed_scheduler_comes_back_and_what_it_left_is_swept_away(airflow):
    """Killed alone, its tasks live on beside the new scheduler, until they are swept away; killed as a whole, nothing is left."""
    airflow.wait_for_dag("slow")
    old = airflow.pids["scheduler"]
    before = _task_at_work(airflow, airflow.trigger("slow", run_id="alone"))
    airflow.kill("scheduler", alone=True)
    airflow.check_alive()
    assert "scheduler" not in airflow.pids
    airflow.restart("scheduler")
    assert old not in airflow.pids.values()
    assert _living(before)
    assert {process.pid for process in _living(before)} <= running(airflow.home)
    airflow.sweep()
    assert _living(before) == []

    before = relatives([airflow.pids["scheduler"]])
    airflow.restart("scheduler")
    assert _living(before) == []


@pytest.mark.scheduler
def test_stop_leaves_no_process_even_while_a_task_runs(airflow):
    """After stop no process of the sessions lives, a second stop does nothing, and a dead process was reported before."""
    airflow.wait_for_dag("slow")
    run_id = airflow.trigger("slow")
    for _ in range(60):
        if airflow.tasks("slow", run_id)[0]["state"] == "running":
            break
        time.sleep(0.5)
    everyone = relatives(airflow.pids.values())
    assert len(everyone) > 16
    assert address_of(airflow.home) == airflow.url
    os.kill(airflow.pids["triggerer"], 9)
    time.sleep(0.5)
    with pytest.raises(TidegateError, match=r"triggerer .* ended by itself"):
        airflow.wait("slow", run_id, timeout=10)
    with pytest.raises(TidegateError, match="already running"):
        LocalAirflow(airflow.home, dags=airflow.home / "dags").start()
    assert address_of(airflow.home) is None
    airflow.stop()
    airflow.stop()
    assert address_of(airflow.home) is None
    assert [process for process in everyone if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    assert airflow.pids == {}
    assert stop_leftovers(airflow.home) == 0


@pytest.mark.scheduler
def test_a_component_that_dies_at_once_ends_the_start(tmp_path):
    """A start that cannot succeed fails in seconds and shows the lines of the process to blame."""
    (port,) = free_ports(1)
    broken = LocalAirflow(tmp_path / "home", dags=tmp_path / "dags", settings={"scheduler.scheduler_idle_sleep_time": "often"}, port=port)
    with pytest.raises(TidegateError, match=r"(?s)scheduler \(pid \d+\) ended by itself with exit code 1.*often"):
        broken.start()
    assert broken.pids == {}


def test_a_whole_session_ends_with_its_leader(tmp_path):
    """Children in other groups and in other sessions end too, and so do those who ignore SIGTERM."""
    script = textwrap.dedent("""
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "300"], process_group=0)
        subprocess.Popen(["sleep", "300"], start_new_session=True)
        print("ready", flush=True)
        time.sleep(300)
    """)
    component = Component("sleeper", [sys.executable, "-c", script], env=dict(os.environ), cwd=tmp_path, log=tmp_path / "sleeper.log")
    while "ready" not in tail(component.log):
        assert component.returncode is None
    everyone = relatives([component.pid])
    assert len(everyone) == 3
    end([component.pid], grace=0.2)
    component.reap()
    assert component.returncode == -9
    assert [process for process in everyone if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []


def test_leftovers_are_found_even_when_their_leader_is_gone(tmp_path):
    """Another process than the one that started them ends them, by what is written in the home; a pid that went to somebody else is safe."""
    script = "import subprocess, time; subprocess.Popen(['sleep', '300']); print('ready', flush=True); time.sleep(300)"
    component = Component("leader", [sys.executable, "-c", script], env=dict(os.environ), cwd=tmp_path, log=tmp_path / "leader.log")
    while "ready" not in tail(component.log):
        assert component.returncode is None
    remember(tmp_path, url="http://here", pids={"leader": component.pid})
    assert address_of(tmp_path) == "http://here"
    os.kill(component.pid, 9)
    time.sleep(0.2)
    assert address_of(tmp_path) is None
    assert len(running(tmp_path)) == 1  # its child, though the leader still stands in the table
    component.reap()
    assert stop_leftovers(tmp_path) == 1
    assert relatives([component.pid]) == set()
    record = {"url": "", "processes": {"stranger": {"pid": os.getpid(), "created": 1.0}}, "left": [os.getpid()]}
    (tmp_path / "processes.json").write_text(json.dumps(record))
    assert stop_leftovers(tmp_path) == 0


def test_an_obituary_shows_the_last_lines(tmp_path):
    """A process that ended by itself is told by name, exit code and last words."""
    command = [sys.executable, "-c", "print('no water left'); raise SystemExit(3)"]
    component = Component("pump", command, env=dict(os.environ), cwd=tmp_path, log=tmp_path / "pump.log")
    component.reap()
    assert "pump" in component.obituary()
    assert "exit code 3" in component.obituary()
    assert "no water left" in component.obituary()
    assert "no log file" in tail(Path(tmp_path / "nothing.log"))
