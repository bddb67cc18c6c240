"""``tidegate ledger``: what the warehouse holds of earlier nights, interval by interval and branch by branch."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.cli.ledgers import FOLDER, Branches, Folder, Since, Until, check_branches, connections, each, period, places_of, url_behind
from tidegate.cli.listing import ListsByDefault
from tidegate.cli.reading import Reading, reads_pipelines
from tidegate.cli.writing import columns, refuse
from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import URL, Connection

    from tidegate.data.completeness import Line, Night

JSON_VERSION = 1
NEWEST = 30


class LedgerFormat(StrEnum):
    """How intervals are told."""

    TABLE = "table"
    JSON = "json"


app = typer.Typer(cls=ListsByDefault)
Format = Annotated[LedgerFormat, typer.Option(help="How they are told.")]


@app.callback()
def ledger() -> None:
    """Tell what the warehouse holds of earlier nights; run it where Airflow's own command runs."""


@app.command(name="list")
@reads_pipelines
def list_(
    pipeline: Annotated[str | None, typer.Argument(metavar="[PIPELINE]", help="A pipeline's name; by default all.")] = None,
    *,
    since: Since = None,
    until: Until = None,
    region: Branches = None,
    format: Format = LedgerFormat.TABLE,  # noqa: A002  the option's name
    folder: Folder = FOLDER,
    reading: Reading,
) -> None:
    """List intervals: how complete each is, what is missing, how many rows are there, and by which run.

    The newest 30 of each pipeline, where neither --since nor --until says which. With --region, what became of that branch in each.
    Exits with 0 whether or not there are any, and with 1 if no ledger can be asked.
    """
    newest = None if since or until else NEWEST
    found, more = _found(pipeline, reading, folder, since=since, until=until, branches=region, newest=newest)
    if format is LedgerFormat.JSON:
        _as_json(found, branches=region)
        return
    several = pipeline is None
    rows = _branches(found, region, several=several, intervals=True) if region else _intervals(found, several=several)
    _tell(list(rows))
    typer.echo(_summary(found) + (f" These are the newest {NEWEST} of each pipeline; --since lists others." if more else ""))


@app.command()
@reads_pipelines
def show(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="A pipeline's name.")],
    day: Annotated[str, typer.Argument(metavar="DAY", help="The day on which the interval begins, in the pipeline's zone; also a time.")],
    *,
    format: Format = LedgerFormat.TABLE,  # noqa: A002  the option's name
    folder: Folder = FOLDER,
    reading: Reading,
) -> None:
    """Show the branches of one interval: what became of each, its rows, the attempt that they are of, and why it is missing.

    Exits with 1 if the ledger knows nothing of that day.
    """
    found, _ = _found(pipeline, reading, folder, since=day, until=day)
    if format is LedgerFormat.JSON:
        _as_json(found, branches=())
    else:
        for night in found:
            typer.echo(night.sentence or f"{pipeline} for {_interval(night)}: no barrier decides about it.")
            _tell(list(_branches([night], None, several=False, intervals=False)))
    if not found:
        refuse(f"The ledger knows nothing of {pipeline} on {day}. `tidegate ledger {pipeline}` lists what it knows.")


@app.command()
@reads_pipelines
def upgrade(
    pipeline: Annotated[str | None, typer.Argument(metavar="[PIPELINE]", help="A pipeline's name; by default all.")] = None,
    *,
    folder: Folder = FOLDER,
    reading: Reading,
) -> None:
    """Make ledgers, or bring them to the version of this Tidegate, as the next load would. Exits with 1 if one cannot be."""
    failed = 0
    for conn_id in connections(pipeline, places_of(pipeline, reading, folder), folder):
        try:
            typer.echo(f"{conn_id}: {_upgraded(conn_id)}")
        except TidegateError as error:
            failed += 1
            typer.echo(f"{conn_id}: {error}", err=True)
    raise typer.Exit(1 if failed else 0)


def _upgraded(conn_id: str) -> str:
    """What was done, in words."""
    from tidegate.data.engines import writing
    from tidegate.data.gaps import there
    from tidegate.data.ledger import VERSION, ensure, version_of

    with writing(url_behind(conn_id), connection_name=conn_id) as connection:
        before, was_there = version_of(connection), there(connection)
        ensure(connection)
    if before == VERSION:
        return f"has version {VERSION}"
    return f"brought from {before or 'before there were versions'} to version {VERSION}" if was_there else f"made with version {VERSION}"


def _found(
    pipeline: str | None,
    reading: Reading,
    folder: Path,
    *,
    since: str | None,
    until: str | None,
    branches: Sequence[str] | None = None,
    newest: int | None = None,
) -> tuple[list[Night], bool]:
    """The intervals that a person means, each once though two connections lead to it; and whether there are more."""
    from tidegate.data.completeness import nights
    from tidegate.data.ledger import VERSION, version_of

    places = places_of(pipeline, reading, folder)
    within = period(places, since, until)

    def asked(conn_id: str, _url: URL, connection: Connection) -> tuple[list[Night], bool]:
        if version_of(connection) != VERSION:
            hint = "The next load into it brings it up; `tidegate ledger upgrade` does so now."
            raise TidegateError(f"The ledger behind '{conn_id}' is older than this Tidegate.", hint=hint)
        return nights(connection, lambda name, start: within(name, datetime.fromisoformat(start)), pipeline=pipeline, newest=newest)

    answers = each(pipeline, places, folder, asked)
    found = {(night.pipeline, night.interval_start, night.interval_end): night for nights, _ in answers for night in nights}
    known = {line.branch for night in found.values() for line in night.lines}
    check_branches(branches or (), known.union(*(place.branches for name, place in places.items() if pipeline in {None, name})))
    return list(found.values()), any(more for _, more in answers)


def _as_json(found: Sequence[Night], *, branches: Sequence[str] | None) -> None:
    """All intervals, with their branches where these are asked for: none for all of them.

    :param branches: None where they are not.
    """

    def fields(night: Night) -> dict[str, Any]:
        told = {name: value for name, value in asdict(night).items() if name != "lines"}
        lines = [_line(line) for line in night.lines if (branches and line.branch in branches) or branches == ()]
        return {**told, "rows": night.rows, **({"branches": lines} if branches is not None else {})}

    typer.echo(json.dumps({"version": JSON_VERSION, "intervals": [fields(night) for night in found]}, indent=2, ensure_ascii=False))


def _line(line: Line) -> dict[str, Any]:
    return {name: value for name, value in asdict(line).items() if name not in {"pipeline", "interval_start", "interval_end", "outcome"}}


def _intervals(found: Sequence[Night], *, several: bool) -> Iterator[list[str]]:
    """The table's lines, its headings first."""
    yield [*(["pipeline"] if several else []), "interval", "outcome", "arrived", "rows", "run", "decided", "missing"]
    for night in found:
        arrived, rows = f"{night.arrived} of {night.expected}", f"{night.rows:,}"
        told = [_interval(night), night.outcome or "-", arrived, rows, night.run_id, _moment(night.decided_at), ", ".join(night.missing)]
        yield [*([night.pipeline] if several else []), *told]


def _branches(found: Sequence[Night], chosen: Sequence[str] | None, *, several: bool, intervals: bool) -> Iterator[list[str]]:
    """The lines of branches, their headings first."""
    before = [*(["pipeline"] if several else []), *(["interval"] if intervals else [])]
    yield [*before, "branch", "state", "rows", "loaded", "attempt", "run", "missing since", "owner", "reason"]
    for night in found:
        around = [*([night.pipeline] if several else []), *([_interval(night)] if intervals else [])]
        for line in night.lines:
            if not chosen or line.branch in chosen:
                rows = f"{line.rows:,}" if line.rows is not None else ""
                state = f"{line.state} from {_moment(line.stale_from)}" if line.stale_from else line.state
                moments = _moment(line.loaded_at), _moment(line.missing_since)
                told = [line.branch, state, rows, moments[0], line.attempt, line.run_id, moments[1], line.owner, line.reason]
                yield [*around, *(cell or "" for cell in told)]


def _tell(rows: Sequence[Sequence[str]]) -> None:
    if len(rows) > 1:
        typer.echo("\n".join(columns(rows)))


def _summary(found: Sequence[Night]) -> str:
    if not found:
        return "No interval is known."
    counted = Counter(night.outcome or "without a barrier" for night in found)
    return f"{len(found)} interval(s): {', '.join(f'{number} {outcome}' for outcome, number in sorted(counted.items()))}."


def _interval(night: Night) -> str:
    from tidegate.resilience.interval import Interval

    return str(Interval(datetime.fromisoformat(night.interval_start), datetime.fromisoformat(night.interval_end)))


def _moment(text: str | None) -> str:
    """Short enough for a column, in UTC."""
    return text[:16].replace("T", " ") if text else ""
