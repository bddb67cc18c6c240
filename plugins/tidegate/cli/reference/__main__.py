"""``python -m tidegate.cli.reference FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from tidegate.cli.reference import write

for written in write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference")):
    print(f"wrote {written}")  # noqa: T201  a command that says what it did
