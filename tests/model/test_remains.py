"""Of a file in which something is refused, the rest is judged all the same, and nothing is told that is not so."""

from __future__ import annotations

import shutil
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from bad_corpus import BAD, FILES
from corpus_project import GOOD, INCLUDE

from tidegate.model import Project, load_pipeline
from tidegate.model.yaml_source import read_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRONG: dict[str, Any] = {
    "pol": "x", "foo": 1, "retries": "3", "needs": 3, "uses": 3, "python": "x", "for_each": 3, "with": 3, "steps": 3, "expand": 3, "teardown": 3,
    "holds": ["a", "b"], "trigger_rule": "nope", "serial": "x", "prefix_group_id": "x", "setup": "yes",
}  # fmt: skip
MISSPELT = {"needs": "neds", "uses": "uess", "for_each": "foreach", "steps": "stepps", "with": "wiht", "serial": "seral"}
WRONG_ABOVE: dict[str, Any] = {
    "foo": 1, "resources": 3, "schedule": 3, "params": {"a b": 1}, "serial": "x", "defaults": {"retries": "3"}, "max_active_runs": "3",
}  # fmt: skip


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_one_mistake_brings_no_other(path: Path, tmp_path: Path) -> None:
    """Whatever is put into a step, or into the pipeline, that should not stand there: findings stand there too, and nowhere else."""
    file = tmp_path / "include" / path.relative_to(INCLUDE)
    shutil.copytree(INCLUDE, tmp_path / "include")
    for at, value in _changed(read_source(path).value):
        file.write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))
        told = [finding for finding in load_pipeline(file).findings if not f"{finding.path}.".startswith(f"{at}.")]
        assert told == []


def test_a_mistake_hides_no_other(tmp_path: Path) -> None:
    """With a key at the top that pydantic refuses, each file of the corpus tells what it told without."""
    shutil.copytree(BAD, tmp_path / "bad")
    project = Project(tmp_path / "bad" / "include", shown_from=tmp_path)
    for path in FILES:
        file = tmp_path / "bad" / path.relative_to(BAD)
        before, source = load_pipeline(file, project), read_source(file)
        if not isinstance(source.value, dict) or "max_active_runs" in source.value:
            continue
        file.write_text(f'{source.text.rstrip()}\nmax_active_runs: "3"\n')
        told = {(finding.path, finding.message) for finding in load_pipeline(file, project).findings}
        assert {(finding.path, finding.message) for finding in before.findings} <= told


def _changed(value: Any) -> Iterator[tuple[str, Any]]:
    """A file's value with one thing wrong, and the path of it."""
    for word, wrong in WRONG_ABOVE.items():
        if word in {"foo", "max_active_runs", "params"} or word in value:
            yield word, {**value, word: wrong}
    for place, body in _steps(value["steps"], ("steps",)):
        path = ".".join(place)
        yield path, _with(value, place, 3)
        for word, wrong in WRONG.items():
            yield path, _with(value, place, {**body, word: wrong})
        for word, wrong in MISSPELT.items():
            if word in body:
                yield path, _with(value, place, {wrong if key == word else key: item for key, item in body.items()})


def _steps(steps: Any, at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for name, body in steps.items():
        yield (*at, name), body
        if isinstance(body.get("steps"), dict):
            yield from _steps(body["steps"], (*at, name, "steps"))


def _with(value: Any, place: tuple[str, ...], body: Any) -> Any:
    changed = deepcopy(value)
    here = changed
    for part in place[:-1]:
        here = here[part]
    here[place[-1]] = body
    return changed
