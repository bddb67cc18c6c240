"""``tidegate plan``: what a pipeline amounts to, before Airflow sees it."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.plans import one_plan, plain_table, print_table, save_bytes, send_bytes
from tidegate.cli.reading import Reading, reads_pipelines
from tidegate.cli.writing import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from tidegate.model import Loaded
    from tidegate.plan import Plan


class PlanFormat(StrEnum):
    """How a plan is shown."""

    TABLE = "table"
    JSON = "json"
    MERMAID = "mermaid"
    SVG = "svg"
    PNG = "png"


_SUFFIXES = {
    ".json": PlanFormat.JSON,
    ".mmd": PlanFormat.MERMAID,
    ".mermaid": PlanFormat.MERMAID,
    ".svg": PlanFormat.SVG,
    ".png": PlanFormat.PNG,
}
_WIDEST = 80


@reads_pipelines
def plan(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A pipeline file.")],
    *,
    format: Annotated[  # noqa: A002  the option's name
        PlanFormat | None, typer.Option(help="How it is shown; by default what the name of --output says, else a table.")
    ] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it into this file.")] = None,
    provenance: Annotated[bool, typer.Option("--provenance", help="Tell of each value which file and line it came from.")] = False,
    reading: Reading,
) -> None:
    """Show the tasks, groups and edges that a pipeline becomes: as a table, as JSON, or drawn. Exits with 1 if the file is wrong."""
    chosen = format or (_SUFFIXES.get(output.suffix, PlanFormat.TABLE) if output else PlanFormat.TABLE)
    if provenance and chosen not in {PlanFormat.TABLE, PlanFormat.JSON}:
        refuse("--provenance goes with --format table or json.", code=2)
    planned, loaded = one_plan(path, reading)
    places = loaded.document.provenance() if provenance and loaded.document is not None else None
    if chosen is PlanFormat.TABLE and output is None:
        for table in _tables(planned, loaded, places):
            print_table(table)
        return
    content = _content(chosen, planned, loaded, places)
    if output is not None:
        save_bytes(output, content)
        typer.echo(f"{planned.name}: {len(planned.tasks)} task(s), {len(planned.edges)} edge(s). Written to {output}.")
    elif chosen is PlanFormat.PNG:
        send_bytes(content, "A PNG is not for a terminal: give --output FILE.")
    else:
        typer.echo(content.decode(), nl=False)


def _content(chosen: PlanFormat, planned: Plan, loaded: Loaded, places: Mapping[str, str] | None) -> bytes:
    from tidegate import render

    match chosen:
        case PlanFormat.TABLE:
            return "\n".join(plain_table(table) for table in _tables(planned, loaded, places)).encode()
        case PlanFormat.JSON:
            return (json.dumps(render.as_dict(planned, places), indent=2, ensure_ascii=False) + "\n").encode()
        case PlanFormat.MERMAID:
            return render.to_mermaid(planned).encode()
        case PlanFormat.SVG:
            return render.to_svg(planned).encode()
        case PlanFormat.PNG:
            try:
                return render.to_png(planned)
            except render.DrawingUnavailable as error:
                refuse(str(error), code=2)


def _tables(planned: Plan, loaded: Loaded, places: Mapping[str, str] | None) -> list[Table]:
    """The DAG's arguments, the tasks, and where asked for the places of values."""
    from tidegate.render import COLUMNS, origins, rows, words

    arguments = [(name, words(value, most=_WIDEST)) for name, value in planned.arguments.items() if name != "doc_md"]
    if "schedule" not in planned.arguments:
        arguments.insert(0, ("schedule", "none: it runs when somebody or something starts it"))
    tables = [
        _table(planned.name, ("argument of the DAG", "value"), arguments),
        _table(f"{len(planned.tasks)} tasks, {len(planned.edges)} edges", COLUMNS, [row.cells() for row in rows(planned)]),
    ]
    if places is not None and loaded.document is not None:
        told = [(origin.key, words(origin.value, most=_WIDEST), origin.place) for origin in origins(loaded.document.value, places)]
        tables.append(_table("Where it is said", ("key", "value", "file:line"), told))
    return tables


def _table(title: str, columns: tuple[str, ...], cells: Sequence[tuple[str, ...]]) -> Table:
    """A table without the columns that say nothing."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    said = [number for number in range(len(columns)) if not cells or number == 0 or any(row[number] for row in cells)]
    for number in said:
        table.add_column(columns[number], overflow="fold")
    for row in cells:
        table.add_row(*(Text(row[number]) for number in said))
    return table
