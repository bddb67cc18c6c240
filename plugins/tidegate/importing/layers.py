"""What reaches a DAG of dag-factory's: its own words, the ``default`` block of its file, and every ``defaults.yml`` around it.

The order is that of dag-factory 1.1 as it runs, which its documentation says differently in one place: a key at the top of a ``defaults.yml`` wins
over the same key in the ``default`` block.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tidegate.importing.source import Value, read

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.importing.remarks import Remarks

DEFAULTS = ("defaults.yml", "defaults.yaml")
_NOT_DAGS = ("default", "task_groups")
_ATOMS = {"__type__", "__and__", "__or__", "__join__"}
"""A mapping with one of these is one value, which is not merged."""


def dags(path: Path, remarks: Remarks, *, root: Path | None = None, name: str | None = None) -> dict[str, Value]:
    """The DAGs of a file by name, each with all that reaches it.

    :param root: The folder from which on ``defaults.yml`` files count: dag-factory's ``defaults_config_path``, which is Airflow's DAGs folder by
        default. Here it is the nearest folder above the file that is called ``dags``, else the file's own.
    :raises UnreadableError: the file, or one of its layers, is no YAML.
    """
    document = read(path, remarks, name=name)
    layers = [read(file, remarks, name=_shown(file, path)) for file in _files(path, root)]
    nothing = document.with_plain({})
    default = document.mapping.get("default", nothing)
    shared = {key: value for layer in layers for key, value in layer.mapping.get("default_args", nothing).mapping.items()}
    own = default.mapping.get("default_args", nothing).mapping
    block = {**default.mapping, "default_args": default.mapping.get("default_args", default).with_plain({**shared, **own})}
    for wrong in (document, default, default.mapping.get("default_args", nothing)):
        if not isinstance(wrong.plain, dict | None):
            remarks.lost(wrong, "it is no mapping of names to values", "Give a file with DAGs of dag-factory's.")
    found: dict[str, Value] = {}
    for key, dag in document.mapping.items():
        if key in _NOT_DAGS:
            continue
        if not isinstance(dag.plain, dict):
            remarks.lost(dag, "it is no DAG", "Remove it; what several DAGs share belongs into 'default'.")
            continue
        config = {**_around(layers, default, dag, remarks), **dag.mapping}
        found[key] = dag.with_plain(_merged(config, block, remarks))
    if not found and isinstance(document.plain, dict):
        remarks.note(document, "there is no DAG in it")
    return found


def _files(path: Path, root: Path | None) -> list[Path]:
    """The ``defaults.yml`` files that reach a file, the outermost first."""
    around = list(path.resolve().parents)
    if root is None:
        root = next((folder for folder in around if folder.name == "dags"), around[0])
    root = root.resolve()
    folders = around[: around.index(root) + 1] if root in around else [around[0], root]
    found = [next((folder / name for name in DEFAULTS if (folder / name).is_file()), None) for folder in folders]
    return [file for file in reversed(found) if file is not None and file != path.resolve()]


def _shown(file: Path, path: Path) -> str:
    """What findings call a layer: from here, where the importing file was named from here."""
    return str(file) if path.is_absolute() else os.path.relpath(file)


def _around(layers: list[Value], default: Value, dag: Value, remarks: Remarks) -> dict[str, Value]:
    """The DAG's arguments that the layers give; tags add up, anything else is replaced."""
    found: dict[str, Value] = {}
    for layer in layers:
        for key, value in layer.mapping.items():
            if key == "default_args":
                continue
            if key == "tags" and "tags" in found:
                tags = {str(tag.plain): tag for tag in [*found["tags"].items, *value.items]}
                found[key] = value.with_plain([tags[tag] for tag in sorted(tags)])
            else:
                found[key] = value
    for key, value in found.items():
        if key in default.mapping and key not in dag.mapping:
            message = f"it wins over '{key}' in the default block of {default.place.file}, as in dag-factory 1.1"
            remarks.note(value, message, "Check that it is what is meant; dag-factory's documentation says the opposite.")
    return found


def _merged(config: dict[str, Value], default: dict[str, Value], remarks: Remarks) -> dict[str, Value]:
    """Mappings merged to any depth, the first winning; lists and single values as a whole."""
    merged = {**default, **config}  # in the order of the default block
    for key, value in default.items():
        mine = config.get(key)
        if mine is None:
            continue
        if isinstance(mine.plain, dict) and isinstance(value.plain, dict) and not _ATOMS & (mine.plain.keys() | value.plain.keys()):
            merged[key] = mine.with_plain(_merged(mine.plain, value.plain, remarks))
        elif key == "tasks":
            remarks.note(
                mine,
                "dag-factory takes these tasks alone, and none of those in the default block",
                "Lists are replaced, mappings are merged.",
            )
    return merged
