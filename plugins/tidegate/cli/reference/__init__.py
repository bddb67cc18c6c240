"""The reference, made from the source: ``python -m tidegate.cli.reference docs/reference`` writes the pages and the JSON Schema.

Meanings are the docstrings beside the fields. They are read here, by ``ast``, and not by pydantic, so that no DAG file pays for them when
it is parsed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tidegate.cli.reference.airflow import airflow_page
from tidegate.cli.reference.keys import keys
from tidegate.cli.reference.models import documented_models
from tidegate.cli.reference.operators import operators_page
from tidegate.cli.reference.pipeline import pipeline_page
from tidegate.cli.reference.schema import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["airflow_page", "documented_models", "json_schema", "keys", "operators_page", "pages", "pipeline_page", "write"]


def pages() -> Iterator[tuple[str, str]]:
    """File name and text of everything that is generated."""
    yield "pipeline.md", pipeline_page()
    yield "pipeline.schema.json", json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    yield "operators.md", operators_page()
    yield "airflow-arguments.md", airflow_page()


def write(folder: Path) -> list[Path]:
    """Write what is generated into a folder, and say which files were not so before."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, text in pages():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed
