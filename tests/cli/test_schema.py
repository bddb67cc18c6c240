"""``tidegate schema``: a schema for editors, the operators that are installed, VS Code's settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from command_line import ROOT, called, tidegate

from tidegate.cli.operators import Operator, described, modules_of
from tidegate.cli.reference.schema import json_schema

BASH = "airflow.providers.standard.operators.bash.BashOperator"
SQL = "airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator"
SETTINGS = Path(".vscode/settings.json")
SCHEMA = Path(".tidegate/pipeline.schema.json")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _step(schema: dict[str, Any], uses: str) -> dict[str, Any]:
    """What a step must look like if it uses something."""
    choices = schema["definitions"]["Step"]["allOf"]
    found: dict[str, Any] = next(choice["then"] for choice in choices if choice["if"]["properties"]["uses"].get("const") == uses)
    return found


def test_the_schema_is_the_one_of_the_reference() -> None:
    """Printed as it lies in the documentation, for a project that has no templates and kinds of its own."""
    done = tidegate("schema", cwd=ROOT / "docs")
    assert (done.returncode, done.stderr) == (0, "")
    schema = json.loads(done.stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema == json_schema()


def test_the_schema_can_go_into_a_file(here: Path) -> None:
    """Which is said."""
    done = called("schema", "--output", "editor/pipeline.json")
    assert (done.exit_code, done.stdout) == (0, "Wrote editor/pipeline.json\n")
    assert json.loads(Path("editor/pipeline.json").read_text()) == json_schema()


def test_a_projects_own_templates_and_kinds_are_completed(here: Path) -> None:
    """By name, without a look into them."""
    for name in ("templates/mirror.yaml", "templates/mirror@1.yaml", "kinds/quality.py", "pipelines/a.yaml"):
        path = here / "include" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise SystemExit\n")
    (words, _) = json.loads(called("schema").stdout)["definitions"]["Step"]["properties"]["uses"]["anyOf"]
    assert words["enum"][-2:] == ["mirror", "quality"]


# -- Operators ------------------------------------------------------------------------------------------------------


def test_operators_are_those_installed_here(tmp_path: Path) -> None:
    """``uses`` completes their paths and still takes others; ``with`` completes their own arguments, with their meanings."""
    done = tidegate("schema", "--operators", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    schema = json.loads(done.stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    completed, free = schema["definitions"]["Step"]["properties"]["uses"]["anyOf"]
    assert {"extract", BASH, SQL, "airflow.providers.standard.sensors.filesystem.FileSensor"} <= set(completed["enum"])
    assert "enum" not in free
    bash = _step(schema, BASH)["properties"]["with"]["properties"]
    assert bash["bash_command"]["description"].startswith("The command")
    assert not {"self", "kwargs", "task_id", "retries"} & set(bash)
    assert {"sql", "conn_id"} <= set(_step(schema, SQL)["properties"]["with"]["properties"])
    valid = jsonschema.Draft7Validator(schema)
    for uses in (BASH, "acme.operators.Ship"):
        step = {"uses": uses, "with": {"bash_command": "ls", "anything": 1}}
        assert valid.is_valid({"pipeline": "p", "steps": {"s": step}}), uses


def test_an_operators_arguments_are_its_own_and_those_between() -> None:
    """Not those of the base of all operators; a class nearer to the operator has the word."""

    class Base:
        def __init__(self, *, task_id: str, **kwargs: Any) -> None: ...

    class Middle(Base):
        """Middle.

        :param wait: How long, in seconds.
        :param mode: Of the middle.
        """

        def __init__(self, *, wait: int = 60, mode: str = "poke", **kwargs: Any) -> None: ...

    class Last(Middle):
        """
        Says one thing
        in two lines.

        :param mode: Of the last.
        """

        def __init__(self, *, mode: str, task_id: str, _hidden: int = 0, **kwargs: Any) -> None: ...

    found = described(Last, Base)
    assert found.meaning == "Says one thing in two lines."
    assert found.arguments == {"mode": "Of the last.", "wait": "How long, in seconds. Default: `60`."}


def test_modules_are_found_in_every_section_of_a_provider() -> None:
    """As Airflow's provider schema has them."""
    info = {
        "operators": [{"integration-name": "A", "python-modules": ["a.operators", "a.more"]}],
        "sensors": [{"integration-name": "A", "python-modules": ["a.sensors"]}],
        "transfers": [{"source-integration-name": "A", "target-integration-name": "B", "python-module": "a.transfers"}],
        "hooks": [{"integration-name": "A", "python-modules": ["a.hooks"]}],
    }
    assert list(modules_of(info)) == ["a.operators", "a.more", "a.sensors", "a.transfers"]


def test_an_operator_without_docstrings_is_completed_too() -> None:
    """Its arguments have no description then."""
    schema = json_schema([Operator("acme.Ship", "", {"to": ""})])
    assert _step(schema, "acme.Ship") == {"properties": {"with": {"type": "object", "properties": {"to": {}}}}}


# -- VS Code --------------------------------------------------------------------------------------------------------


def test_vscode_is_told_of_the_schema(here: Path) -> None:
    """Both files are written and said; a second time changes nothing."""
    done = called("schema", "--vscode")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:3] == [
        "Wrote .tidegate/pipeline.schema.json",
        "Wrote .tidegate/template.schema.json",
        "Wrote .vscode/settings.json",
    ]
    assert json.loads(SCHEMA.read_text()) == json_schema()
    first = SETTINGS.read_text()
    assert json.loads(first)["yaml.schemas"]["./.tidegate/pipeline.schema.json"] == [
        "include/pipelines/**/*.yaml",
        "include/pipelines/**/*.yml",
    ]
    called("schema", "--vscode")
    assert SETTINGS.read_text() == first


def test_other_settings_of_vscode_stay(here: Path) -> None:
    """In their order and with their indent; other schemas and files too."""
    SETTINGS.parent.mkdir()
    before = {
        "editor.rulers": [140],
        "yaml.schemas": {"./other.json": "other/*.yaml", "./.tidegate/pipeline.schema.json": "more/*.yaml"},
        "größe": {"a": None},
    }
    SETTINGS.write_text(json.dumps(before, indent=4, ensure_ascii=False), encoding="utf-8")
    assert called("schema", "--vscode").exit_code == 0
    text = SETTINGS.read_text(encoding="utf-8")
    after = json.loads(text)
    assert list(after) == list(before)
    assert after["yaml.schemas"]["./other.json"] == "other/*.yaml"
    assert after["yaml.schemas"]["./.tidegate/pipeline.schema.json"][:2] == ["more/*.yaml", "include/pipelines/**/*.yaml"]
    assert '\n    "größe": {' in text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{\n  // mine\n  "a": 1,\n}\n', "no plain JSON"),
        ("[]", "no mapping"),
        ('{"yaml.schemas": ["x"]}', "'yaml.schemas' is no mapping"),
    ],
    ids=["comments", "list", "schemas"],
)
def test_settings_that_would_lose_something_are_left(here: Path, text: str, why: str) -> None:
    """Nothing is written, and what to add by hand is said."""
    SETTINGS.parent.mkdir()
    SETTINGS.write_text(text)
    done = called("schema", "--vscode")
    assert (done.exit_code, done.stdout) == (1, "")
    assert why in done.stderr
    assert '"yaml.schemas": {"./.tidegate/pipeline.schema.json": ["include/pipelines/**/*.yaml"' in done.stderr
    assert SETTINGS.read_text() == text
    assert not SCHEMA.exists()


def test_a_templates_steps_are_checked_as_a_pipelines(here: Path) -> None:
    """By a schema of its own, in which variables may stand for what is no text."""
    called("schema", "--vscode")
    template = jsonschema.Draft7Validator(json.loads(Path(".tidegate/template.schema.json").read_text()))
    settings = {"connection": "${source}", "query": "q", "batch_rows": "${rows}"}
    assert template.is_valid({"template": "t", "steps": {"s": {"uses": "extract", "with": settings}}})
    assert not template.is_valid({"template": "t", "steps": {"s": {"uses": "extract", "with": {**settings, "batch_rows": "many"}}}})
    assert not template.is_valid({"template": "t", "stepz": {}})
