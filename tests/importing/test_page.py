"""What the how-to shows is what the importer does."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.importing import import_dag_factory

if TYPE_CHECKING:
    from tidegate.importing import Imported

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "come-from-dag-factory.md"


def imported(tmp_path: Path, text: str) -> Imported:
    """What becomes of a file."""
    path = tmp_path / "stores.yml"
    path.write_text(text, encoding="utf-8")
    return import_dag_factory([path], today=date(2026, 3, 1), folder=tmp_path / "include" / "pipelines")


def test_the_pipeline_is_the_same_in_both(tmp_path: Path) -> None:
    """The second block is what becomes of the first, and nothing is to be told."""
    theirs, ours = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found = imported(tmp_path, theirs)
    assert [remark.finding.render() for remark in found.remarks] == []
    assert found.pipelines[0].text.partition("\n")[2] == ours


def test_the_remark_is_as_it_is_shown(tmp_path: Path) -> None:
    """Word for word, but for the lines around it."""
    shown = re.findall(r"```text\n(.*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    text = "stores:\n  tasks:\n    load:\n      operator: a.b\n" + "\n" * 9 + "      sla: 3600\n"
    assert imported(tmp_path, text).lost[0].finding.render() == shown.replace("dags/", f"{tmp_path}/")
