"""Environments for those whom a bench measures beside Tidegate: made at the first run, or when other versions are wanted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parent.parent


def move_in(home: Path, module: str, arguments: Sequence[str], packages: Sequence[str], settings: Mapping[str, str]) -> None:
    """Go on with ``python -m module`` in an environment of Tidegate's own requirements and those packages; return when it is this one."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or every import would compile its module anew, which no Airflow does
    sys.dont_write_bytecode = False
    if Path(sys.prefix).resolve() == home.resolve():
        return
    python, stamp = home / "bin" / "python", home / "installed"
    wanted = "\n".join([*packages, (ROOT / "requirements.txt").read_text()])
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing {', '.join(packages)} beside Tidegate's own requirements in {home.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        requirements = ["--only-binary", ":all:", "--requirement", ROOT / "requirements.txt"]
        if subprocess.run([*pip, *requirements, *packages], check=False).returncode:
            for package in packages:
                if subprocess.run([*pip, *requirements, package], check=False).returncode:
                    print(f"{package} cannot be installed from wheels here, and what needs it is left out", flush=True)
        subprocess.run([*pip, "--no-deps", "--editable", ROOT], check=True)
        stamp.write_text(wanted)
    os.execve(python, [str(python), "-m", module, *arguments], {**os.environ, **settings})  # noqa: S606  no shell is wanted
