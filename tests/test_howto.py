"""The how-to pages show what the commands answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import PAGES, Typed, project, typed

SHOWN = [page for page in PAGES if typed(page)]


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_the_commands_answer_as_the_page_says(tmp_path: Path, page: Path) -> None:
    """Typed one after the other, where a reader has copied the page's files."""
    folder = project(page, tmp_path)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    for one in typed(page):
        run = subprocess.run(
            ["bash", "-c", one.command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            encoding="utf-8",
        )
        assert one.is_answered(run.stdout), f"$ {one.command}\n{run.stdout}"


def test_a_wrong_answer_is_noticed() -> None:
    """The comparison above can fail, and lines that are left out are left out on purpose."""
    assert Typed("ls", "a\n…\nd").is_answered("a\nb\nc\nd\n")
    assert Typed("ls", "a").is_answered("a\n")
    assert not Typed("ls", "a\n…\nd").is_answered("a\nb\nc\n")
    assert not Typed("ls", "a").is_answered("a\nb\n")
