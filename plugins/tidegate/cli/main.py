"""The ``tidegate`` command, put together: each of its commands is a module of :mod:`tidegate.cli.commands`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from tidegate.cli.commands import (
    apply,
    breaker,
    catch_up,
    diff,
    doctor,
    explain,
    gaps,
    import_,
    ledger,
    new,
    plan,
    render,
    schema,
    validate,
    waive,
)

COMMANDS = (
    validate.validate,
    plan.plan,
    diff.diff,
    render.render,
    explain.explain,
    schema.schema,
    new.new,
    apply.apply,
    doctor.doctor,
    gaps.gaps,
    catch_up.catch_up,
    waive.waive,
)
"""In the order in which ``tidegate --help`` lists them."""

app = typer.Typer(name="tidegate", no_args_is_help=True, add_completion=False)
for command in COMMANDS:
    app.command()(command)
app.add_typer(ledger.app, name="ledger")
app.add_typer(breaker.app, name="breaker")
app.add_typer(import_.app, name="import")


def _version(value: bool) -> None:  # noqa: FBT001  typer calls it with the option's value
    if value:
        typer.echo(f"tidegate {version('airflow-tidegate')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell the version, and exit.")] = False,
) -> None:
    """Pipelines in YAML that survive a bad night.

    Exit codes: 0 when all is right, 1 when something was found to be wrong, 2 when the command was called wrongly.
    """
