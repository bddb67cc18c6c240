"""Errors that nobody raised on purpose: who reads the page is told whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.factory import build_dags, discovery
from tidegate.plan.lay import Instance, Layout

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
OURS = "This is a mistake in Tidegate; please report it with the file."
KIND = """
from tidegate.kinds import Call, Kind, Settings

class Words(Settings):
    word: str

def build(settings, task):
    return Call({}[settings.word], {})

KIND = Kind(settings=Words, build=build)
"""


def _page(folder: Path, step: str) -> str:
    pipelines = folder / "include" / "pipelines"
    pipelines.mkdir(parents=True, exist_ok=True)
    (pipelines / "night.yaml").write_text(f"pipeline: night\nsteps: {{step: {step}}}\n")
    return str(build_dags(pipelines)["night"].doc_md)


def test_a_mistake_of_ours_is_told_as_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the type, the text and the place; Airflow's documentation would not help."""

    def wrong(spec: Any) -> Any:
        node = spec.tree.nodes["step"]
        return Layout(spec).id_of("nothing", Instance(node, "step", "step", None))

    monkeypatch.setattr(discovery, "plan", wrong)
    page = _page(tmp_path, f"{{uses: {EMPTY}}}")
    assert "cannot be built: AssertionError (lay.py:" in page
    assert OURS in page
    assert "Airflow" not in page.partition("cannot be built")[2].partition(OURS)[0]


def test_a_mistake_of_a_kind_is_told_as_its_own(tmp_path: Path) -> None:
    """With the line of the kind's module."""
    (tmp_path / "include" / "kinds").mkdir(parents=True)
    (tmp_path / "include" / "kinds" / "speak.py").write_text(KIND)
    page = _page(tmp_path, "{uses: speak, with: {word: hello}}")
    assert "The kind 'speak' (include/kinds/speak.py) builds no task 'step': its build function fails in line 8: KeyError: 'hello'" in page
    assert OURS not in page


def test_what_airflow_refuses_is_told_as_airflow_s(tmp_path: Path) -> None:
    """In its own words."""
    page = _page(tmp_path, f"{{uses: {EMPTY}, executor: NoSuchExecutor}}")
    assert "Airflow refuses it: " in page
    assert OURS not in page
