"""The commands: they read files and print; the rules live below."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from tidegate.model import Finding, Loaded, Project, load_pipeline

app = typer.Typer(name="tidegate", help="Pipelines in YAML that survive a bad night.", no_args_is_help=True, add_completion=False)
SUFFIXES = {".yaml", ".yml"}


@app.callback()
def main() -> None:
    """Pipelines in YAML that survive a bad night."""


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Pipeline files, or folders of them.")],
    allow: Annotated[list[str] | None, typer.Option(help="A prefix of import paths that configs may name; give it once for each.")] = None,
) -> None:
    """Check pipeline files; print everything that is wrong with its place and what to do. Exits with 1 if anything is."""
    loaded = [_load(path, tuple(allow or ())) for given in paths for path in _files(given)]
    out = Console(highlight=False, soft_wrap=True)
    for result in loaded:
        if not result.findings:
            out.print(Text.assemble((f"{result.path}", "bold"), ": ", ("right", "green")))
        for finding in result.findings:
            out.print(_coloured(finding), end="\n\n")
    wrong = sum(1 for result in loaded if result.findings)
    found = sum(len(result.findings) for result in loaded)
    out.print(f"{len(loaded)} file(s), {wrong} with {found} finding(s)." if wrong else f"{len(loaded)} file(s), all right.")
    raise typer.Exit(1 if wrong or not loaded else 0)


def _load(path: Path, allow: tuple[str, ...]) -> Loaded:
    if not path.exists():
        missing = Finding(str(path), 0, 0, "", "there is no such file", "Check the path; pipelines lie under include/pipelines.")
        return Loaded(path, None, (missing,))
    return load_pipeline(path, Project.around(path, allowed_imports=allow))


def _files(given: Path) -> list[Path]:
    if given.is_dir():
        return sorted(path for path in given.rglob("*") if path.suffix in SUFFIXES)
    return [given]


def _coloured(finding: Finding) -> Text:
    """The finding's text, its place in bold and its message in red where colours are shown."""
    first, _, rest = finding.render().partition("\n")
    place, separator, message = first.partition("  ")
    return Text.assemble((place, "bold"), separator, (message, "red"), "\n" if rest else "", rest)
