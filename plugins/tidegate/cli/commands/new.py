"""``tidegate new``: a pipeline to begin with, that is right as it stands."""

from __future__ import annotations

import sys
import tempfile
import textwrap
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.drafts import Answers, Draft, Template, draft
from tidegate.cli.writing import refuse, save
from tidegate.model import Project, load_pipeline
from tidegate.model.folder import is_misnamed
from tidegate.model.layers import DEFAULTS

_INDENT = " " * 5
_BUILD = """from pathlib import Path

from tidegate import build_dags

globals().update(build_dags(Path(__file__).parent.parent / "include" / "pipelines"))  # the DAGs of Airflow
"""


def new(
    name: Annotated[str, typer.Argument(help="Name of the pipeline, of its file and of its DAG.")],
    *,
    template: Annotated[Template | None, typer.Option(help="What it begins as.")] = None,
    regions: Annotated[str | None, typer.Option(metavar="A,B", help="Names of the branches, with commas between them.")] = None,
    connection_prefix: Annotated[str | None, typer.Option(help="What the sources' connection ids begin with.")] = None,
    warehouse: Annotated[str | None, typer.Option(help="Connection id of the warehouse.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the pipeline's file goes.")] = Path("include/pipelines"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take the default of what is not given.")] = False,
) -> None:
    """Write a new pipeline, and the SQL files that it names. Asks on a terminal for what is not given; overwrites nothing."""
    _check_name(name, "NAME")
    ask = _Asking(yes=yes)
    chosen = Template(template or ask("template", "Template: nightly, serial or operators", Template.NIGHTLY.value, Template))
    if regions is not None and chosen is not Template.NIGHTLY:
        refuse(f"--regions belongs to the template nightly; {chosen.value} has no branches.", code=2)
    answers = Answers(
        name=name,
        start=datetime.now(tz=UTC).date(),
        regions=_regions(regions, ask) if chosen is Template.NIGHTLY else (),
        connection_prefix=_prefix(connection_prefix, chosen, name, ask),
        warehouse=warehouse if warehouse is not None else ask("warehouse", "Connection id of the warehouse", "warehouse"),
    )
    made = draft(chosen, answers)
    path = folder / f"{name}.yaml"
    include = Project.around(path).include
    written = {path: made.pipeline, **{_shown(include / sql): text for sql, text in made.sql.items()}}
    if there := [file for file in (*written, path.with_suffix(".yml")) if file.exists()]:
        refuse(
            f"{', '.join(str(file) for file in there)} {'is' if len(there) == 1 else 'are'} there already; nothing was written. Choose another name."
        )
    _check(made, name)
    for file, text in written.items():
        save(file, text)
        typer.echo(f"Wrote {file}")
    _next_steps(answers, chosen, path, list(written)[1:])


class _Asking:
    """Asks for what was not given: on a terminal in words, else by ending the command."""

    def __init__(self, *, yes: bool) -> None:
        self._yes = yes

    def __call__(self, option: str, question: str, default: str, kind: type[str] = str) -> str:
        if self._yes:
            return default
        if not sys.stdin.isatty():
            refuse(f"Nothing says --{option}, and there is no terminal to ask on. Give it, or take defaults by --yes.", code=2)
        answer: str = typer.prompt(question, default=default, type=kind)
        return answer


def _regions(given: str | None, ask: _Asking) -> tuple[str, ...]:
    text = given if given is not None else ask("regions", "Regions, with commas between them", "north,south")
    regions = tuple(word.strip() for word in text.split(",") if word.strip())
    if not regions:
        refuse("--regions names no region; write --regions north,south.", code=2)
    return regions


def _prefix(given: str | None, template: Template, name: str, ask: _Asking) -> str:
    if template is Template.OPERATORS:
        return ""
    if given is not None:
        return given
    if template is Template.SERIAL:
        return ask("connection-prefix", "Connection id of the source", name)
    return ask("connection-prefix", "What the sources' connection ids begin with", f"{name}_")


def _check_name(name: str, option: str) -> None:
    """End the command where the name of a pipeline cannot be one, by the rule of the model itself."""
    from pydantic import TypeAdapter, ValidationError

    from tidegate.cli.reference.models import hints
    from tidegate.model.spec import Pipeline

    try:
        TypeAdapter(hints(Pipeline)["pipeline"]).validate_python(name)
    except ValidationError:
        rule = "A name has letters, digits, '_' and '-', starts with a letter or '_', and has at most 100 characters."
        refuse(f"{option}: {name!r} is no name for a pipeline. {rule}", code=2)
    if is_misnamed(Path(f"{name}.yml")):
        refuse(
            f"{option}: no pipeline may be called {name!r}: {DEFAULTS} holds what the pipelines of its folder share. Choose another name.",
            code=2,
        )


def _check(made: Draft, name: str) -> None:
    """End the command where what would be written is not right: then an answer does not fit, and the findings say which."""
    with tempfile.TemporaryDirectory() as folder:
        include = Path(folder) / "include"
        path = include / "pipelines" / f"{name}.yaml"
        for file, text in {path: made.pipeline, **{include / sql: text for sql, text in made.sql.items()}}.items():
            save(file, text)
        findings = load_pipeline(path, replace(Project.around(path), shown_from=Path(folder)), name=path.name).findings
    if findings:
        refuse("\n\n".join(["Nothing was written, for it would not be right:", *(finding.render() for finding in findings)]), code=2)


def _shown(path: Path) -> Path:
    """A path as it reads from here, where it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _next_steps(answers: Answers, template: Template, path: Path, sql: list[Path]) -> None:
    sources = answers.connections or ((answers.connection_prefix.rstrip("_-."),) if template is Template.SERIAL else ())
    connections = [*sources, answers.warehouse]
    steps = [
        f"Write your SQL into {', '.join(str(file) for file in sql)}.",
        f"Check it: tidegate validate {path}",
        f"Tell Airflow where the databases are, by one connection each: {', '.join(connections)}. For example\n{_connect(connections[0])}",
    ]
    if not _builds_dags(Path("dags")):
        steps.append(f"Save this as dags/pipelines.py, which makes a DAG of each pipeline:\n\n{textwrap.indent(_BUILD, _INDENT)}")
    typer.echo("\nNext:")
    for number, step in enumerate(steps, 1):
        typer.echo(f"  {number}. {step}")


def _connect(connection: str) -> str:
    parts = '{"conn_type": "postgres", "host": "…", "login": "…", "password": "…", "schema": "…"}'
    return f"{_INDENT}airflow connections add {connection} --conn-json '{parts}'"


def _builds_dags(folder: Path) -> bool:
    return any("build_dags" in file.read_text(encoding="utf-8", errors="replace") for file in folder.glob("*.py"))
