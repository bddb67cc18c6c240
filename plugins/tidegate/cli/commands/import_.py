"""``tidegate import``: pipelines of another builder as Tidegate's. What the files name is neither imported nor called."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from tidegate.cli.writing import console, save

if TYPE_CHECKING:
    from tidegate.importing import Imported
    from tidegate.model import Finding

app = typer.Typer(no_args_is_help=True)


@app.callback()
def import_() -> None:
    """Turn the files of another builder of DAGs into pipeline files."""


@app.command()
def dag_factory(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="YAML files of dag-factory 1.x.")],
    *,
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the pipeline files go.")] = Path("include/pipelines"),
    defaults: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The folder from which on defaults.yml files count (defaults_config_path); the nearest one called 'dags', if not given.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the pipeline files, and write none.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> None:
    """Turn dag-factory's YAML into pipeline files, one for each DAG, and tell what could not be said.

    Exits with 0 if everything was said, with 1 if something was not, and with 2 if a file could not be read or would be written over;
    then nothing is written.
    """
    from tidegate.importing import import_dag_factory

    imported = import_dag_factory(files, today=datetime.now(UTC).date(), folder=output, defaults=defaults)
    texts = {output / f"{pipeline.name}.yaml": pipeline.text for pipeline in imported.pipelines}
    in_the_way = [path for path in texts if path.exists() and not (force or dry_run)]
    _tell(imported)
    for path in in_the_way:
        console().print(Text(f"{path} is there already; give --force to write over it, or another --output.", "red"))
    if imported.troubles or in_the_way:
        console().print(Text("Nothing was written.", "bold"))
        raise typer.Exit(2)
    for path, text in texts.items():
        if dry_run:
            console().print(Text(f"Would write {path}:", "bold"))
            typer.echo(text)
        else:
            save(path, text)
            console().print(f"Wrote {path}")
    lost = len(imported.lost)
    console().print(f"{len(texts)} pipeline(s), {lost} thing(s) that could not be said, {len(imported.remarks) - lost} remark(s).")
    raise typer.Exit(1 if lost else 0)


def _tell(imported: Imported) -> None:
    """Print every trouble and remark with its place."""
    told = [(trouble, "red") for trouble in imported.troubles]
    told += [(remark.finding, "red" if remark.lost else "yellow") for remark in imported.remarks]
    for finding, colour in told:
        console().print(_coloured(finding, colour), end="\n\n")


def _coloured(finding: Finding, colour: str) -> Text:
    """A finding's text, its place in bold and its message in a colour where colours are shown."""
    first, _, rest = finding.render().partition("\n")
    place, separator, message = first.partition("  ")
    return Text.assemble((place, "bold"), separator, (message, colour), "\n" if rest else "", rest)
