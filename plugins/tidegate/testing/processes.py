"""Processes that always end: start a component in its own session, know whether it lives, and leave nothing behind.

Runs in the process of the test, the demo or ``make up``; imports no Airflow.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Component", "end", "free_ports", "kill", "relatives", "tail"]

LOOPBACK = "127.0.0.1"


class Component:
    """One long-running command in a session of its own, writing to one log file.

    :param name: what a person calls it: ``scheduler``.
    :param command: the program and its arguments.
    :param env: its whole environment; nothing is inherited.
    :param log: where its output goes, behind what is there.
    """

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours, and no shell reads it
                list(command),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id; also the id of its process group and of its session."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it lives; negative when a signal ended it."""
        return self._process.poll()

    def reap(self) -> None:
        """Collect the exit code of the ended process, so that no zombie stays in the table."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)

    def obituary(self) -> str:
        """Say how it ended, with the last lines it wrote."""
        return f"{self.name} (pid {self.pid}) ended by itself with exit code {self.returncode}; its last lines:\n{tail(self.log)}"


def tail(log: Path, lines: int = 25) -> str:
    """Return the last lines of a log file, indented; an empty or missing file says so."""
    try:
        text = log.read_bytes()[-64_000:].decode(errors="replace")
    except OSError:
        return "    (no log file)"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (it wrote nothing)"


def relatives(leaders: Iterable[int]) -> set[psutil.Process]:
    """Find everything that the leaders started: members of their sessions, children of children, and the leaders.

    A process of theirs that lost its parent is still in the session; one that opened a session of its own is still a child.
    """
    sessions = set(leaders)
    found: set[psutil.Process] = set()
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if pid in sessions or os.getsid(pid) in sessions:
                found.add(psutil.Process(pid))
    for process in list(found):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.update(process.children(recursive=True))
    return {process for process in found if _lives(process)}


def end(leaders: Sequence[int], *, grace: float) -> None:
    """End the leaders and all they started: SIGTERM to the leaders, and SIGKILL to whatever lives after ``grace`` seconds."""
    known = relatives(leaders)
    for pid in leaders:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and any(_lives(process) for process in known):
        known |= relatives(leaders)
        time.sleep(0.05)
    kill(leaders, known)


def kill(leaders: Iterable[int], known: Iterable[psutil.Process] = ()) -> None:
    """SIGKILL to the leaders, to all they started, and to what else is known to be theirs.

    Returns when none of them lives. The table of processes is read again until nothing is found, since a dying process may fork.
    """
    leaders, known = set(leaders), set(known)
    for _ in range(100):
        known = {process for process in known | relatives(leaders) if _lives(process)}
        if not known:
            return
        for process in known:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Pick ports of the loopback interface that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def _lives(process: psutil.Process) -> bool:
    """Tell a living process from one that ended, a zombie, and another one that got its pid."""
    try:
        return bool(process.is_running()) and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
