"""The commands: they read files and print; the rules live below."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from tidegate.model import Finding, Loaded, Project, load_folder, load_pipeline

app = typer.Typer(name="tidegate", help="Pipelines in YAML that survive a bad night.", no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    """Pipelines in YAML that survive a bad night."""


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Pipeline files, or folders of them.")],
    allow: Annotated[list[str] | None, typer.Option(help="A prefix of import paths that configs may name; give it once for each.")] = None,
) -> None:
    """Check pipeline files; print everything that is wrong with its place and what to do. Exits with 1 if anything is."""
    loaded = [result for path in paths for result in _load(path, tuple(allow or ()))]
    out = Console(highlight=False, soft_wrap=True)
    for result in loaded:
        if not result.findings:
            out.print(Text.assemble((f"{result.path}", "bold"), ": ", ("right", "green")))
        for finding in result.findings:
            out.print(_coloured(finding), end="\n\n")
    wrong = sum(1 for result in loaded if result.findings)
    found = sum(len(result.findings) for result in loaded)
    out.print(f"{len(loaded)} file(s), {wrong} with {found} finding(s)." if wrong else f"{len(loaded)} file(s), all right.")
    raise typer.Exit(1 if wrong else 0)


def _load(path: Path, allow: tuple[str, ...]) -> list[Loaded]:
    if not path.exists():
        missing = Finding(str(path), 0, 0, "", "there is no such file", "Check the path; pipelines lie under include/pipelines.")
        return [Loaded(path, None, (missing,))]
    project = Project.around(path, allowed_imports=allow)
    if not path.is_dir():
        return [load_pipeline(path, project)]
    empty = Finding(str(path), 0, 0, "", "there is no pipeline file in this folder", "Pipelines are files that end in .yaml or .yml.")
    return load_folder(path, project) or [Loaded(path, None, (empty,))]


def _coloured(finding: Finding) -> Text:
    """The finding's text, its place in bold and its message in red where colours are shown."""
    first, _, rest = finding.render().partition("\n")
    place, separator, message = first.partition("  ")
    return Text.assemble((place, "bold"), separator, (message, "red"), "\n" if rest else "", rest)
