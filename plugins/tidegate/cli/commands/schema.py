"""``tidegate schema``: what an editor needs to complete keys and to mark mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.reading import Allow, Reading
from tidegate.cli.vscode import PIPELINES, TEMPLATES, SettingsRefused, settings_with
from tidegate.cli.writing import refuse, save

if TYPE_CHECKING:
    from tidegate.cli.operators import Installed

SCHEMA_FILE = Path(".tidegate/pipeline.schema.json")
TEMPLATE_FILE = Path(".tidegate/template.schema.json")
SETTINGS_FILE = Path(".vscode/settings.json")


def schema(
    *,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the schema into this file.")] = None,
    operators: Annotated[bool, typer.Option("--operators", help="Add the Airflow operators and sensors that are installed here.")] = False,
    vscode: Annotated[bool, typer.Option("--vscode", help=f"Write {SCHEMA_FILE}, and name it in {SETTINGS_FILE}.")] = False,
    allow: Allow = None,
) -> None:
    """Print the JSON Schema of the pipeline file, by which an editor completes keys and marks mistakes."""
    from tidegate.cli.reference.schema import json_schema
    from tidegate.model.templates import Template

    reading = Reading(allow=allow)
    found = _found(reading) if operators else None
    known = found.operators if found else ()
    target = output or SCHEMA_FILE
    own = _own_words(reading)
    texts = {target: _text(json_schema(known, own=own))}
    if vscode:
        texts[TEMPLATE_FILE] = _text(json_schema(known, root=Template, own=own))
        texts[SETTINGS_FILE] = _settings(target)
    elif output is None:
        typer.echo(texts[target], nl=False)
        return
    for path, text in texts.items():
        save(path, text)
        typer.echo(f"Wrote {path}")
    if found:
        typer.echo(f"The schema knows {len(found.operators)} operators and sensors.")
    if vscode:
        typer.echo("VS Code uses it by the extension redhat.vscode-yaml, for files under include/pipelines and include/templates.")


def _text(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _settings(target: Path) -> str:
    """VS Code's settings with the schemas in them; ends the command where they cannot be changed without a loss."""
    try:
        text = SETTINGS_FILE.read_text(encoding="utf-8") if SETTINGS_FILE.exists() else ""
        return settings_with(text, {target: PIPELINES, TEMPLATE_FILE: TEMPLATES})
    except (SettingsRefused, OSError, UnicodeDecodeError) as error:
        refuse(f"{SETTINGS_FILE} is left as it is, and nothing was written: {error}")


def _own_words(reading: Reading) -> list[str]:
    """The templates and kinds of the project in this folder."""
    from tidegate.model.kind import Kinds

    project = reading.project(Path("include/pipelines"))
    templates = sorted({path.stem.partition("@")[0] for path in (project.include / "templates").glob("*.yaml")})
    return [*templates, *Kinds(project).names()]


def _found(reading: Reading) -> Installed:
    from tidegate.cli.operators import installed

    found = installed(reading.project(Path.cwd()).allows)
    for module, reason in found.failed.items():
        typer.echo(f"Left out {module}: {reason}", err=True)
    return found
