"""One sample, in a process of its own: ``python -m bench.data.sample``, which is told ``{"suite": …, "contender": …, "job": {…}, "modules": […]}`` as its input.

Prints what it took as JSON; without modules, which modules a contender brings, for a later sample to import before the clock starts.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.data.contenders import EXTRACTS, Job
from bench.data.loads import LOADS


def main() -> None:
    """Move the rows."""
    asked = json.load(sys.stdin)
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    contender = {**LOADS, **EXTRACTS}[asked["suite"]][asked["contender"]]
    job = Job(**asked["job"])
    if asked["modules"] is None:
        before = set(sys.modules)
        contender(job)
        print(json.dumps([name for name in sys.modules if name not in before]), file=told)
    else:
        print(json.dumps(measured(contender, job, asked["modules"])), file=told)


def measured(contender: Any, job: Job, modules: list[str]) -> dict[str, float]:
    """Seconds of the import, of the clock and of the processor without the import, and megabytes at the peak with it."""
    began = time.perf_counter()
    for module in modules:
        with suppress(ImportError):  # a few stand in sys.modules under names that nobody can import
            importlib.import_module(module)
    imported = time.perf_counter()
    busy = processor()
    contender(job)
    return {"import": imported - began, "wall": time.perf_counter() - imported, "cpu": processor() - busy, "peak": peak()}


def processor() -> float:
    """Seconds, of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak() -> float:
    """Megabytes, of this process or of the largest that it waited for. Its own ``ru_maxrss`` would know the parent's too."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return max(int(line.split()[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


if __name__ == "__main__":
    main()
