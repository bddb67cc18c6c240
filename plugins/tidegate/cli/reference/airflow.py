"""The page of Airflow's arguments: where each of them stands in a pipeline file, or why it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.cli.reference.words import GENERATED, cell
from tidegate.model.airflow_names import DAG_ARGUMENTS, OPERATOR_ARGUMENTS, Elsewhere

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD = f"""{GENERATED}

# Airflow's arguments

Every argument of Airflow's `DAG` and of the `BaseOperator` that all operators inherit from, and the key that says it in a pipeline file. What no key says has its reason;
none is dropped in silence. An operator's own arguments stand under `with`, by their own names. [pipeline.md](pipeline.md) tells what the keys mean.
"""


def airflow_page() -> str:
    """``airflow-arguments.md``."""
    parts = [
        _HEAD,
        _section("Of a DAG", "Keys at the top of the file.", DAG_ARGUMENTS),
        _section("Of an operator", "Keys of a step, and under `defaults` of all steps but for `display_name`.", OPERATOR_ARGUMENTS),
    ]
    return "\n".join(parts)


def _section(heading: str, words: str, arguments: Mapping[str, str | Elsewhere]) -> str:
    lines = [f"## {heading}", "", words, "", "| argument | in the file |", "|---|---|"]
    lines += [f"| `{name}` | {cell(_told(where))} |" for name, where in arguments.items()]
    return "\n".join(lines) + "\n"


def _told(where: str | Elsewhere) -> str:
    if isinstance(where, str):
        return f"`{where}`"
    why = f"{where.why[:1].upper()}{where.why[1:]}."
    return why if where.hint == "Remove it." else f"{why} {where.hint}"
