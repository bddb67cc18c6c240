"""No place of a file can import what the project does not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate.model import load_pipeline

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
CODE = "os.getpid"
NESTED = f"{{uses: airflow.sdk.Asset, with: {{name: {{uses: {CODE}}}}}}}"
TOP = [
    f"schedule: {{timetable: {{uses: {CODE}}}}}",
    f"schedule: {{timetable: {{uses: airflow.sdk.CronTriggerTimetable, args: [{{uses: {CODE}}}]}}}}",
    f"schedule: {{assets: {{name: a, watchers: [{{name: w, uses: {CODE}}}]}}}}",
    f"schedule: {{assets: {{name: a, watchers: [{{name: w, uses: airflow.sdk.Asset, with: {{x: {{uses: {CODE}}}}}}}]}}}}",
    f"schedule: {{assets: a, partitions: {{default: {{uses: {CODE}}}}}}}",
    f"schedule: {{assets: a, partitions: {{by_asset: {{a: {{uses: {CODE}}}}}}}}}",
    f"on_failure_callback: {CODE}",
    f"on_success_callback: [{NESTED}]",
    f"deadline: {{within: 1h, callback: {CODE}}}",
    f"deadline: {{within: 1h, callback: {NESTED}}}",
    f"user_defined_macros: {{a: {{import: {CODE}}}}}",
    f"user_defined_filters: {{a: {CODE}}}",
    f"alerts: [{{notify: {{uses: {CODE}}}}}]",
    f"alerts: [{{notify: {{with: {{message: {{import: {CODE}}}}}}}}}]",
    f"publish: {{name: a, watchers: [{{name: w, uses: {CODE}}}]}}",
]
EFFORT = [
    f"retry: {{policy: {{uses: {CODE}}}}}",
    f"retry: {{policy: {NESTED}}}",
    f"weight_rule: {CODE}",
    f"executor_config: {{a: [{{uses: {CODE}}}]}}",
    f"pre_execute: {CODE}",
    f"on_retry_callback: {{import: airflow.sdk.chain, args: [{{import: {CODE}}}]}}",
    f"inlets: {{name: a, watchers: [{{name: w, uses: {CODE}}}]}}",
]
WITH = [f"with: {{a: {{uses: {CODE}}}}}", f"with: {{a: [{{b: {NESTED}}}]}}"]


def told(tmp_path: Path, *lines: str) -> list[str]:
    """The findings of a file, without those about keys that go well together with nothing."""
    path = tmp_path / "one.yaml"
    path.write_text("\n".join(["pipeline: one", *lines]) + "\n")
    return [finding.message for finding in load_pipeline(path).findings]


STEP = f"steps: {{go: {{uses: {EMPTY}}}}}"
REFUSED = [f"'{CODE}' may not be imported"]


@pytest.mark.parametrize("line", TOP)
def test_of_the_pipeline(tmp_path: Path, line: str) -> None:
    """Nor what is given to an object that it allows."""
    assert told(tmp_path, line, STEP) == REFUSED


@pytest.mark.parametrize("line", [*EFFORT, *WITH])
@pytest.mark.parametrize(
    "place",
    [
        f"steps: {{go: {{uses: {EMPTY}, %s}}}}",
        f"defaults: {{%s}}\n{STEP}",
        f"steps: {{around: {{defaults: {{%s}}, steps: {{go: {{uses: {EMPTY}}}}}}}}}",
        f"steps: {{go: {{uses: {EMPTY}, for_each: {{quay: {{north: {{%s}}}}}}}}}}",
    ],
    ids=["step", "defaults", "defaults of a group", "one branch"],
)
def test_of_a_step(tmp_path: Path, place: str, line: str) -> None:
    """Wherever its keys may stand."""
    assert told(tmp_path, place % line) == REFUSED


@pytest.mark.parametrize(
    "step",
    [
        f"{{uses: {CODE}}}",
        f"{{uses: {EMPTY}, expand: {{a: [{{uses: {CODE}}}]}}}}",
        f"{{uses: {EMPTY}, expand_kwargs: [{{a: {{uses: {CODE}}}}}]}}",
        f"{{uses: pipeline, with: {{pipeline: other, conf: {{a: {{uses: {CODE}}}}}}}}}",
    ],
)
def test_of_what_a_step_is_given(tmp_path: Path, step: str) -> None:
    """By mapping, or for another pipeline."""
    assert told(tmp_path, f"steps: {{go: {step}}}") == REFUSED
