"""dag-factory's YAML to Tidegate's, one file a DAG. What cannot be said is told with its place, and a comment stands where it would be.

dag-factory imports what its files name, and calls it, while it reads them. Nothing of that happens here: names are rewritten as text.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.importing.desk import Desk
from tidegate.importing.layers import DEFAULTS, dags
from tidegate.importing.pipeline import pipeline
from tidegate.importing.remarks import Remark, Remarks
from tidegate.importing.source import UnreadableError
from tidegate.importing.writing import dump
from tidegate.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

_SCHEMAS = (".tidegate/pipeline.schema.json", "docs/reference/pipeline.schema.json")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline file to be written."""

    name: str
    """Of the DAG, and of the file without its ``.yaml``."""
    text: str
    source: str
    """The file that it comes from."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of some files of dag-factory's."""

    pipelines: tuple[Pipeline, ...]
    remarks: tuple[Remark, ...]
    """By file, and by their places in it."""
    troubles: tuple[Finding, ...]
    """Files that could not be read, and DAGs of one name."""

    @property
    def lost(self) -> tuple[Remark, ...]:
        """What could not be said."""
        return tuple(remark for remark in self.remarks if remark.lost)


def import_dag_factory(paths: Iterable[Path], *, today: date, folder: Path, defaults: Path | None = None) -> Imported:
    """The pipelines of dag-factory's files; never raises for what stands in them.

    :param today: What moving dates, such as ``2 days``, are counted from.
    :param folder: Where the pipeline files are to lie; the schema is named from there.
    :param defaults: The folder from which on ``defaults.yml`` files count.
    """
    remarks = Remarks()
    troubles: list[Finding] = []
    found: dict[str, Pipeline] = {}
    head = f"# yaml-language-server: $schema={_schema(folder)}"
    for path in paths:
        if path.name in DEFAULTS:
            continue  # a layer below the others, which is read with them
        try:
            for dag in dags(path, remarks, root=defaults).values():
                out = pipeline(dag, Desk(path, remarks, today))
                if out is None:
                    continue
                one = Pipeline(out["pipeline"], dump(out, head=head, spaced=("steps",)), str(path))
                if one.name in found:
                    message = f"a DAG of {found[one.name].source} is called {one.name} too"
                    place = dag.place
                    troubles.append(
                        Finding(place.file, place.line, place.column, dag.key, message, "Give each its own name.", place.excerpt)
                    )
                    continue
                found[one.name] = one
        except UnreadableError as error:
            troubles.append(error.finding)
    told = sorted(remarks.told, key=lambda remark: (remark.finding.file, remark.finding.line, remark.finding.column))
    return Imported(tuple(found.values()), tuple(told), tuple(troubles))


def _schema(folder: Path) -> str:
    """The JSON Schema as a file in ``folder`` names it: where it lies above, else where ``tidegate schema`` puts it in a project."""
    here = folder.resolve()
    above = [parent / name for parent in here.parents for name in _SCHEMAS if (parent / name).is_file()]
    return Path(os.path.relpath(above[0], here)).as_posix() if above else f"../../{_SCHEMAS[0]}"
