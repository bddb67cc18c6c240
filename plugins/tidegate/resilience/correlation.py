"""The one id that names a run from its trigger to its last log line, SQL comment, staged file, ledger row and alert."""

from __future__ import annotations

import hashlib
import re

CORRELATION_ID = "correlation_id"
_SAFE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def correlation_id(dag_id: str, run_id: str, given: object = None) -> str:
    """The id that the trigger gave, else one that anybody can derive again from the DAG and the run.

    A given id of other characters than letters, digits and ``. _ : -``, or longer than 64, is not used: it would travel into SQL comments.
    """
    if isinstance(given, str) and _SAFE.fullmatch(given):
        return given
    return "tg-" + hashlib.sha256(f"{dag_id}\0{run_id}".encode()).hexdigest()[:16]
