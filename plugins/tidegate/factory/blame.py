"""Whose mistake an error is that nobody raised on purpose: Tidegate's own, Airflow's refusal, or of code that a pipeline names."""

from __future__ import annotations

import sysconfig
from os import sep
from pathlib import Path
from traceback import extract_tb

import airflow

import tidegate

_OURS, _AIRFLOWS = (f"{Path(package.__path__[0])}{sep}" for package in (tidegate, airflow))
_PYTHONS = sysconfig.get_path("stdlib")


def blamed(error: Exception) -> tuple[str, str]:
    """What to tell of an error, and what to do: by whose code raised it, where Python's own library counts for who called it."""
    said = ": ".join(filter(None, (type(error).__name__, str(error))))
    frames = [frame for frame in extract_tb(error.__traceback__) if not _is_pythons(frame.filename)]
    last = frames[-1] if frames else None
    if last is None or last.filename.startswith(_OURS):
        where = f" ({Path(last.filename).name}:{last.lineno})" if last else ""
        return f"cannot be built: {said}{where}", "This is a mistake in Tidegate; please report it with the file."
    if any(frame.filename.startswith(_AIRFLOWS) for frame in frames):
        return f"Airflow refuses it: {error}", ""
    return f"{Path(last.filename).name}:{last.lineno}, which it calls, fails: {said}", "Mend that code, or what it is given."


def _is_pythons(file: str) -> bool:
    return file.startswith("<") or (file.startswith(_PYTHONS) and "site-packages" not in file)
