"""No place of a file can import what the project does not allow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tidegate.model import Project, load_pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    f"jinja_environment_kwargs: {{extensions: [{CODE}]}}",
    f"jinja_environment_kwargs: {{finalize: {{import: {CODE}}}}}",
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


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ("{extensions: {literal: [antigravity]}}", "{literal: ['antigravity']} is not a list"),
        ("{extensions: antigravity}", "'antigravity' is not a list"),
        ("{extensions: [{literal: antigravity}]}", "{literal: 'antigravity'} names no extension"),
        ("{extensions: [{uses: airflow.sdk.Asset}]}", "{uses: 'airflow.sdk.Asset'} names no extension"),
    ],
)
def test_an_extension_of_jinja_s_stands_in_no_disguise(tmp_path: Path, kwargs: str, message: str) -> None:
    """Jinja imports whatever text it is given."""
    assert told(tmp_path, f"jinja_environment_kwargs: {kwargs}", STEP) == [message]


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


@pytest.mark.parametrize(
    ("path", "prefixes"),
    [
        ("acme.alerts_evil.x", ["acme.alerts"]),
        ("acme.alerts_evil.x", ["acme.alerts."]),
        ("acme", ["acme.alerts"]),
        ("anything.at_all", [""]),
        ("airflow.sdk", None),
        ("airflow.sdk_evil.x", None),
        ("airflow.configuration.conf", None),
        ("tidegate.build_dags", None),
        ("tidegate.factory.functions.Late", None),
        ("tidegate.factory.resolve.imported", None),
        ("tidegate.operators.imports.imported", None),
        ("tidegate.operators.surroundings", None),
        ("tidegate.operators.surroundings.include_function", None),
        ("tidegate.testing.script.Path", None),
    ],
)
def test_what_lies_beside_a_prefix_is_refused(path: str, prefixes: Sequence[str] | None) -> None:
    """Whole names are compared; of Tidegate, what it offers may be named, and not what it is made of."""
    assert not project(prefixes).allows(path)


@pytest.mark.parametrize(
    ("path", "prefixes"),
    [
        ("acme.alerts.page", ["acme.alerts"]),
        ("acme.alerts.page", ["acme.alerts."]),
        ("acme.alerts", ["acme.alerts"]),
        ("airflow.sdk.Asset", None),
        ("tidegate.ExtractOperator", None),
        ("tidegate.operators.ExtractOperator", None),
        ("tidegate.notifications.LogNotifier", None),
        ("tidegate.timetables.NightTimetable", None),
    ],
)
def test_what_lies_below_a_prefix_is_allowed(path: str, prefixes: Sequence[str] | None) -> None:
    """With or without the dot at its end."""
    assert project(prefixes).allows(path)


def project(prefixes: Sequence[str] | None) -> Project:
    """A project that allows these prefixes, or what all do."""
    return Project(Path(), tuple(prefixes)) if prefixes is not None else Project(Path())
