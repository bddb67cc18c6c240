"""One pipeline of 16 tasks as each contender of ``bench.parse`` writes it, in the form that its documentation recommends."""

from __future__ import annotations

from compileall import compile_dir
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

BASH = "airflow.providers.standard.operators.bash.BashOperator"
CRON = "0 2 * * *"
ABOUT = {"description": "Sales of each day by region and product.", "owner": "analytics", "tags": ["sales", "nightly"]}
LAYERS = tuple(tuple(f"work_{n // 2}_{part}" for part in "abcd") if n % 2 else (f"join_{n // 2}",) for n in range(7))
"""A task, four that wait for it, one that waits for the four, and so on."""
NEEDS = {task: list(before) for before, layer in pairwise(((), *LAYERS)) for task in layer}
"""Task → the tasks that it waits for."""

PLAIN_HEAD = """\
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    "{name}",
    description={description!r},
    schedule={cron!r},
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags={tags!r},
    default_args={{"owner": {owner!r}, "retries": 2, "retry_delay": timedelta(seconds=30)}},
):
"""
# The least that pipelines in YAML can cost: no checks, no names for anything but these tasks.
LOOP = """\
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

for path in sorted(Path(__file__).parent.glob("*.yaml")):
    pipeline = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    with DAG(
        pipeline["name"],
        description=pipeline["description"],
        schedule=pipeline["schedule"],
        start_date=datetime(2026, 1, 1),
        catchup=False,
        tags=pipeline["tags"],
        default_args={"owner": pipeline["owner"], "retries": 2, "retry_delay": timedelta(seconds=pipeline["retry_delay"])},
    ) as dag:
        tasks = {task: BashOperator(task_id=task, bash_command=words["command"]) for task, words in pipeline["tasks"].items()}
        for task, words in pipeline["tasks"].items():
            [tasks[need] for need in words["needs"]] >> tasks[task]
    globals()[dag.dag_id] = dag
"""
TIDEGATE = """\
from pathlib import Path

from tidegate import build_dags

globals().update(build_dags(Path(__file__).parent / "include" / "pipelines"))  # Airflow looks for the words airflow and dag
"""
DAG_FACTORY = """\
from pathlib import Path

from airflow.sdk import DAG
from dagfactory import load_yaml_dags

load_yaml_dags(globals_dict=globals(), dags_folder=str(Path(__file__).parent))
"""
BLUEPRINT = "from blueprint import build_all_airflow_dags\n\nbuild_all_airflow_dags()\n"
BLUEPRINT_TEMPLATES = """\
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from blueprint import BaseModel, Blueprint, BlueprintDagArgs


class BashConfig(BaseModel):
    command: str


class Bash(Blueprint[BashConfig]):
    def render(self, config: BashConfig) -> BashOperator:
        return BashOperator(task_id=self.step_id, bash_command=config.command)


class NightlyConfig(BaseModel):
    description: str
    schedule: str
    owner: str
    tags: list[str]
    retries: int
    retry_delay: int


class Nightly(BlueprintDagArgs[NightlyConfig]):
    def render(self, config: NightlyConfig) -> dict[str, Any]:
        return {
            "description": config.description,
            "schedule": config.schedule,
            "start_date": datetime(2026, 1, 1),
            "tags": config.tags,
            "default_args": {"owner": config.owner, "retries": config.retries, "retry_delay": timedelta(seconds=config.retry_delay)},
        }
"""
OWN_KINDS = {
    "extract": {
        "for_each": {"region": list("abcdefghij")},
        "uses": "extract",
        "with": {"connection": "sales_{region}", "query": "SELECT 1 AS id"},
    },
    "arrived": {"needs": "extract", "uses": "barrier", "with": {"at_least": "80%"}},
    "clean": {"needs": "arrived", "for_each": {"part": "arrived"}, "uses": "transform", "with": {"sql": "SELECT * FROM input"}},
    "load": {"needs": "clean", "uses": "load", "with": {"connection": "warehouse", "table": "sales", "replace": ["id", "region"]}},
}
"""The steps of a pipeline of Tidegate's own kinds, for its tasks' start alone: no other contender has them."""


@dataclass(frozen=True)
class Contender:
    """Somebody's way to 500 DAGs."""

    name: str
    document: Callable[[str], dict[str, Any]] | None = None
    """The YAML of a pipeline of some name; without it each pipeline is a DAG file of its own."""
    loader: str = ""
    """The one DAG file."""
    pipelines: str = "."
    """Folder of the YAML files, from the DAG file's."""
    suffix: str = ".yaml"
    beside: str = ""
    """A module beside the DAG file."""
    adds: frozenset[str] = frozenset()
    """Tasks that it may put beside the sixteen."""

    def write(self, folder: Path, names: Sequence[str]) -> Path:
        """Lay out a project in a new folder, and tell what Airflow is to load: the DAG file, or the folder of all of them."""
        import yaml

        home = folder / self.pipelines
        home.mkdir(parents=True)
        for name in names:
            if self.document is None:
                (home / f"{name}.py").write_text(plain_file(name))
            else:
                (home / f"{name}{self.suffix}").write_text(yaml.safe_dump(self.document(name), sort_keys=False))
        if self.beside:
            (folder / "templates.py").write_text(self.beside)
        if self.loader:
            (folder / "loader.py").write_text(self.loader)
        compile_dir(folder, quiet=1)  # as after Airflow's first look at a file
        return folder / "loader.py" if self.loader else folder


def plain_file(name: str) -> str:
    """A DAG file as people write them."""
    lines = [f'    {task} = BashOperator(task_id="{task}", bash_command="echo {task}")' for task in NEEDS]
    edges = " >> ".join(layer[0] if len(layer) == 1 else f"[{', '.join(layer)}]" for layer in LAYERS)
    return PLAIN_HEAD.format(name=name, cron=CRON, **ABOUT) + "\n".join([*lines, f"    {edges}"]) + "\n"


def _loop(name: str) -> dict[str, Any]:
    tasks = {task: {"command": f"echo {task}", "needs": needs} for task, needs in NEEDS.items()}
    return {"name": name, **ABOUT, "schedule": CRON, "retry_delay": 30, "tasks": tasks}


def tidegate_document(name: str, steps: dict[str, Any] | None = None) -> dict[str, Any]:
    """A Tidegate pipeline, of the sixteen tasks if no other steps are given."""
    sixteen = {task: {"uses": BASH, "needs": needs, "with": {"bash_command": f"echo {task}"}} for task, needs in NEEDS.items()}
    return {
        "pipeline": name,
        **ABOUT,
        "schedule": {"cron": CRON, "start": date(2026, 1, 1)},
        "defaults": {"retries": 2, "retry": {"delay": "30s"}},
        "steps": steps or sixteen,
    }


def _dag_factory(name: str) -> dict[str, Any]:
    tasks = [{"task_id": task, "operator": BASH, "bash_command": f"echo {task}", "dependencies": needs} for task, needs in NEEDS.items()]
    delay = {"__type__": "datetime.timedelta", "seconds": 30}
    return {
        name: {
            "description": ABOUT["description"],
            "tags": ABOUT["tags"],
            "schedule": CRON,
            "start_date": date(2026, 1, 1),
            "catchup": False,
            "default_args": {"owner": ABOUT["owner"], "retries": 2, "retry_delay": delay},
            "tasks": tasks,
        }
    }


def _blueprint(name: str) -> dict[str, Any]:
    steps = {task: {"blueprint": "bash", "depends_on": needs, "command": f"echo {task}"} for task, needs in NEEDS.items()}
    return {"dag_id": name, **ABOUT, "schedule": CRON, "retries": 2, "retry_delay": 30, "steps": steps}


PLAIN = Contender("plain Python")
OURS = Contender("Tidegate", tidegate_document, TIDEGATE, "include/pipelines", adds=frozenset({"outcome"}))
CONTENDERS = (
    PLAIN,
    Contender("bare YAML loop", _loop, LOOP),
    OURS,
    Contender("dag-factory", _dag_factory, DAG_FACTORY),
    Contender("Blueprint", _blueprint, BLUEPRINT, suffix=".dag.yaml", beside=BLUEPRINT_TEMPLATES),
)
