"""Kinds that an installed distribution offers are found like those of the project itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate.model import Project, load_pipeline
from tidegate.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.model import Loaded

MODULE = """\
from tidegate.kinds import Call, Kind, Settings, Task

class Words(Settings):
    text: str

def build(settings: Words, task: Task) -> Call:
    return Call("airflow.providers.standard.operators.bash.BashOperator", {"bash_command": f"echo VERSION {task.fill(settings.text)}"})

"""
KINDS = f"""{MODULE.replace("VERSION", "one")}
def build_other(settings: Words, task: Task) -> Call:
    return Call("airflow.providers.standard.operators.bash.BashOperator", {{"bash_command": f"echo two {{settings.text}}"}})

KINDS = (Kind(settings=Words, build=build_other, version=2), Kind(settings=Words, build=build))
NONE = ()
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project beside which a distribution is installed that offers three kinds."""
    site = tmp_path / "site"
    (site / "acme_kinds-1.0.dist-info").mkdir(parents=True)
    (site / "acme_kinds-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-kinds\nVersion: 1.0\n")
    (site / "acme_kinds-1.0.dist-info" / "entry_points.txt").write_text(
        "[tidegate.kinds]\nspeak = acme_kinds:KINDS\nempty = acme_kinds:NONE\nlost = acme_kinds_lost:KIND\n"
    )
    (site / "acme_kinds.py").write_text(KINDS)
    monkeypatch.syspath_prepend(str(site))
    (tmp_path / "include" / "pipelines").mkdir(parents=True)
    return Project(tmp_path / "include")


def load(project: Project, uses: str, with_: str = "{text: tide}") -> Loaded:
    """A pipeline of one such step."""
    path = project.include / "pipelines" / "one.yaml"
    path.write_text(f"pipeline: one\nsteps:\n  say: {{uses: {uses}, with: {with_}}}\n")
    return load_pipeline(path, project)


def said(project: Project, uses: str) -> str:
    """The command that the one task runs."""
    (task,) = plan(load(project, uses).require()).tasks
    return str(task.call.arguments["bash_command"])


def test_a_step_gets_the_highest_version_or_the_one_it_pins(project: Project) -> None:
    """In whatever order the distribution lists them."""
    assert [said(project, uses) for uses in ("speak", "speak@1", "speak@2")] == ["echo two tide", "echo one tide", "echo two tide"]


def test_a_file_of_the_project_wins(project: Project) -> None:
    """So that a team may change what a distribution offers."""
    (project.include / "kinds").mkdir()
    (project.include / "kinds" / "speak.py").write_text(MODULE.replace("VERSION", "own") + "KIND = Kind(settings=Words, build=build)\n")
    assert said(project, "speak") == "echo own tide"


@pytest.mark.parametrize(
    ("uses", "with_", "told"),
    [
        ("speak", "{txt: tide}", ["unknown key 'txt'", "Did you mean 'text'?"]),
        ("speak@3", "{text: tide}", ["speak@3"]),
        ("speek", "{text: tide}", ["speak"]),
        ("empty", "{text: tide}", ["acme_kinds:NONE holds no kind"]),
        ("lost", "{text: tide}", ["acme_kinds_lost:KIND cannot be imported"]),
    ],
)
def test_what_is_wrong_with_them_is_a_finding(project: Project, uses: str, with_: str, told: list[str]) -> None:
    """In the step's place, and nothing is raised."""
    findings = load(project, uses, with_).findings
    text = "\n".join(finding.render() for finding in findings)
    assert {finding.line for finding in findings} == {3}
    assert [words for words in told if words not in text] == [], text


OUTSIDE = "from pathlib import Path\nPath(__file__).resolve().with_name('RAN').touch()\nKIND = None\n"
TEMPLATE = "template: evil\nsteps: {a: {uses: airflow.providers.standard.operators.empty.EmptyOperator}}\n"


@pytest.mark.parametrize("uses", ["%s/outside/evil", "%s/outside/evil@1", "../../outside/evil", "evil", "evil@1"])
def test_nothing_outside_of_include_is_run(project: Project, uses: str) -> None:
    """Neither by a path, nor through a link."""
    outside = project.include.parent / "outside"
    (project.include / "kinds").mkdir()
    outside.mkdir()
    (outside / "evil.py").write_text(OUTSIDE)
    (project.include / "kinds" / "evil.py").symlink_to(outside / "evil.py")
    findings = load(project, uses.replace("%s", str(project.include.parent))).findings
    assert [finding.path for finding in findings] == ["steps.say.uses"]
    assert [path.name for path in outside.iterdir()] == ["evil.py"]


@pytest.mark.parametrize("uses", ["%s/outside/evil", "../../outside/evil", "evil", "linked@1"])
def test_no_template_outside_of_include_is_read(project: Project, uses: str) -> None:
    """As with kinds."""
    outside, templates = project.include.parent / "outside", project.include / "templates"
    templates.mkdir()
    outside.mkdir()
    (outside / "evil.yaml").write_text(TEMPLATE)
    (templates / "evil.yaml").symlink_to(outside / "evil.yaml")
    (templates / "linked.yaml").write_text(TEMPLATE.replace("evil", "linked\nversion: 2"))
    (templates / "linked@1.yaml").symlink_to(outside / "evil.yaml")
    findings = load(project, uses.replace("%s", str(project.include.parent)), "{}").findings
    assert [finding.path for finding in findings] == ["steps.say.uses"]


def test_a_link_within_include_is_as_good_as_its_file(project: Project) -> None:
    """So that a kind may have two names."""
    (project.include / "kinds").mkdir()
    (project.include / "speech.py").write_text(MODULE.replace("VERSION", "linked") + "KIND = Kind(settings=Words, build=build)\n")
    (project.include / "kinds" / "linked.py").symlink_to(project.include / "speech.py")
    assert said(project, "linked") == "echo linked tide"


def own_kind(project: Project, text: str, name: str = "own") -> None:
    """A kind of the project."""
    (project.include / "kinds").mkdir(exist_ok=True)
    (project.include / "kinds" / f"{name}.py").write_text(text)


WHOLE = MODULE.replace("VERSION", "own")


def with_validator(body: str) -> str:
    """A kind whose validator does this."""
    validator = f"    @field_validator('text')\n    @classmethod\n    def odd(cls, value):\n        {body}\n"
    return f"{WHOLE}from pydantic import field_validator\nclass Odd(Words):\n{validator}KIND = Kind(Odd, build)\n"


@pytest.mark.parametrize(
    ("text", "path", "told"),
    [
        ("KIND = 3\n", "uses", "include/kinds/own.py holds no kind"),
        ("KINDS = {}\n", "uses", "include/kinds/own.py holds no kind"),
        ("import sys\nsys.exit(3)\n", "uses", "include/kinds/own.py cannot be imported: SystemExit: 3"),
        ("raise KeyError('tide')\n", "uses", "include/kinds/own.py cannot be imported: KeyError: 'tide'"),
        (f"{WHOLE}KIND = Kind(settings=dict, build=build)\n", "uses", "include/kinds/own.py has a kind whose settings are no Settings"),
        (f"{WHOLE}KIND = Kind(settings=Words, build=None)\n", "uses", "include/kinds/own.py has a kind whose build is no function"),
        (f"{WHOLE}KIND = Kind(Words, build, '2')\n", "uses", "include/kinds/own.py has a kind whose version is no whole number: '2'"),
        (f"{WHOLE}KINDS = [Kind(Words, build), Kind(Words, build)]\n", "uses", "include/kinds/own.py holds version 1 more than once"),
        (
            with_validator("return {}[value]"),
            "with",
            "the kind 'own' (include/kinds/own.py) cannot judge its settings: KeyError: 'tide'",
        ),
        (
            with_validator("raise SystemExit"),
            "with",
            "the kind 'own' (include/kinds/own.py) cannot judge its settings: SystemExit",
        ),
    ],
)
def test_a_kind_that_is_wrong_is_told_with_its_file(project: Project, text: str, path: str, told: str) -> None:
    """Where a step uses it; the process goes on, and nobody is told of a mistake in Tidegate."""
    own_kind(project, text)
    (finding,) = load(project, "own").findings
    assert (finding.path, finding.message) == (f"steps.say.{path}", told)


def test_a_file_that_is_named_like_a_kind_of_tidegate_is_told(project: Project) -> None:
    """For nothing would look at it."""
    own_kind(project, f"{WHOLE}KIND = Kind(Words, build)\n", "extract")
    (project.include / "templates").mkdir()
    (project.include / "templates" / "extract.yaml").write_text(TEMPLATE.replace("evil", "extract"))
    findings = load(project, "extract", "{connection: c, query: SELECT 1}").findings
    assert [finding.path for finding in findings] == ["steps.say.uses"] * 2
    assert ["include/kinds/extract.py" in findings[0].message, "include/templates/extract.yaml" in findings[1].message] == [True, True]


def test_a_kind_and_a_template_of_one_name_are_told(project: Project) -> None:
    """For one of them would win in silence."""
    own_kind(project, f"{WHOLE}KIND = Kind(Words, build)\n", "both")
    (project.include / "templates").mkdir()
    (project.include / "templates" / "both.yaml").write_text(TEMPLATE.replace("evil", "both"))
    (finding,) = load(project, "both", "{}").findings
    assert (finding.path, finding.message) == ("steps.say.uses", "there is a kind of this name beside the template: include/kinds/both.py")
