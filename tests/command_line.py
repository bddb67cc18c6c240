"""The ``tidegate`` command for tests: as a person types it, and, where that would be slow, called in this process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from tidegate.cli import app

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).parents[1]
TIDEGATE = Path(sys.executable).with_name("tidegate")


def tidegate(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the installed command, with nobody at a terminal."""
    return subprocess.run(
        [str(TIDEGATE), *arguments], capture_output=True, text=True, check=False, cwd=cwd, stdin=subprocess.DEVNULL, encoding="utf-8"
    )


def called(*arguments: str) -> Result:
    """The command without a process of its own; it works in the current folder."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False)
