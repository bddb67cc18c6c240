"""The documentation's pages for tests: the blocks that they show, and the project that a reader would have who copied them."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from pathlib import Path

from tidegate.model import PipelineSpec, Project, load_pipeline

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))

_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"(?:#|--) ((?:include|dags|tests)/\S+)\n")
"""The first line of a block that is a file beside the pipelines: ``# include/jobs/sales.py``."""
_PIPELINE = re.compile(r"(?:# include/pipelines/(?:\w+/)*\w+\.yaml\n)?pipeline: (\S+)\n")
_COMMAND = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*)\n?(?P<output>(?:(?!\$ ).*\n?)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command of a ``console`` block, and what the page says that it answers."""

    command: str
    output: str

    def is_answered(self, answer: str) -> bool:
        """Whether it says so; a line ``…`` on the page stands for any lines."""
        wanted = ["(?:.*\\n)*?" if line == "…" else f"{re.escape(line.rstrip())}\\n" for line in self.output.splitlines()]
        said = "".join(f"{line.rstrip()}\n" for line in answer.rstrip().splitlines())
        return re.fullmatch("".join(wanted), said) is not None


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [inspect.cleandoc(body) + "\n" for _, found, body in _FENCE.findall(page.read_text(encoding="utf-8")) if found == language]


def pipelines(page: Path) -> list[str]:
    """The blocks that are pipeline files."""
    return [block for block in blocks(page, "yaml") if _PIPELINE.match(block)]


def typed(page: Path) -> list[Typed]:
    """The commands of the page's ``console`` blocks."""
    found = [match for block in blocks(page, "console") for match in _COMMAND.finditer(block)]
    return [Typed(match["command"], match["output"].rstrip()) for match in found]


def path_of(folder: Path, block: str) -> Path:
    """Where a pipeline's block lies in a folder."""
    named, match = _FILE.match(block), _PIPELINE.match(block)
    assert match
    return folder / (named[1] if named else f"include/pipelines/{match[1]}.yaml")


def project(page: Path, folder: Path) -> Path:
    """The page's files in a folder: its pipelines, and every block whose first line names its file."""
    (folder / "include" / "pipelines").mkdir(parents=True, exist_ok=True)
    for _, _, body in _FENCE.findall(page.read_text(encoding="utf-8")):
        block = inspect.cleandoc(body) + "\n"
        if named := _FILE.match(block):
            _write(folder / named[1], block)
    for block in pipelines(page):
        _write(path_of(folder, block), block)
    return folder


def loaded(page: Path, block: str, folder: Path) -> PipelineSpec:
    """One of the page's pipelines, with the page's other files around it."""
    path = path_of(project(page, folder), block)
    return load_pipeline(path, Project.around(path)).require()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
