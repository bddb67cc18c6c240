"""A load in a process of its own, so that it can be killed or raced: ``python loading.py <folder> <manifest json> <what>``.

``hang`` leaves a file named ``marker`` after the first batch of rows and then waits to be killed; ``race`` waits for a file named ``go``.
"""

import json
import sys
import time
from pathlib import Path

import sqlalchemy as sa
from nights import Night

from tidegate.data.manifest import Manifest

folder, manifest, what = Path(sys.argv[1]), Manifest.from_dict(json.loads(sys.argv[2])), sys.argv[3]


def hang(rows: int) -> None:
    """Say that rows were written but not committed, and stay there."""
    (folder / "marker").write_text(str(rows))
    time.sleep(600)


if what == "race":
    (folder / f"ready-{manifest.attempt}").touch()
    while not (folder / "go").exists():
        time.sleep(0.005)
url = folder / "url"
report = Night(folder, sa.make_url(url.read_text()) if url.exists() else None).load(
    manifest, batch_rows=2, progress=hang if what == "hang" else None
)
sys.stdout.write(json.dumps({"loaded": report.loaded, "superseded": report.superseded}))
