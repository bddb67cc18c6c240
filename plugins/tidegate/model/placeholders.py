"""``{region}`` in a text: the name of the branch that a task is for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACEHOLDER = re.compile(r"(?<![{$])\{([A-Za-z_][\w-]*)\}(?!\})")


def fill(text: str, bindings: Mapping[str, str]) -> str:
    """``text`` with ``{region}`` replaced by the branch's name; ``{{ }}`` is Airflow's and stays."""
    return PLACEHOLDER.sub(lambda match: bindings.get(match[1], match[0]), text)
