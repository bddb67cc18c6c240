"""``tidegate breaker``: which branches stay away, and a person's word over it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.listing import ListsByDefault
from tidegate.cli.writing import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate.cli.breakers import Kept
    from tidegate.resilience.breaker import Breaker


app = typer.Typer(cls=ListsByDefault)
Pipeline = Annotated[str, typer.Argument(metavar="PIPELINE", help="The pipeline's name.")]
BranchName = Annotated[str, typer.Argument(metavar="BRANCH", help="The branch's name.")]


@app.callback()
def breaker() -> None:
    """Tell which breakers are open, and open or close them by hand; run it where Airflow's own command runs."""


@app.command(name="list")
def list_(
    pipeline: Annotated[str | None, typer.Argument(metavar="PIPELINE", help="The pipeline's name; all, if not given.")] = None,
) -> None:
    """List the breakers that are open or isolated, and those that have counted bad nights."""
    from tidegate.cli.breakers import kept

    found = _tried(lambda: kept(pipeline))
    _tell([each for each in found if not each.is_plain])
    stances = [str(each.breaker.stance) for each in found]
    typer.echo(f"{len(found)} breaker(s), {stances.count('open')} open, {stances.count('isolated')} isolated.")


@app.command()
def isolate(
    pipeline: Pipeline,
    branch: BranchName,
    *,
    because: Annotated[str, typer.Option(metavar="REASON", help="Why; told wherever the branch is missed.")],
) -> None:
    """Take a branch out of all nights, without a probe, until it is reset. It counts as missing."""
    from tidegate.resilience.breaker import isolated

    if not because.strip():
        refuse("Say why: --because takes a reason that others will read.", code=2)
    _changed(pipeline, branch, lambda before: isolated(before, now=datetime.now(UTC), because=because.strip()))


@app.command()
def reset(pipeline: Pipeline, branch: BranchName) -> None:
    """Close a breaker: the next night reads the branch in full."""
    from tidegate.resilience.breaker import reset as closed

    _changed(pipeline, branch, closed)


def _changed(pipeline: str, branch: str, turn: Callable[[Breaker], Breaker]) -> None:
    from tidegate.cli.breakers import change

    for each in _tried(lambda: change(pipeline, branch, turn)):
        typer.echo(f"{each.pipeline}, {each.step}: {each.branch} is {each.breaker.stance}.")


def _tell(found: list[Kept]) -> None:
    """One line for each, in columns."""
    rows = [("pipeline", "step", "branch", "state", "bad nights", "since", "reason"), *(each.told for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if found else ():
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _tried(ask: Callable[[], list[Kept]]) -> list[Kept]:
    from tidegate.errors import Refused, Unreachable

    try:
        return ask()
    except Refused as error:
        refuse(str(error))
    except Unreachable as error:
        refuse(str(error), code=2)
