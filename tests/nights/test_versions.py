"""What Airflow makes of files over time: no version that nobody made, and a file that breaks while Airflow runs."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tidegate.testing.local_airflow import LocalAirflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.scheduler, pytest.mark.slow, pytest.mark.timeout(900)]
HERE = Path(__file__).parent
TIMES = 20
RICH = """\
pipeline: rich
description: Something of everything that is stored with a DAG.
owner: town
owner_links: {town: "https://town.example", harbour: "mailto:h@town.example"}
tags: [versions, b, a]
schedule:
  cron: "0 2 * * *"
  timezone: Europe/Berlin
  start: 2026-01-01

params:
  word: {type: string, default: tide, enum: [tide, ebb, flood], title: Which word}
  many: 3
deadline: [{name: late, within: 2h, callback: {uses: tidegate.notifications.LogNotifier, with: {message: late}}}]
defaults: {retries: 1, retry: {delay: 1s, max_delay: 2s}}
resources: {till: {limit: 2}, erp: {limit: 4}}
steps:
  regions:
    for_each: {region: {emea: {}, apac: {retries: 0}, us-east: {}}}
    tooltip: One for each region
    steps:
      fetch: {uses: airflow.providers.standard.operators.bash.BashOperator, with: {bash_command: "echo {region}", env: {B: b, A: a}}}
      check: {needs: {step: fetch, because: rule}, uses: airflow.providers.standard.operators.empty.EmptyOperator, inlets: [b, a], outlets: [d, c]}
  listed: {needs: regions, uses: airflow.providers.standard.operators.bash.BashOperator, with: {bash_command: "echo 1"}}
  each: {uses: airflow.providers.standard.operators.bash.BashOperator, expand: {bash_command: [echo a, echo b]}, needs: listed}
  rows: {needs: listed, uses: airflow.providers.standard.operators.bash.BashOperator, expand_kwargs: [{bash_command: echo c}, {bash_command: echo d}]}
  prepare: {uses: airflow.providers.standard.operators.empty.EmptyOperator}
  clear: {needs: [each, rows], teardown: prepare, uses: airflow.providers.standard.operators.empty.EmptyOperator}
publish: [{name: total, group: town, extra: {z: 1, a: 2}}]
alerts:
  - {on: [partial, failed, recovered], notify: {uses: tidegate.notifications.LogNotifier, with: {message: "{{ tidegate.sentence }}"}}}
"""


@dataclass
class Place:
    """An Airflow whose pipelines may be changed."""

    airflow: LocalAirflow
    pipelines: Path

    def dag(self, dag_id: str = "rich") -> dict[str, Any]:
        """What the REST API says of a DAG in detail, without what says when it was read."""
        details = self.airflow.api.request("GET", f"/dags/{dag_id}/details")
        return {
            key: value
            for key, value in details.items()
            if key not in {"last_parsed", "last_parsed_time", "last_parse_duration", "file_token"}
        }

    def versions(self) -> dict[str, int]:
        """DAG → how many versions Airflow keeps of it."""
        request = self.airflow.api.request
        ids = [dag["dag_id"] for dag in request("GET", "/dags", params={"limit": 100})["dags"]]
        return {dag_id: request("GET", f"/dags/{dag_id}/dagVersions")["total_entries"] for dag_id in ids}

    def scheduled(self, dag_id: str = "rich") -> int:
        """How many runs the scheduler made by itself."""
        answer = self.airflow.api.request("GET", f"/dags/{dag_id}/dagRuns", params={"run_type": "scheduled"})
        return int(answer["total_entries"])

    def tags(self, dag_id: str = "rich") -> list[str]:
        """The words by which people find it."""
        return sorted(tag["name"] for tag in self.dag(dag_id)["tags"])

    def write(self, text: str) -> None:
        """Change the rich pipeline on disk."""
        (self.pipelines / "rich.yaml").write_text(text)

    def read_again(self) -> None:
        """Parse everything in a fresh process, and store it as the dag-processor does."""
        done = self.airflow.command("dags", "reserialize")
        assert done.returncode == 0, done.stderr

    def run(self) -> tuple[str, str]:
        """A run of the rich pipeline by hand, to its end: its id and state."""
        run_id = self.airflow.trigger("rich")
        return run_id, self.airflow.wait("rich", run_id, timeout=120)


def until(ask: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < end, f"it is not so after {seconds} s"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """All pipelines of the town and a rich one, switched off, in an Airflow of their own."""
    root = tmp_path_factory.mktemp("versions")
    shutil.copytree(HERE / "project", root / "project")
    pipelines = root / "project" / "include" / "pipelines"
    (pipelines / "rich.yaml").write_text(RICH)
    settings = {"core.dags_are_paused_at_creation": "True", "dag_processor.min_file_process_interval": "2"}
    with LocalAirflow(root / "airflow", dags=root / "project" / "dags", parallelism=4, settings=settings) as airflow:
        until(lambda: airflow.api.dag("rich") is not None, 120)
        yield Place(airflow, pipelines)


def test_a_file_that_stays_as_it_is_makes_no_version(place: Place) -> None:
    """However often it is read, in processes whose hashes differ, and though it has runs, without which Airflow would change a version in place."""
    expected = set(place.versions())
    assert {"rich", "grammar", "shop_sales", "broken", "messages"} <= expected
    for dag_id in expected:
        run_id = place.airflow.trigger(dag_id)
        assert place.airflow.tasks(dag_id, run_id), dag_id
    for _ in range(TIMES):
        place.read_again()
    assert place.versions() == dict.fromkeys(expected, 1)

    place.write(RICH.replace("echo {region}", "echo the {region}"))
    place.read_again()
    changed = place.versions()
    place.write(RICH)
    assert changed == {**dict.fromkeys(expected, 1), "rich": 2}, "a change must show, or the above says nothing"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (
            RICH.replace("    tooltip:", "    tooltips:"),
            ["rich.yaml:20:5  steps.regions.tooltips: unknown key 'tooltips'", "Did you mean 'tooltip'?"],
        ),
        (
            RICH.replace("  listed: {needs: regions,", "  listed: {needs: [regions,"),
            ["rich.yaml:24:121  is no valid YAML: while parsing a flow sequence did not find expected ',' or ']'"],
        ),
    ],
    ids=["a key that is none", "no YAML"],
)
def test_a_file_that_breaks_stays_in_sight_and_becomes_itself_again(place: Place, broken: str, told: list[str]) -> None:
    """With its findings, its hours and its runs, while all others are as they were."""
    place.write(RICH)
    until(lambda: "broken" not in place.tags())
    place.airflow.wait_for_dag("rich")
    until(lambda: place.scheduled() > 0)  # what was due is made once it is switched on, and moves its next time
    others = [dag_id for dag_id in place.versions() if dag_id != "rich"]
    before, beside = place.dag(), {dag_id: place.dag(dag_id) for dag_id in others}

    place.write(broken)
    until(lambda: "broken" in place.tags())
    now = place.dag()
    assert now["timetable_summary"] == before["timetable_summary"] == "0 2 * * *"
    assert now["timezone"] == before["timezone"]
    assert now["next_dagrun_logical_date"] == before["next_dagrun_logical_date"]
    assert (now["is_paused"], now["is_stale"], now["has_import_errors"]) == (False, False, False)
    assert now["description"] == "Cannot run: its file has 1 finding(s)."
    assert [finding for finding in told if finding not in now["doc_md"]] == []
    assert {dag_id: place.dag(dag_id) for dag_id in others} == beside
    assert place.airflow.api.import_errors() == []

    run_id, state = place.run()
    assert state == "failed"
    log = place.airflow.log("rich", run_id, "findings")
    assert [finding for finding in told if finding not in log] == []

    place.write(RICH)
    until(lambda: "broken" not in place.tags())
    now = place.dag()
    assert now["timetable_summary"] == before["timetable_summary"]
    assert {key: now[key] for key in ("description", "doc_md", "tags", "params", "owners")} == {
        key: before[key] for key in ("description", "doc_md", "tags", "params", "owners")
    }
    run_id, state = place.run()
    assert state == "success"
    assert {task["task_id"] for task in place.airflow.tasks("rich", run_id)} >= {"regions.emea.fetch", "each", "clear", "outcome"}
