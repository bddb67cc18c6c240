"""Where the files lie that a test names."""

from __future__ import annotations

from pathlib import Path


def place(name: str | Path) -> Path:
    """The file or folder of that name, looked for from the working directory upwards, so that tests may be started anywhere in a repository."""
    path, here = Path(name), Path.cwd()
    return next((found for folder in (here, *here.parents) if (found := folder / path).exists()), path)
