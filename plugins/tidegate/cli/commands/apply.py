"""``tidegate apply``: the pools that pipelines declare, in Airflow."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer

from tidegate.cli.plans import stop
from tidegate.cli.reading import Reading, reads_pipelines
from tidegate.cli.writing import refuse


@reads_pipelines
def apply(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE", help="Pipeline files, or folders of them.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")] = False,
    reading: Reading,
) -> None:
    """Make the Airflow pools that pipelines declare under resources; run it where Airflow's own command runs.

    A pool that is there gets the declared number of slots; pools that no pipeline declares are left alone. Exits with 1 if a file is wrong, or
    if two pipelines declare one resource with different limits: then nothing is done.
    """
    from tidegate.model.resources import shared_resources

    loaded = reading.load(paths)
    if wrong := [result for result in loaded if result.findings]:
        stop(wrong, code=1)
    resources, contradictions = shared_resources(result.require().pipeline for result in loaded)
    if contradictions:
        refuse("\n".join([*contradictions, "A resource is one thing: declare it alike everywhere. Nothing was done."]))
    if not resources:
        typer.echo(f"{len(loaded)} file(s), which declare no resource.")
        return
    from tidegate.cli.pools import apply_pools
    from tidegate.errors import Unreachable

    try:
        changes = apply_pools(resources, write=not dry_run)
    except Unreachable as error:
        refuse(str(error), code=2)
    for change in changes:
        typer.echo(change.told(done=not dry_run))
    count = sum(change.needed for change in changes)
    typer.echo(f"{len(changes)} pool(s), {count} {'would be changed' if dry_run else 'changed'}.")
