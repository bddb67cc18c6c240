"""``tidegate diff``: what differs in what two pipelines, or two folders of them, become."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from tidegate.cli.plans import stop
from tidegate.cli.reading import Reading, reads_pipelines
from tidegate.cli.writing import console, for_people, refuse

if TYPE_CHECKING:
    from tidegate.plan import Plan
    from tidegate.render import Change

_COLOURS = {"+": "green", "-": "red", "~": "yellow"}


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of one pipeline."""

    name: str
    status: Literal["equal", "changed", "added", "removed"]
    changes: tuple[Change, ...] = ()


@reads_pipelines
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A pipeline file, or a folder of them.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another, of the same sort.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Tell it as JSON.")] = False,
    reading: Reading,
) -> None:
    """Tell what differs in the DAGs that files become: arguments, tasks, edges. Exits with 0 if nothing does, 1 if something does, 2 if a file is wrong."""
    if old.is_dir() != new.is_dir() and old.exists() and new.exists():
        refuse("One of them is a folder, the other is not; compare two files, or two folders.", code=2)
    compared = _compare(_plans(old, reading), _plans(new, reading), files=not old.is_dir())
    if as_json:
        typer.echo(json.dumps(_as_dict(compared), indent=2, ensure_ascii=False))
    else:
        console().print(_text(compared))
    raise typer.Exit(0 if all(one.status == "equal" for one in compared) else 1)


def _plans(path: Path, reading: Reading) -> dict[str, Plan]:
    from tidegate.plan import plan

    loaded = reading.load([path])
    if wrong := [result for result in loaded if result.findings]:
        stop(wrong, code=2)
    with for_people():
        return {result.name: plan(result.require()) for result in loaded}


def _compare(old: dict[str, Plan], new: dict[str, Plan], *, files: bool) -> list[Compared]:
    """Pipelines by their names; of two files, the one with the other, whatever they are called."""
    from tidegate.render import difference

    if files:
        (before,), ((name, after),) = old.values(), new.items()
        old = {name: before}
        new = {name: after}
    compared = [Compared(name, "removed") for name in old if name not in new]
    for name, planned in new.items():
        if name not in old:
            compared.append(Compared(name, "added"))
        else:
            changes = difference(old[name], planned)
            compared.append(Compared(name, "changed" if changes else "equal", changes))
    return sorted(compared, key=lambda one: one.name)


def _text(compared: list[Compared]) -> Text:
    """Each pipeline that differs with its changes, and how many do."""
    told = Text()
    for one in compared:
        if one.status in {"added", "removed"}:
            sign = "+" if one.status == "added" else "-"
            told.append(f"{sign} pipeline {one.name}\n", _COLOURS[sign])
        elif one.changes:
            told.append(f"{one.name}\n", "bold")
            for change in one.changes:
                told.append(f"  {change.line()}\n", _COLOURS[change.sign])
    different = sum(one.status != "equal" for one in compared)
    told.append(f"{len(compared)} pipeline(s), {different} different." if different else f"{len(compared)} pipeline(s), nothing differs.")
    return told


def _as_dict(compared: list[Compared]) -> dict[str, Any]:
    """Pipeline → its ``status`` (equal, changed, added, removed) and its ``changes``."""
    pipelines = {one.name: {"status": one.status, "changes": [change.as_dict() for change in one.changes]} for one in compared}
    return {"equal": all(one.status == "equal" for one in compared), "pipelines": pipelines}
