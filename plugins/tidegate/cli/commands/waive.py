"""``tidegate waive``: say that nobody needs what is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from getpass import getuser
from typing import Annotated

import typer

from tidegate.cli.ledgers import FOLDER, Branches, Folder, Since, Until, amend, find
from tidegate.cli.reading import Reading, reads_pipelines
from tidegate.cli.writing import refuse


@reads_pipelines
def waive(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="A pipeline's name.")],
    *,
    since: Since = None,
    until: Until = None,
    region: Branches = None,
    because: Annotated[
        str, typer.Option(metavar="REASON", prompt="Because", help="Why nobody needs them; asked for where it is not given.")
    ],
    folder: Folder = FOLDER,
    reading: Reading,
) -> None:
    """Close gaps that nobody needs any more, with a reason and your name; run it where Airflow's own command runs.

    Exits with 1 if no open gap is meant.
    """
    if not because.strip():
        refuse("Say why: --because takes a reason that others will read.", code=2)
    if not (since or until or region):
        refuse("Say which: --since, --until or --region.", code=2)
    now, by = datetime.now(UTC), getuser()
    found = find(pipeline, reading, folder, since=since, until=until, branches=region)
    waived = 0
    for ledger, gaps in found:
        waived += amend(ledger, [gap.waived(now, by=by, because=because.strip()) for gap in gaps])
        for gap in gaps:
            typer.echo(f"{gap.pipeline} for {gap.interval}: {gap.branch} waived")
    if not waived:
        refuse("No open gap is meant. `tidegate gaps` lists those that are open.")
    typer.echo(f"{waived} gap(s) waived by {by}.")
