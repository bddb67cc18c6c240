"""``tidegate catch-up``: start the runs that bring what is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.ledgers import FOLDER, Branches, Folder, Found, Ledger, Since, Until, amend, find
from tidegate.cli.reading import Reading, reads_pipelines
from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.resilience.gap import CatchUp


@reads_pipelines
def catch_up(
    pipeline: Annotated[str | None, typer.Argument(metavar="[PIPELINE]", help="A pipeline's name; by default all.")] = None,
    *,
    since: Since = None,
    until: Until = None,
    region: Branches = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be started, and start nothing.")] = False,
    folder: Folder = FOLDER,
    reading: Reading,
) -> None:
    """Start the runs that bring what is missing, one for each interval, now; run it where Airflow's own command runs.

    An interval that nothing was loaded of is brought whole or not at all: where branches are chosen, it is left out.
    Exits with 1 if Airflow refuses one of them.
    """
    found = find(pipeline, reading, folder, since=since, until=until, branches=region)
    now = datetime.now(UTC)
    waiting = []
    for run, ledger, chosen in _runs(found, now):
        if chosen:
            waiting.append((run, ledger))
        else:
            typer.echo(f"{run.pipeline} for {run.interval}: left out, for nothing of it was loaded yet. Bring it whole: without --region.")
    if not waiting:
        typer.echo("Nothing is missing that could be brought.")
        return
    refused = 0
    for run, ledger in waiting:
        told = f"{run.pipeline} for {run.interval}: {', '.join(run.branches)}"
        if dry_run:
            typer.echo(f"{told}: would be started")
            continue
        try:
            typer.echo(f"{told}: {_started(run, ledger, now)}")
        except TidegateError as error:
            refused += 1
            typer.echo(f"{told}: not started. {error}", err=True)
    typer.echo(f"{len(waiting)} run(s){', none started' if dry_run else ''}.")
    raise typer.Exit(1 if refused else 0)


def _runs(found: Found, now: datetime) -> Iterator[tuple[CatchUp, Ledger, bool]]:
    """The runs for what is chosen, and whether all that each brings is.

    Of an interval that nothing was loaded of, a run brings all that is missing: else the quorum would judge a part.
    """
    from tidegate.resilience.gap import runs

    for ledger, chosen in found:
        able = [gap for gap in ledger.gaps if now < gap.expires_at]
        for run in runs([gap for gap in chosen if now < gap.expires_at], able, ledger.short):
            yield run, ledger, all(gap in chosen for gap in run.gaps)


def _started(run: CatchUp, ledger: Ledger, now: datetime) -> str:
    """Start a run unless the one that was started for the same gaps is still on its way; what was done, in words."""
    from tidegate.cli.triggering import is_active, trigger

    for run_id in {gap.run_id for gap in run.gaps}:
        if is_active(run.pipeline, run_id):
            return f"left to {run_id}, which is on its way"
    run_id = run.run_id(now.strftime("%Y%m%dT%H%M%SZ"))
    paused = trigger(run.pipeline, run_id, run.conf)
    amend(ledger, [gap.tried(now, run_id=run_id) for gap in run.gaps])
    return f"started as {run_id}" + ("; it waits, for the DAG is paused" if paused else "")
