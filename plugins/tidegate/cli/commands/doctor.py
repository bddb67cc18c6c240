"""``tidegate doctor``: what is wrong around the pipelines, and how to mend it."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.ledgers import FOLDER
from tidegate.cli.reading import Reading, reads_pipelines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.cli.checkup import Note

JSON_VERSION = 1


class DoctorFormat(StrEnum):
    """How findings are told."""

    TEXT = "text"
    JSON = "json"


@reads_pipelines
def doctor(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where the pipelines lie.")] = FOLDER,
    *,
    format: Annotated[DoctorFormat, typer.Option(help="How findings are told.")] = DoctorFormat.TEXT,  # noqa: A002  the option's name
    reading: Reading,
) -> None:
    """Look at all that pipelines need: connections, drivers, pools, staging, ledgers, the triggerer, the catch-up; run it where Airflow's own command runs.

    It changes nothing. Exits with 1 if something is wrong.
    """
    from tidegate.cli.checkup import Standing

    notes = []
    for found in _notes(folder, reading):
        notes.append(found)
        if format is DoctorFormat.TEXT:
            _tell(found)
    bad = sum(found.standing is Standing.WRONG for found in notes)
    if format is DoctorFormat.JSON:
        typer.echo(
            json.dumps({"version": JSON_VERSION, "wrong": bad, "notes": [asdict(found) for found in notes]}, indent=2, ensure_ascii=False)
        )
    else:
        typer.echo(f"{bad} thing(s) to mend." if bad else "Nothing to mend.")
    raise typer.Exit(1 if bad else 0)


def _notes(folder: Path, reading: Reading) -> Iterator[Note]:
    """Everything that is found, in an order in which causes come before what follows from them."""
    from tidegate.cli.checkup import airflow, asked_of, databases, files
    from tidegate.cli.checkup.notes import wrong
    from tidegate.errors import Unreachable

    loaded = reading.load([folder])
    yield from files.files(loaded, folder)
    yield from files.include(reading.project(folder))
    specs = [each.spec for each in loaded if each.spec is not None]
    asked = asked_of(specs)
    yield from files.dag_files(airflow.dags_folder(), reading.allow or ())
    try:
        with airflow.metadata() as session:
            yield from airflow.dags(session, specs)
            yield from airflow.pools(session, specs, asked, folder)
            yield from airflow.triggerer(session, asked)
            yield from airflow.catch_up(session, asked)
    except Unreachable as error:
        yield wrong("airflow", error.message.rstrip("."), mend=error.hint)
        return
    yield from databases.connections(asked)
    yield from databases.ledgers(asked)
    yield from airflow.staging()


def _tell(found: Note) -> None:
    """One line for what is found, and one for whom it concerns and what to do."""
    typer.echo(f"{found.standing:<5}  {found.check:<11}  {found.what}" + (f" ({found.where})" if found.where else ""))
    if found.mend:
        typer.echo(f"{'':<20}→ {found.mend}")
