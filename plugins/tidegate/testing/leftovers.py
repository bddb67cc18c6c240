"""Who runs in a home: written down by the process that starts an Airflow, so that another one can find and stop it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped]

from tidegate.testing.processes import end, relatives

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["address_of", "forget", "gone", "remember", "running", "stop_leftovers"]

_FILE = "processes.json"


def remember(home: Path, *, url: str, pids: Mapping[str, int], left: Iterable[int] = ()) -> None:
    """Write down which processes run in ``home``, and where they answer.

    :param left: the ids of processes that are gone, and that may have left others behind.
    """
    processes = {name: {"pid": pid, "created": psutil.Process(pid).create_time()} for name, pid in pids.items()}
    (home / _FILE).write_text(json.dumps({"url": url, "processes": processes, "left": sorted(left)}))


def forget(home: Path) -> None:
    """Nothing runs in ``home`` any more."""
    (home / _FILE).unlink(missing_ok=True)


def address_of(home: Path) -> str | None:
    """Return where the Airflow that runs in ``home`` answers, or None when one of its processes is not there."""
    record = _record(home)
    alive = all(_works(process) for process in record["processes"].values())
    return str(record["url"]) if record["processes"] and alive else None


def running(home: Path) -> set[int]:
    """Return the ids of all processes that the Airflow of ``home`` has left."""
    return {process.pid for process in relatives(_leaders(home))}


def stop_leftovers(home: Path) -> int:
    """End what an earlier process left running in ``home``; return how many processes that were."""
    count = len(running(home))
    end(_leaders(home), grace=3)
    forget(home)
    return count


def _leaders(home: Path) -> list[int]:
    """Return the recorded ids that are still ours.

    The id of a process that is gone counts too: what it started may live on in its session, and as long as it does, the kernel gives
    that id to nobody else.
    """
    record = _record(home)
    leaders = [int(process["pid"]) for process in record["processes"].values() if _is(process) or not psutil.pid_exists(process["pid"])]
    return [*leaders, *gone(record["left"])]


def gone(pids: Iterable[int]) -> list[int]:
    """Of leaders that have ended, those whose ids nobody else has got since: what they started may live on in their sessions."""
    return [pid for pid in pids if not psutil.pid_exists(pid)]


def _is(process: Mapping[str, Any]) -> bool:
    """Tell the recorded process from another one that got its id since: by the moment of its birth."""
    try:
        return bool(abs(psutil.Process(process["pid"]).create_time() - process["created"]) < 1)
    except psutil.NoSuchProcess:
        return False


def _works(process: Mapping[str, Any]) -> bool:
    """Tell whether the recorded process still does anything; one that was killed may stand in the table for a while."""
    try:
        return _is(process) and bool(psutil.Process(process["pid"]).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _record(home: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((home / _FILE).read_text()))
    except FileNotFoundError:
        return {"url": "", "processes": {}, "left": []}
