"""What parsing costs, beside plain Python, dag-factory and Blueprint: ``python -m bench.parse [--samples 5] [--json FILE]``.

The contenders write the same pipelines (``bench/contenders.py``), which is checked. Each figure is a median over fresh processes, forked
off one that has imported Airflow and everything that a plain DAG file loads, with its memory frozen, as Airflow's dag-processor forks one
for each DAG file; the contenders take turns. A contender's own import is all that its loader brings beyond, and is no part of its parsing
times, which are those of Airflow's ``DagBag``.

The peers live in an environment of their own, made at the first run: the same Airflow for all.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from bench.contenders import ABOUT, CONTENDERS, CRON, NEEDS, OURS, OWN_KINDS, PLAIN, Contender, tidegate_document
from bench.peers import ROOT, move_in
from bench.reporting import claim, odd, show_claims

PEERS = ROOT / ".tidegate" / "bench-peers"
PACKAGES = ("dag-factory==1.1.0", "airflow-blueprint==0.5.0")
COUNTS = (1, 100, 500)
FEW, MANY = COUNTS[1:]
FORK = multiprocessing.get_context("fork")
SETTINGS = {
    "AIRFLOW_HOME": str(ROOT / ".tidegate" / "bench"),
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "DO_NOT_TRACK": "1",
}


# -- in a fresh process ---------------------------------------------------------------------------------------------


def fresh(work: Any, *arguments: Any) -> Any:
    """What a function returns in a process of its own; its failure ends the run."""
    receiving, sending = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_answer, args=(sending, work, arguments))
    process.start()
    sending.close()
    try:
        worked, answer = receiving.recv()
    except EOFError:
        worked, answer = False, f"a process died at {work} {arguments}"
    process.join()
    if not worked:
        sys.exit(answer)
    return answer


def _answer(sending: Any, work: Any, arguments: tuple[Any, ...]) -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        sending.send((True, work(*arguments)))
    except BaseException:  # noqa: BLE001  the parent tells
        sending.send((False, traceback.format_exc()))


def bring(modules: list[str]) -> float:
    """Milliseconds to import some modules."""
    began = time.perf_counter()
    for module in modules:
        with suppress(ImportError):  # a few stand in sys.modules under names that nobody can import
            importlib.import_module(module)
    return (time.perf_counter() - began) * 1000


def load(target: Path, *, safe_mode: bool = True) -> tuple[float, dict[str, Any]]:
    """Milliseconds from a DAG file, or a folder of them, to DAGs, by Airflow's own way."""
    from airflow.dag_processing.dagbag import DagBag

    began = time.perf_counter()
    bag = DagBag(dag_folder=str(target), safe_mode=safe_mode, load_op_links=False)
    took = (time.perf_counter() - began) * 1000
    if bag.import_errors:
        raise ValueError("\n".join(bag.import_errors.values()))
    return took, bag.dags


def loaded_by(target: Path) -> list[str]:
    """The modules that loading a project brings, its own files apart, in the order of their import."""
    before = set(sys.modules)
    load(target)
    home = str(target if target.is_dir() else target.parent)
    return [
        name for name, module in sys.modules.items() if name not in before and not str(getattr(module, "__file__", "")).startswith(home)
    ]


def complete(contender: Contender, dags: dict[str, Any], count: int) -> None:
    """Raise unless all pipelines are there, each with its sixteen tasks."""
    sizes = {len(dag.task_dict.keys() - contender.adds) for dag in dags.values()}
    if len(dags) != count or sizes != {len(NEEDS)}:
        told = next(iter(dags.values())).doc_md if dags else ""
        raise ValueError(f"{contender.name} made {len(dags)} DAGs of {sizes} tasks out of {count} pipelines of {len(NEEDS)}. {told}")


def parse(contender: Contender, target: Path, modules: list[str], count: int) -> float:
    """Milliseconds to load so many pipelines."""
    bring(modules)
    took, dags = load(target)
    complete(contender, dags, count)
    return took


def start(target: Path, modules: list[str], dag_id: str) -> float:
    """Milliseconds to load the one DAG that a starting task asks for."""
    os.environ |= {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": dag_id, "_AIRFLOW_PARSING_CONTEXT_TASK_ID": "load"}
    bring(modules)
    took, dags = load(target, safe_mode=False)
    if list(dags) != [dag_id] or len(dags[dag_id].tasks) == 1:
        raise ValueError(f"for a task of {dag_id}, this was built: {[(dag.dag_id, dag.task_ids) for dag in dags.values()]}")
    return took


def weigh(contender: Contender, target: Path) -> int:
    """Bytes of a serialized DAG, after looking whether it is the pipeline that was meant."""
    from airflow.serialization.serialized_objects import DagSerialization

    dags = load(target)[1]
    complete(contender, dags, 1)
    (dag,) = dags.values()
    tasks = [task for task in dag.tasks if task.task_id not in contender.adds]
    seen = {
        "description": dag.description,
        "cron": dag.timetable.expression,
        "tags": set(ABOUT["tags"]) <= set(dag.tags),
        "tasks": {
            task.task_id: (
                type(task).__name__,
                task.bash_command,
                sorted(task.upstream_task_ids),
                task.owner,
                task.retries,
                str(task.retry_delay),
            )
            for task in tasks
        },
    }
    meant = {
        "description": ABOUT["description"],
        "cron": CRON,
        "tags": True,
        "tasks": {task: ("BashOperator", f"echo {task}", sorted(needs), ABOUT["owner"], 2, "0:00:30") for task, needs in NEEDS.items()},
    }
    if seen != meant:
        raise ValueError(f"{contender.name} made another pipeline than was meant:\n{seen}\n{meant}")
    return len(json.dumps(DagSerialization.to_dict(dag)).encode())


def validate(folder: Path, count: int) -> float:
    """Milliseconds of ``tidegate validate`` from the shell's view, the start of Python and all imports included."""
    command = [str(Path(sys.prefix) / "bin" / "tidegate"), "validate", str(folder)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took = (time.perf_counter() - began) * 1000
    if done.returncode or f"{count} file(s), all right." not in done.stdout:
        sys.exit(f"{' '.join(command)} does not find {count} right files:\n{done.stdout[-2000:]}{done.stderr}")
    return took


# -- the run --------------------------------------------------------------------------------------------------------


def measure(folder: Path, samples: int) -> dict[str, Any]:
    """All samples of all figures."""
    names = {count: [f"sales_{number:03}" for number in range(count)] for count in COUNTS}
    targets = {(c.name, n): c.write(folder / c.name.replace(" ", "_") / str(n), names[n]) for c in CONTENDERS for n in COUNTS}
    own_kinds = Contender("own kinds", partial(tidegate_document, steps=OWN_KINDS), OURS.loader, OURS.pipelines)
    starts = {
        "16 operators": {n: targets[OURS.name, n] for n in (1, MANY)},
        "own kinds": {n: own_kinds.write(folder / "own_kinds" / str(n), names[n]) for n in (1, MANY)},
    }

    bring(["airflow.dag_processing.dagbag", "airflow.dag_processing.processor", "airflow.sdk.execution_time.task_runner"])
    bring(fresh(loaded_by, targets[PLAIN.name, 1]))
    for name in ("tidegate.provider_info", "tidegate"):  # Airflow asks each provider who it is; the rest of the import is to count in full
        sys.modules.pop(name, None)
    if early := [name for name in sys.modules if name.partition(".")[0] in {"tidegate", "dagfactory", "blueprint"}]:
        sys.exit(f"these would be measured without their import, Airflow having loaded them: {early}")
    gc.collect()
    gc.freeze()

    modules = {c.name: fresh(loaded_by, targets[c.name, 1]) for c in CONTENDERS}
    modules["own kinds"] = fresh(loaded_by, starts["own kinds"][1])
    seen: dict[str, Any] = {c.name: {"import": [], **{str(n): [] for n in COUNTS}} for c in CONTENDERS}
    begun: dict[str, Any] = {kind: {str(n): [] for n in places} for kind, places in starts.items()}
    for c in CONTENDERS:
        seen[c.name]["bytes"] = fresh(weigh, c, targets[c.name, 1])
    for sample in range(samples):
        turn = sample % len(CONTENDERS)
        for c in (*CONTENDERS[turn:], *CONTENDERS[:turn]):
            seen[c.name]["import"].append(fresh(bring, modules[c.name]))
            for n in COUNTS:
                seen[c.name][str(n)].append(fresh(parse, c, targets[c.name, n], modules[c.name], n))
        for kind, places in starts.items():
            for n, target in places.items():
                begun[kind][str(n)].append(
                    fresh(start, target, modules["own kinds" if kind == "own kinds" else OURS.name], names[n][n // 2])
                )
    ours = targets[OURS.name, MANY]
    validated = [validate((ours if ours.is_dir() else ours.parent) / OURS.pipelines, MANY) for _ in range(samples)]
    return {"contenders": seen, "task_start": begun, "validate": validated}


def summary(samples: dict[str, Any]) -> dict[str, Any]:
    """Medians, what one DAG more costs, and how all that compares to plain Python."""
    figures: dict[str, Any] = {}
    for name, seen in samples["contenders"].items():
        row = {key: statistics.median(value) if isinstance(value, list) else value for key, value in seen.items()}
        row["a_dag"] = (row[str(MANY)] - row[str(FEW)]) / (MANY - FEW)
        figures[name] = row
    plain = figures[PLAIN.name]
    for row in figures.values():
        row |= {f"{key}_ratio": row[key] / plain[key] for key in ("a_dag", str(MANY), "bytes")}
    starts = {kind: {n: statistics.median(value) for n, value in seen.items()} for kind, seen in samples["task_start"].items()}
    return {"contenders": figures, "task_start": starts, "validate": statistics.median(samples["validate"])}


def verdicts(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Tidegate's targets beside what was measured."""
    ours, starts = figures["contenders"][OURS.name], figures["task_start"]
    claims = [
        ("one DAG more, × plain Python", 1.25, ours["a_dag_ratio"]),
        (f"{MANY} DAGs, × plain Python", 1.25, ours[f"{MANY}_ratio"]),
        ("own import, ms", 60, ours["import"]),
        *((f"task start among {MANY} over that of one, {kind}, ms", 20, seen[str(MANY)] - seen["1"]) for kind, seen in starts.items()),
        ("serialized DAG, × plain Python", 1.1, ours["bytes_ratio"]),
        (f"tidegate validate on {MANY} pipelines, s", 5, figures["validate"] / 1000),
    ]
    return [claim(what, limit, value) for what, limit, value in claims]


def show(report: dict[str, Any]) -> None:
    """The tables."""
    print(f"medians of {report['samples']} fresh processes, milliseconds; {report['on']}")
    print(f"{len(NEEDS)} tasks a pipeline; 'a DAG': what one more costs, from {FEW} to {MANY} pipelines; ×: by plain Python's")
    print(
        f"\n{'contender':<16}{'import':>8}{'N=1':>8}{f'N={FEW}':>8}{f'N={MANY}':>8}{'a DAG':>8}{'×':>7}{f'× N={MANY}':>9}{'bytes':>8}{'×':>7}"
    )
    for name, row in report["contenders"].items():
        times = "".join(f"{row[key]:>8.0f}" for key in ("import", *map(str, COUNTS)))
        ratios = f"{row['a_dag_ratio']:>7.2f}{row[f'{MANY}_ratio']:>9.2f}"
        print(f"{name:<16}{times}{row['a_dag']:>8.2f}{ratios}{row['bytes']:>8}{row['bytes_ratio']:>7.2f}")
    print(f"\n{'task start':<16}{'among 1':>8}{f'among {MANY}':>11}{'more':>7}")
    for kind, seen in report["task_start"].items():
        print(f"{kind:<16}{seen['1']:>8.1f}{seen[str(MANY)]:>11.1f}{seen[str(MANY)] - seen['1']:>7.1f}")
    show_claims(report["verdicts"])


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="What parsing costs, beside plain Python, dag-factory and Blueprint.")
    parser.add_argument("--samples", type=odd, default=5, help="fresh processes for each figure, an odd number (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and all samples here too")
    options = parser.parse_args()
    move_in(PEERS, "bench.parse", sys.argv[1:], PACKAGES, SETTINGS)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as root:
        samples = measure(Path(root), options.samples)
    import airflow

    on = f"Airflow {airflow.__version__}, {', '.join(PACKAGES)}, Python {platform.python_version()}, {os.cpu_count()} cores"
    report = {"samples": options.samples, "on": on, **summary(samples)}
    report["verdicts"] = verdicts(report)
    show(report)
    print(f"\nmeasured in {time.perf_counter() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps({**report, "all_samples": samples}, indent=2) + "\n")


if __name__ == "__main__":
    main()
