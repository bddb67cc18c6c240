"""The page on testing pipelines: its tests are run as they stand there, on the pipeline that stands there."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from tidegate.testing import Night, Result
from tidegate.testing.given import WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "test-your-pipelines.md").read_text()
BLOCKS = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
(PIPELINE,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What a reader has who copies the page."""
    files = {**BLOCKS, "include/pipelines/market_night.yaml": PIPELINE, "include/sql/sales.sql": "SELECT 1"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def _pytest(repository: Path) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={repository}", "-c", "/dev/null"]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False).stdout


def test_the_pages_tests_pass(repository: Path) -> None:
    """All of them are collected and green."""
    assert set(BLOCKS) == {"tests/test_pipelines.py", "tests/test_market_night.py", "tests/test_all_nights.py"}
    told = _pytest(repository)
    assert re.search(r"^10 passed", told, re.MULTILINE), told


def test_the_pages_tests_can_fail(repository: Path) -> None:
    """A pipeline that does not need emea any more is found by them."""
    path = repository / "include" / "pipelines" / "market_night.yaml"
    path.write_text(PIPELINE.replace(", required: [emea]", ""))
    told = _pytest(repository)
    assert "test_a_night_without_emea_wakes_somebody" in told
    assert "test_a_green_night_has_emea" in told
    assert re.search(r"^2 failed, 8 passed", told, re.MULTILINE), told


def test_the_page_tells_all_that_can_be_said_and_asked() -> None:
    """Every argument of ``when``, every word, everything that a result has."""
    arguments = {
        name for name, parameter in inspect.signature(Night.when).parameters.items() if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    own = {name for name, value in vars(Result).items() if isinstance(value, property)}
    asked = own | {field.name for field in fields(Result)} - {"run", "verdict", "records", "_script"}
    left_out = {"rows"}  # said more shortly by emea=12
    for word in (arguments - left_out) | asked | set(WORDS) - {"arrived", "success"}:
        assert re.search(rf"\b{word}\b", PAGE), word
