"""``tidegate validate``: whether what the files say is right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.formats import Format, rendered, summary, text
from tidegate.cli.reading import Reading, reads_pipelines
from tidegate.cli.writing import console, save


@reads_pipelines
def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE", help="Pipeline files, templates, or folders of them.")],
    *,
    format: Annotated[Format, typer.Option(help="How findings are told.")] = Format.TEXT,  # noqa: A002  the option's name
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the findings into this file.")] = None,
    reading: Reading,
) -> None:
    """Check pipeline files; tell everything that is wrong with its place and what to do. Exits with 1 if anything is."""
    loaded = reading.judge(paths)
    if output is not None:
        save(output, rendered(loaded, format, root=Path.cwd()))
        typer.echo(f"{summary(loaded)} Written to {output}.")
    elif format is Format.TEXT:
        console().print(text(loaded))
    else:
        typer.echo(rendered(loaded, format, root=Path.cwd()), nl=False)
    raise typer.Exit(1 if any(result.findings for result in loaded) else 0)
