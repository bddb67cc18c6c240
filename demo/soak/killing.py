"""Kills parts of an Airflow with SIGKILL at moments that a seed chooses, and starts them again."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import psutil

from tidegate.testing.processes import relatives

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from threading import Event

    from tidegate.testing import LocalAirflow

SCHEDULER, ALONE, WORKER, TASK = "scheduler with all its tasks", "scheduler alone", "worker", "task"
TRIGGERER, PROCESSOR = "triggerer", "dag-processor"
_DECK = (*(SCHEDULER,) * 4, *(TASK,) * 4, *(WORKER,) * 3, *(ALONE,) * 2, TRIGGERER, PROCESSOR)
"""What is killed how often, in fifteen kills."""
WAITS, DECIDES, LOAD, COMMITS, OUTCOME = "barrier waiting", "barrier deciding", "load", "transaction in the warehouse", "outcome"
_PHASES = {"extract": "extract", "arrived": DECIDES, "clean": "transform", "load": LOAD, "outcome": OUTCOME, "catch_up": "look for gaps"}
_AIMS = ("extract", DECIDES, WAITS, "transform", LOAD, COMMITS, OUTCOME, "")
"""What is to be at work in the moment; the empty one is anything at all."""
_AIMING = 20.0
"""Seconds to wait for what is aimed at; then the moment is any."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A task instance that is at work."""

    id: str
    """As it stands in the titles of its processes."""
    dag_id: str
    run_id: str
    task_id: str
    state: str

    @property
    def phase(self) -> str:
        """What it does, in the words of the figures."""
        return WAITS if self.state == "deferred" else _PHASES.get(self.task_id.partition(".")[0], self.task_id)


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill."""

    kind: str
    during: tuple[str, ...]
    """What was at work."""
    hit: str = ""
    """The task whose process it was."""


@dataclass
class Killer:
    """Works in a thread of its own until it is stopped: kills, and starts again, also what has ended by itself."""

    airflow: LocalAirflow
    warehouse: Path
    kills: int
    seed: int
    told: Callable[[str], None]
    until: float
    """Of the monotonic clock: after that no more is killed."""
    done: list[Kill] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    """Components that ended by themselves."""

    def run(self, pause: float, ready: Event, stop: Event) -> None:
        """Kill as often as it is to, with about so many seconds in between; then see to it that all live.

        :param ready: set when all kills are done.
        """
        try:
            self._kill_all(pause, stop)
        finally:
            ready.set()
        while not stop.wait(2):
            self._revive()
        self.airflow.sweep()

    def _kill_all(self, pause: float, stop: Event) -> None:
        chance = random.Random(self.seed)
        for kind, aim in self._plan(chance):
            if stop.wait(chance.uniform(0.5, 1.5) * pause) or time.monotonic() > self.until:
                return
            self.airflow.sweep()
            self._revive()
            kill = self._kill(kind, aim, chance)
            if kill is not None:
                self.done.append(kill)
                self.told(f"kill {len(self.done)}: {kill.kind}{kill.hit and f' of {kill.hit}'}, during {', '.join(kill.during)}")

    def _plan(self, chance: random.Random) -> Iterator[tuple[str, str]]:
        deck: list[str] = []
        while len(self.done) < self.kills:
            deck = deck or chance.sample(_DECK, len(_DECK))
            kind = deck.pop()
            yield kind, WAITS if kind == TRIGGERER else chance.choice([aim for aim in _AIMS if aim != WAITS or kind in {SCHEDULER, ALONE}])

    def _kill(self, kind: str, aim: str, chance: random.Random) -> Kill | None:
        victim = self._moment(aim, chance, process=kind in {WORKER, TASK})
        during = self.at_work()
        if kind in {WORKER, TASK}:
            if victim is None or not self._kill_process(victim, kind):
                return None  # nothing was at work: another time
            return Kill(kind, during, f"{victim.dag_id}.{victim.task_id}")
        component = "scheduler" if kind in {SCHEDULER, ALONE} else kind
        self.airflow.kill(component, alone=kind == ALONE)
        time.sleep(chance.uniform(0, 4))
        self.airflow.restart(component)
        return Kill(kind, during)

    def _moment(self, aim: str, chance: random.Random, *, process: bool) -> Instance | None:
        """Wait for what is aimed at, and then for a random while; give one task that is in it.

        :param process: whether it must be one that has a process.
        """
        until = time.monotonic() + _AIMING
        while time.monotonic() < until:
            if aim == COMMITS:
                if self._commits():
                    return next((one for one in self.instances() if one.phase in {LOAD, OUTCOME} and one.state == "running"), None)
                time.sleep(0.002)
                continue
            found = [one for one in self.instances() if aim in {"", one.phase} and not (process and one.state != "running")]
            if found:
                time.sleep(chance.uniform(0, 2.5))
                left = {one.id for one in self.instances() if one.state == "running" or not process}
                found = [one for one in found if one.id in left]
                return chance.choice(found) if found else None
            time.sleep(0.1)
        return None

    def _kill_process(self, victim: Instance, kind: str) -> bool:
        title = f"airflow worker -- LocalExecutor: {victim.id}" if kind == WORKER else f"airflow worker -- {victim.id}"
        for process in relatives([self.airflow.pids["scheduler"]]):
            with suppress(psutil.NoSuchProcess):
                if " ".join(process.cmdline()).strip() == title:
                    process.kill()
                    return True
        return False

    def _revive(self) -> None:
        for name, pid in self.airflow.pids.items():
            if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                self.died.append(name)
                self.told(f"{name} has ended by itself, and is started again")
                self.airflow.restart(name)

    # -- What is at work ---------------------------------------------------------------------------------------------

    def instances(self) -> list[Instance]:
        """The task instances that are at work, as the metadata database has them."""
        query = "SELECT id, dag_id, run_id, task_id, state FROM task_instance WHERE state IN ('running', 'deferred')"
        with closing(sqlite3.connect(f"file:{self.airflow.home}/airflow.db?mode=ro", uri=True, timeout=30)) as metadata:
            return [Instance(str(UUID(found[0])), *found[1:]) for found in metadata.execute(query)]

    def at_work(self) -> tuple[str, ...]:
        """What is at work, each phase once."""
        phases = {one.phase for one in self.instances()}
        return tuple(sorted(phases | ({COMMITS} if self._commits() else set()))) or ("nothing",)

    def _commits(self) -> bool:
        return self.warehouse.with_name(f"{self.warehouse.name}-journal").exists()

    def figures(self) -> list[tuple[str, Counter[str]]]:
        """Kills by kind, and by what was at work."""
        return [
            ("kills", Counter(kill.kind for kill in self.done)),
            ("at work when killed", Counter(phase for kill in self.done for phase in kill.during)),
            ("processes of", Counter(kill.hit.partition(".")[2].partition(".")[0] for kill in self.done if kill.hit)),
        ]
