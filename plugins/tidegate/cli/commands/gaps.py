"""``tidegate gaps``: what earlier nights lack."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.cli.ledgers import FOLDER, Branches, Folder, Since, Until, ago, find
from tidegate.cli.reading import Reading, reads_pipelines
from tidegate.cli.writing import columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate.resilience.gap import Gap

JSON_VERSION = 1


class GapFormat(StrEnum):
    """How gaps are told."""

    TABLE = "table"
    JSON = "json"


@reads_pipelines
def gaps(
    pipeline: Annotated[str | None, typer.Argument(metavar="[PIPELINE]", help="A pipeline's name; by default all.")] = None,
    *,
    since: Since = None,
    until: Until = None,
    region: Branches = None,
    all: Annotated[bool, typer.Option("--all", help="Closed, waived and expired ones, too.")] = False,  # noqa: A002  the option's name
    format: Annotated[GapFormat, typer.Option(help="How they are told.")] = GapFormat.TABLE,  # noqa: A002  the option's name
    folder: Folder = FOLDER,
    reading: Reading,
) -> None:
    """List the branches that earlier nights lack: since when, why, and when they are tried again; run it where Airflow's own command runs.

    Exits with 0 whether or not there are any, and with 1 if no ledger can be asked.
    """
    found = find(pipeline, reading, folder, since=since, until=until, branches=region, only_open=not all).gaps
    now = datetime.now(UTC)
    if format is GapFormat.JSON:
        typer.echo(json.dumps({"version": JSON_VERSION, "gaps": [_fields(gap, now) for gap in found]}, indent=2, ensure_ascii=False))
        return
    if found:
        typer.echo("\n".join(columns(list(_rows(found, now, several=pipeline is None)))))
    typer.echo(_summary(found, now))


def _fields(gap: Gap, now: datetime) -> dict[str, Any]:
    def told(moment: datetime | None) -> str | None:
        return moment.isoformat() if moment is not None else None

    return {
        "pipeline": gap.pipeline,
        "interval_start": told(gap.interval.start),
        "interval_end": told(gap.interval.end),
        "dimension": gap.dimension,
        "branch": gap.branch,
        "status": str(gap.status),
        "state": gap.state,
        "reason": gap.reason,
        "owner": gap.owner,
        "opened_at": told(gap.opened_at),
        "age_seconds": int((now - gap.opened_at).total_seconds()),
        "expires_at": told(gap.expires_at),
        "attempts": gap.attempts,
        "last_attempt_at": told(gap.last_attempt_at),
        "next_attempt_at": told(gap.next_attempt) if gap.status == "open" else None,
        "run_id": gap.run_id,
        "closed_at": told(gap.closed_at),
        "closed_by": gap.closed_by,
        "note": gap.note,
    }


def _rows(gaps: Sequence[Gap], now: datetime, *, several: bool) -> Iterator[list[str]]:
    """The table's lines, its headings first."""
    yield [*(["pipeline"] if several else []), "interval", "branch", "state", "age", "attempts", "next", "owner", "reason"]
    for gap in gaps:
        reason = f"{gap.note} ({gap.closed_by})" if gap.note else gap.reason
        told = [str(gap.interval), gap.branch, gap.state, ago(gap.opened_at, now), str(gap.attempts), _next(gap, now), gap.owner, reason]
        yield [*([gap.pipeline] if several else []), *told]


def _next(gap: Gap, now: datetime) -> str:
    """When it is tried again, or what became of it."""
    if gap.status != "open":
        return str(gap.status)
    if gap.expires_at <= now:
        return "expires"
    return "due" if gap.next_attempt <= now else f"in {ago(gap.next_attempt, now)}"


def _summary(gaps: Sequence[Gap], now: datetime) -> str:
    still = [gap for gap in gaps if gap.status == "open"]
    if not still:
        return "No gap is open."
    intervals = len({(gap.pipeline, gap.interval) for gap in still})
    oldest = ago(min(gap.opened_at for gap in still), now)
    return f"{len(still)} gap(s) open in {intervals} interval(s), the oldest for {oldest}."
