"""Gaps for the commands that look after them: found by the pipelines' files, in the ledgers behind their loads. Runs where Airflow's own command runs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tidegate.cli.plans import stop
from tidegate.cli.writing import refuse
from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import URL, Connection

    from tidegate.cli.reading import Reading
    from tidegate.plan.places import Places
    from tidegate.resilience.gap import Gap
    from tidegate.resilience.interval import Interval

T = TypeVar("T")
FOLDER = Path("include/pipelines")
Since = Annotated[str | None, typer.Option(metavar="DATE", help="Only intervals that begin on this day or later; also a time.")]
Until = Annotated[str | None, typer.Option(metavar="DATE", help="Only intervals that begin on this day or earlier; also a time.")]
Branches = Annotated[
    list[str] | None, typer.Option("--region", "--branch", metavar="NAME", help="Only this branch; give it once for each.")
]
Folder = Annotated[Path, typer.Option(metavar="FOLDER", help="Where the pipelines lie.")]


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger, and what it knows of gaps."""

    conn_id: str
    url: URL
    gaps: list[Gap]
    short: set[tuple[str, Interval]]


@dataclass(slots=True)
class Found:
    """The gaps of a pipeline, or of all."""

    ledgers: list[Ledger]
    places: dict[str, Places]
    chosen: Callable[[Gap], bool] = field(default=lambda _: True)

    def __iter__(self) -> Iterator[tuple[Ledger, list[Gap]]]:
        """Each ledger with the gaps in it that were asked for; one that two connections lead to counts once."""
        seen: set[tuple[str, Interval, str]] = set()
        for ledger in self.ledgers:
            gaps = [gap for gap in ledger.gaps if self.chosen(gap) and (gap.pipeline, gap.interval, gap.branch) not in seen]
            seen |= {(gap.pipeline, gap.interval, gap.branch) for gap in gaps}
            yield ledger, gaps

    @property
    def gaps(self) -> list[Gap]:
        """All of them."""
        return [gap for _, gaps in self for gap in gaps]


def find(
    pipeline: str | None,
    reading: Reading,
    folder: Path,
    *,
    since: str | None = None,
    until: str | None = None,
    branches: Sequence[str] | None = None,
    only_open: bool = True,
) -> Found:
    """The gaps that a person means; a ledger that cannot be asked is told, and ends the command where there is no other."""
    places = places_of(pipeline, reading, folder)

    def asked(conn_id: str, url: URL, connection: Connection) -> Ledger:
        from tidegate.data.gaps import read_gaps, short_intervals

        return Ledger(conn_id, url, read_gaps(connection, pipeline, only_open=only_open), short_intervals(connection))

    ledgers = each(pipeline, places, folder, asked)
    gone = {gap.branch for ledger in ledgers for gap in ledger.gaps}
    check_branches(branches or (), gone.union(*(place.branches for name, place in places.items() if pipeline in {None, name})))
    within = period(places, since, until)
    return Found(ledgers, places, lambda gap: (not branches or gap.branch in branches) and within(gap.pipeline, gap.interval.start))


def connections(pipeline: str | None, places: dict[str, Places], folder: Path) -> list[str]:
    """The connections of the ledgers of a pipeline, or of all, each once; where there is none the command ends."""
    found = dict.fromkeys(conn_id for name, place in places.items() if pipeline in {None, name} for conn_id in place.ledgers)
    if not found:
        told = f"{pipeline} has no load, and names no ledger" if pipeline else f"No pipeline under {folder} has a load, or names a ledger"
        refuse(f"{told}, so there is none to ask.")
    return list(found)


def each(pipeline: str | None, places: dict[str, Places], folder: Path, question: Callable[[str, URL, Connection], T]) -> list[T]:
    """What the ledgers answer; one that cannot be asked is told, and ends the command where there is no other."""
    answers, untold = [], []
    for conn_id in connections(pipeline, places, folder):
        try:
            answers.append(_asked(conn_id, question))
        except TidegateError as error:
            untold.append(str(error))
    if not answers:
        refuse("\n".join(untold))
    for told in untold:
        typer.echo(told, err=True)
    return answers


def check_branches(branches: Sequence[str], known: set[str]) -> None:
    """Refuse a branch that no pipeline has, and nothing is known of: "nothing is open" would read as if all were well."""
    from tidegate.model.findings import did_you_mean

    for branch in branches:
        if branch not in known:
            refuse(f"There is no branch '{branch}'. {did_you_mean(branch, sorted(known))}".rstrip(), code=2)


def places_of(pipeline: str | None, reading: Reading, folder: Path) -> dict[str, Places]:
    """The places of all pipelines under a folder; one that is not there, or wrong where it is meant, ends the command."""
    from tidegate.model.findings import did_you_mean
    from tidegate.plan.places import all_places

    loaded = reading.load([folder])
    places, wrong = all_places(loaded)
    if not places or pipeline in wrong:
        stop([result for result in loaded if result.findings and pipeline in {None, result.name}] or loaded, code=1)
    if pipeline is not None and pipeline not in places:
        refuse(f"There is no pipeline '{pipeline}' under {folder}. {did_you_mean(pipeline, list(places))}".rstrip(), code=2)
    if wrong and pipeline is None:
        typer.echo(f"Left out, because their files are wrong: {', '.join(wrong)}. `tidegate validate {folder}` says why.", err=True)
    return places


def url_behind(conn_id: str) -> URL:
    """The database behind a connection.

    :raises ConnectionUnknown: there is no such connection, or it is no database.
    """
    from airflow.models import Connection  # not the SDK's, which asks a task's API or the environment alone

    from tidegate.operators.surroundings import url_of

    return url_of(conn_id, Connection.get_connection_from_secrets)  # noqa: AIR311  as above


def _asked(conn_id: str, question: Callable[[str, URL, Connection], T]) -> T:
    """What a ledger answers.

    :raises TidegateError: it does not answer, there is none, or a newer Tidegate has made it.
    """
    from tidegate.data.engines import reading
    from tidegate.data.gaps import there
    from tidegate.data.ledger import version_of

    url = url_behind(conn_id)
    with reading(url, connection_name=conn_id) as connection:
        if not there(connection):
            raise TidegateError(f"There is no ledger behind '{conn_id}' yet.", hint="The first load into it makes one.")
        version_of(connection)
        return question(conn_id, url, connection)


def period(places: dict[str, Places], since: str | None, until: str | None) -> Callable[[str, datetime], bool]:
    """Whether an interval is one of those that a person means, by its pipeline and its start; days are those of the pipeline's zone."""
    first, last = _moment("--since", since), _moment("--until", until)
    if since and until and str(first)[:10] > str(last)[:10]:
        refuse(f"--since {since} lies after --until {until}, and no interval between them.", code=2)

    def within(pipeline: str, start: datetime) -> bool:
        from tidegate.model.schedule import instant

        zone = places[pipeline].timezone if pipeline in places else "UTC"
        if first is not None and start < instant(first, zone):
            return False
        if last is None:
            return True
        if isinstance(last, datetime):
            return start <= instant(last, zone)
        return start < instant(last + timedelta(days=1), zone)

    return within


def _moment(option: str, text: str | None) -> date | datetime | None:
    if text is None:
        return None
    for kind in (date, datetime):
        with suppress(ValueError):
            return kind.fromisoformat(text)
    return refuse(f"{option} is '{text}', which is no day. Write it as 2026-01-31, or with a time as 2026-01-31T02:00.", code=2)


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago a moment was, or how far ahead it is, in the largest unit that tells it: ``3 d``, ``5 h``, ``20 min``."""
    seconds = abs(int(((now or datetime.now(UTC)) - moment).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds // 60} min"


def amend(ledger: Ledger, gaps: Sequence[Gap]) -> int:
    """Write changed gaps into their ledger; the number of those that were still open."""
    from tidegate.data.engines import writing
    from tidegate.data.gaps import amend_gaps

    try:
        with writing(ledger.url, connection_name=ledger.conn_id) as connection:
            return amend_gaps(connection, gaps)
    except TidegateError as error:
        refuse(str(error))
