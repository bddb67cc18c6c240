"""The rules of the house, and whether the house keeps them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import URL, create_engine, text

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
MOST_LINES = 450
REQUIREMENTS = sorted(ROOT.glob("requirements*.txt"))
PIN = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,-]+\])?==[0-9][0-9a-z.!+]*")


@pytest.mark.parametrize(
    "command",
    [("ruff", "check"), ("ruff", "format", "--check"), ("mypy",), ("lint-imports", "--no-cache")],
    ids="-".join,
)
def test_the_tools_find_nothing(command: tuple[str, ...]) -> None:
    """Style, types and layers are in order; the tool itself says what is not."""
    program, *arguments = command
    done = subprocess.run([BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)


def test_help_lists_every_command() -> None:
    """Every phony target carries a `##` sentence, and `make help` shows it."""
    makefile = (ROOT / "Makefile").read_text()
    phony = {target for line in re.findall(r"^\.PHONY:(.*)$", makefile, re.MULTILINE) for target in line.split()}
    told = set(re.findall(r"^([^\s:#]+):.*?## ", makefile, re.MULTILINE))
    shown = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^\s+make (\S+)", shown, re.MULTILINE))
    assert phony
    assert phony - told == set(), "these targets lack a ## sentence"
    assert told - listed == set(), "`make help` misses these"


def _requirements(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_pinned(path: Path) -> None:
    """An install today and one next year bring the same versions."""
    assert [line for line in _requirements(path) if not PIN.fullmatch(line)] == []


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_name_no_place(path: Path) -> None:
    """Where packages come from is for whoever installs them to say."""
    assert not re.search(r"://|--?(index|extra-index|find-links|trusted-host)|(^|\s)-[if]\s| @ ", path.read_text(), re.MULTILINE)


def test_requirements_agree() -> None:
    """No two requirement files pin different versions of one package: the image installs two of them, one after the other."""
    versions: dict[str, set[str]] = {}
    for path in REQUIREMENTS:
        for line in _requirements(path):
            versions.setdefault(line.partition("==")[0], set()).add(line)
    assert {name: sorted(lines) for name, lines in versions.items() if len(lines) > 1} == {}


def _python_files() -> Iterator[Path]:
    """Ours only: neither virtual environments and caches, whose folders begin with a dot, nor what a build leaves behind."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).parts
        if not any(part.startswith(".") or part in {"build", "dist", "node_modules"} for part in parts):
            yield path


def test_no_file_is_long() -> None:
    """A file that needs scrolling holds more than one idea."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in _python_files()}
    assert len(lengths) > 1
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def _version(url: URL) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        version = str(connection.execute(text("SELECT version()")).scalar_one())
    engine.dispose()
    return version


def test_a_real_postgres_answers(postgres_url: URL, request: pytest.FixtureRequest) -> None:
    """Tests may have a PostgreSQL of their own, and are marked when they do."""
    assert _version(postgres_url).startswith("PostgreSQL")
    assert request.node.get_closest_marker("server")


def test_a_real_mariadb_answers(mariadb_url: URL, request: pytest.FixtureRequest) -> None:
    """Tests may have a MariaDB of their own, and are marked when they do."""
    assert "MariaDB" in _version(mariadb_url)
    assert request.node.get_closest_marker("server")


def test_a_run_that_skips_says_so_last(tmp_path: Path) -> None:
    """The last words before pytest's count name how many were skipped, why, and what to do."""
    (tmp_path / "test_it.py").write_text("import pytest\ndef test_a():\n    pytest.skip('no tide')\n")
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\nsys.path.insert(0, {str(ROOT)!r})\npytest_plugins = ('servers',)\n"
    )
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "-c", "/dev/null", str(tmp_path)]
    lines = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines[-3:-1] == ["1 test skipped: no tide", "`make servers` installs what tests may lack."]
    assert "1 skipped" in lines[-1]
