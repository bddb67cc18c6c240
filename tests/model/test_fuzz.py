"""Whatever stands in a file: it is a pipeline or it is told what is wrong; nothing falls over.

Longer by hand: ``FUZZ=20000 pytest tests/model/test_fuzz.py``.
"""

from __future__ import annotations

import copy
import json
import math
import os
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from corpus_project import GOOD, INCLUDE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.factory.discovery import _build
from tidegate.model import Loaded, Project, load_pipeline
from tidegate.model.findings import did_you_mean
from tidegate.model.layers import merged
from tidegate.model.spec import Pipeline
from tidegate.model.step import Group, Step
from tidegate.model.yaml_source import read_source
from tidegate.plan import judged as built_by_kinds
from tidegate.plan import plan

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = int(os.environ.get("FUZZ", "0"))
MANY = settings(
    max_examples=EXAMPLES or 250, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=not EXAMPLES
)
_place = tempfile.TemporaryDirectory(prefix="tidegate-fuzz-")
FOLDER = Path(_place.name) / "include"
shutil.copytree(INCLUDE, FOLDER)
PROJECT = Project(FOLDER, shown_from=FOLDER.parent)
FILES = {path.stem: FOLDER / path.relative_to(INCLUDE) for path in GOOD}


def judged(content: bytes, path: Path = FOLDER / "pipelines" / "fuzz.yaml") -> Loaded:
    """What becomes of a file's bytes; every finding is one that a person can use."""
    path.write_bytes(content)
    loaded = load_pipeline(path, PROJECT, name=path.name)
    assert (loaded.spec is None) == bool(loaded.findings)
    for finding in loaded.findings:
        assert finding.message
        assert finding.hint, finding
        assert "cannot be judged" not in finding.message, finding.render()
        assert finding.render().isprintable() or "\n" in finding.render()
        finding.render().encode()
    assert len({(finding.file, finding.line, finding.column, finding.path, finding.message) for finding in loaded.findings}) == len(
        loaded.findings
    )
    return loaded


# -- Bytes and texts ------------------------------------------------------------------------------------------------

WORDS = sorted({
    *(info.alias or name for model in (Pipeline, Step, Group) for name, info in model.model_fields.items()),
    *("- ", ": ", "{", "}", "[", "]", ",", "\n", "\n  ", "\n    ", "&a ", "*a", "<<", "!!int ", "!x ", "|", ">", "'", '"', "#", "?", "---", "\t"),
    *("true", "null", "~", "1", "-1", "1e9", ".nan", "2026-01-01", "2026-99-99", "10:20", "${x}", "$${x}", "{{ ds }}", "{region}", "45m", "80%"),
    *("extract", "barrier", "transform", "load", "branch", "pipeline", "a.b.C", "m:f", "\x00", "\ud7ff", "\u2028", "\ufeff", "é"),
})  # fmt: skip


@MANY
@given(st.binary(max_size=200))
def test_arbitrary_bytes(content: bytes) -> None:
    """Nothing in them is more than a finding."""
    judged(content)


@MANY
@given(st.text(max_size=200))
def test_arbitrary_text(content: str) -> None:
    """Of any characters, halves of them included."""
    judged(content.encode("utf-8", "surrogatepass"))


@MANY
@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join))
def test_text_that_looks_like_a_pipeline(content: str) -> None:
    """The words and marks of the language, in any order."""
    judged(f"pipeline: fuzz\n{content}".encode())


# -- Right files with something changed ------------------------------------------------------------------------------

SOURCES = {path.stem: read_source(path).value for path in GOOD}
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-10, 10)
    | st.sampled_from([10**30, -1.5, float("inf"), float("nan"), 1e300])
    | st.dates()
    | st.text(max_size=12)
    | st.sampled_from(WORDS)
    | st.sampled_from(
        ["airflow.sdk.Asset", "airflow.providers.standard.operators.bash.BashOperator", "tidegate.ExtractOperator", "airflow.sdk.x"]
    )
    | st.sampled_from(
        ["a" * 300, "../x.sql", "x.sql", "\x00.sql", f"{'a/' * 200}x.md", "s3://bucket/x", "@daily", "0 0 31 2 *", "9999-12-31"]
    )
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*WORDS, "from", "uses", "import", "zip", "if", "then"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def changed(draw: Any, value: Any) -> Any:
    """A value with one of its parts dropped, doubled, renamed or replaced."""
    found = list(places(value))
    if not found:
        return draw(VALUES)
    *above, last = draw(st.sampled_from(found))
    value = copy.deepcopy(value)
    holder = value
    for key in above:
        holder = holder[key]
    match draw(st.sampled_from(["drop", "double", "rename", "replace", "move"])):
        case "drop":
            del holder[last]
        case "double" if isinstance(holder, dict):
            holder[draw(st.sampled_from(["again", "b", "extract", "outcome"]))] = copy.deepcopy(holder[last])
        case "double":
            holder.append(copy.deepcopy(holder[last]))
        case "rename" if isinstance(holder, dict):
            holder[draw(st.sampled_from(WORDS) | st.text(max_size=5))] = holder.pop(last)
        case "move":
            from_elsewhere = value
            for key in draw(st.sampled_from(found)):
                from_elsewhere = from_elsewhere[key] if _holds(from_elsewhere, key) else draw(VALUES)
            holder[last] = copy.deepcopy(from_elsewhere)
        case _:
            holder[last] = draw(VALUES)
    return value


def _holds(value: Any, key: Any) -> bool:
    return (isinstance(value, dict) and key in value) or (isinstance(value, list) and isinstance(key, int) and key < len(value))


@st.composite
def mutants(draw: Any) -> tuple[str, Any]:
    """A right file's name, and its value with one, two or three changes."""
    name = draw(st.sampled_from(sorted(SOURCES)))
    value = SOURCES[name]
    for _ in range(draw(st.integers(1, 3))):
        value = changed(draw, value)
    return name, value


def as_yaml(value: Any) -> str:  # noqa: PLR0911  a table of types
    """YAML in one line, in which every value keeps its type."""
    match value:
        case dict():
            return "{" + ", ".join(f"{as_yaml(str(key))}: {as_yaml(item)}" for key, item in value.items()) + "}"
        case list():
            return f"[{', '.join(as_yaml(item) for item in value)}]"
        case date():
            return value.isoformat()
        case float() if math.isinf(value):
            return ".inf"
        case float() if math.isnan(value):
            return ".nan"
        case str():
            return json.dumps(value, ensure_ascii=len(value) % 2 == 0)  # escaped or not
    return json.dumps(value)


@pytest.mark.filterwarnings("ignore:Task .* was never mapped:UserWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@settings(MANY, max_examples=EXAMPLES or 400)
@given(mutants())
def test_right_files_with_something_changed(mutant: tuple[str, Any]) -> None:
    """Those that are still right become plans, and DAGs or pages that tell why not."""
    name, value = mutant
    loaded = judged(as_yaml(value).encode("utf-8", "surrogatepass"), FILES[name])
    if loaded.spec is not None and built_by_kinds(loaded).spec is not None:
        plan(loaded.spec)
        assert _build(loaded, PROJECT).dag_id == name


def test_right_files_are_written_as_they_are() -> None:
    """Without a change they load; else the changes would test nothing."""
    assert [name for name, value in SOURCES.items() if judged(as_yaml(value).encode(), FILES[name]).findings] == []


NESTED = st.recursive(
    PLAIN, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2), max_leaves=8
)


LAYERS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), PLAIN | st.lists(PLAIN, max_size=2), max_size=3),
    lambda inner: st.builds(dict.__or__, inner, st.dictionaries(st.sampled_from("XYZ"), inner, max_size=2)),
    max_leaves=6,
)
"""Mappings in which a key holds a mapping in all of them, or in none, as the keys of the language do."""


@MANY
@given(LAYERS, LAYERS, LAYERS)
def test_layers_may_be_merged_in_any_grouping(bottom: Any, middle: Any, top: Any) -> None:
    """The lower two first, or the upper two first: so the order of the layers is all that counts."""
    assert repr(merged(merged(bottom, middle), top)) == repr(merged(bottom, merged(middle, top)))


@MANY
@given(NESTED, NESTED)
def test_the_upper_layer_wins_and_takes_nothing_away(below: Any, above: Any) -> None:
    """Its values stand as it says them, and keys of the lower one stay, in their order."""
    result = merged(below, above)
    if isinstance(below, dict) and isinstance(above, dict):
        assert list(result)[: len(below)] == list(below)
        assert set(result) == {*below, *above}
        assert all(repr(result[key]) == repr(above[key]) for key in above if not (isinstance(above[key], dict) and key in below))
    else:
        assert repr(result) == repr(above)


@MANY
@given(st.sampled_from(WORDS) | st.text(max_size=8), st.lists(st.sampled_from(WORDS), max_size=40), st.randoms())
def test_a_suggestion_depends_on_the_words_alone(word: str, known: list[str], random: Any) -> None:
    """Not on their order, which in sets is another one in every process; and a word that is known is what was meant."""
    shuffled = random.sample(known, len(known))
    assert did_you_mean(word, known) == did_you_mean(word, shuffled)
    if word in known:
        assert did_you_mean(word, known) == f"Did you mean '{word}'?"
