"""``tidegate render``: a pipeline as the Python that Airflow would take instead."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer

from tidegate.cli.plans import one_plan
from tidegate.cli.reading import Reading, reads_pipelines
from tidegate.cli.writing import for_people, save


@reads_pipelines
def render(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A pipeline file.")],
    *,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it into this file, such as dags/NAME.py.")] = None,
    reading: Reading,
) -> None:
    """Write a pipeline as plain Airflow Python: the same tasks, groups and edges without its file. Exits with 1 if the file is wrong."""
    from tidegate.plan.durations import may_have_durations
    from tidegate.render import to_python

    planned, _ = one_plan(path, reading)
    if may_have_durations(planned):
        from tidegate.factory.durations import with_durations

        with for_people():
            planned = with_durations(planned)
    source = to_python(planned)
    if output is None:
        typer.echo(source, nl=False)
    else:
        save(output, source)
        typer.echo(f"{planned.name}: {len(planned.tasks)} task(s). Written to {output}, which looks for include/ beside its folder.")
