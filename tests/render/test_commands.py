"""``tidegate plan``, ``render`` and ``diff`` as they are typed."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from tidegate.cli.commands import diff, plan, render

if TYPE_CHECKING:
    from click.testing import Result

PIPELINES = Path(__file__).parent / "project" / "include" / "pipelines"

app = typer.Typer(add_completion=False)
for command in (plan.plan, render.render, diff.diff):
    app.command()(command)


@pytest.fixture
def pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of a project of one's own, from which one calls."""
    shutil.copytree(PIPELINES.parents[1], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Path("include/pipelines")


def called(*arguments: str | Path) -> Result:
    """Call a command."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def edit(path: Path, old: str, new: str) -> None:
    """Change a file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_plan_is_a_table(pipelines: Path) -> None:
    """Of the DAG's arguments and its tasks, with defaults of the folder; columns that say nothing are left out."""
    done = called("plan", pipelines / "small.yaml")
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["task", "uses", "needs", "notes"] not in lines
    assert ["first", "BashOperator", "7"] in lines
    assert ["second", "EmptyOperator", "first", "(resource)", "7"] in lines


def test_the_environment_chooses_variables(pipelines: Path) -> None:
    """As it does when DAGs are built."""
    tasks = json.loads(called("plan", pipelines / "small.yaml", "--format", "json", "--env", "prod").stdout)["tasks"]
    assert tasks[0]["arguments"]["bash_command"] == "echo production"


def test_provenance_names_file_and_line(pipelines: Path) -> None:
    """Of a layer's values too, in the table and in JSON."""
    told = called("plan", pipelines / "small.yaml", "--provenance").stdout
    lines = [line.split() for line in told.splitlines()]
    assert ["defaults.retries", "7", "include/pipelines/defaults.yaml:2"] in lines
    assert ["owner", "team", "include/pipelines/small.yaml:2"] in lines
    document = json.loads(called("plan", pipelines / "small.yaml", "--provenance", "--format", "json").stdout)
    assert document["provenance"]["defaults.retries"] == "include/pipelines/defaults.yaml:2"
    refused = called("plan", pipelines / "small.yaml", "--provenance", "--format", "svg")
    assert (refused.exit_code, refused.stderr) == (2, "--provenance goes with --format table or json.\n")


@pytest.mark.parametrize(
    ("name", "start"), [("a.json", '{\n  "pipeline": "small"'), ("a.mmd", "flowchart LR\n"), ("deep/a.svg", "<svg "), ("a.txt", "small\n")]
)
def test_the_name_of_the_output_says_what_it_is(pipelines: Path, name: str, start: str) -> None:
    """A format that is given wins; folders are made."""
    done = called("plan", pipelines / "small.yaml", "--output", name)
    assert (done.exit_code, done.stdout) == (0, f"small: 2 task(s), 1 edge(s). Written to {name}.\n")
    assert Path(name).read_text().startswith(start)
    called("plan", pipelines / "small.yaml", "--output", name, "--format", "mermaid")
    assert Path(name).read_text().startswith("flowchart LR\n")


def test_drawings_go_to_standard_output(pipelines: Path) -> None:
    """Whole, and nothing else."""
    assert called("plan", pipelines / "small.yaml", "--format", "svg").stdout.endswith("</svg>\n")
    assert called("plan", pipelines / "small.yaml", "--format", "mermaid").stdout.endswith('t_first -.->|"resource"| t_second\n')


def test_a_png_is_written_as_bytes(pipelines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its packages are there; else the command says which, and exits with 2."""
    resvg, roboto = ModuleType("resvg_py"), ModuleType("font_roboto")
    resvg.svg_to_bytes = lambda **_: b"\x89PNG"  # type: ignore[attr-defined]
    roboto.font_files = {"Roboto": "", "RobotoBold": ""}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "resvg_py", resvg)
    monkeypatch.setitem(sys.modules, "font_roboto", roboto)
    assert called("plan", pipelines / "small.yaml", "--format", "png").stdout_bytes == b"\x89PNG"
    called("plan", pipelines / "small.yaml", "--output", "a.png")
    assert Path("a.png").read_bytes() == b"\x89PNG"
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    done = called("plan", pipelines / "small.yaml", "--output", "b.png")
    assert done.exit_code == 2
    assert "airflow-tidegate[draw]" in done.stderr
    assert not Path("b.png").exists()


def test_a_pipeline_is_rendered(pipelines: Path) -> None:
    """To standard output as it is, or into a file of its own."""
    source = called("render", pipelines / "small.yaml").stdout
    compile(source, "small.py", "exec")
    done = called("render", pipelines / "small.yaml", "--output", "dags/small.py")
    assert done.stdout == "small: 2 task(s). Written to dags/small.py, which looks for include/ beside its folder.\n"
    assert Path("dags/small.py").read_text() == source


@pytest.mark.parametrize("command", ["plan", "render"])
def test_a_wrong_file_is_told_and_ends_in_1(pipelines: Path, command: str) -> None:
    """With the finding on standard error; nothing is written."""
    edit(pipelines / "small.yaml", "step: first", "step: frist")
    done = called(command, pipelines / "small.yaml", "--output", "out.txt")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Did you mean 'first'?" in done.stderr
    assert not Path("out.txt").exists()


@pytest.mark.parametrize("command", ["plan", "render"])
def test_a_folder_is_no_pipeline(pipelines: Path, command: str) -> None:
    """A call like that is wrong, not a file."""
    done = called(command, pipelines)
    assert (done.exit_code, done.stderr) == (2, "include/pipelines is a folder; name one pipeline file.\n")
    assert called(command, "nowhere.yaml").exit_code == 1


def test_equal_files_do_not_differ(pipelines: Path) -> None:
    """Nor does one that says the same in another order."""
    other = Path("other/include/pipelines/small.yaml")
    shutil.copytree("include", "other/include")
    edit(other, "pipeline: small\nowner: team\n", "owner: team  # us\npipeline: small\n")
    done = called("diff", pipelines / "small.yaml", other)
    assert (done.exit_code, done.stdout) == (0, "1 pipeline(s), nothing differs.\n")


def test_files_differ_in_what_they_become(pipelines: Path) -> None:
    """A default of the folder, a command, an edge; as text and as JSON."""
    shutil.copytree("include", "other/include")
    other = Path("other/include/pipelines")
    edit(other / "defaults.yaml", "retries: 7", "retries: 8")
    edit(other / "small.yaml", ", needs: {step: first, because: resource}", "")
    done = called("diff", pipelines / "small.yaml", other / "small.yaml")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "small",
        "  ~ dag small  default_args.retries: 7 → 8",
        "  - edge first → second  resource (resource)",
        "1 pipeline(s), 1 different.",
    ]
    told = json.loads(called("diff", pipelines / "small.yaml", other / "small.yaml", "--json").stdout)
    assert told["equal"] is False
    assert told["pipelines"]["small"]["changes"][0] == {
        "change": "changed",
        "kind": "dag",
        "name": "small",
        "argument": "default_args.retries",
        "old": 7,
        "new": 8,
    }


def test_folders_are_compared_pipeline_by_pipeline(pipelines: Path) -> None:
    """New ones and gone ones are told by their names."""
    shutil.copytree("include", "other/include")
    other = Path("other/include/pipelines")
    (other / "small.yaml").rename(other / "tiny.yaml")
    edit(other / "tiny.yaml", "pipeline: small", "pipeline: tiny")
    done = called("diff", pipelines, other)
    assert (done.exit_code, done.stdout) == (1, "- pipeline small\n+ pipeline tiny\n3 pipeline(s), 2 different.\n")
    told = json.loads(called("diff", pipelines, other, "--json").stdout)["pipelines"]
    assert {name: one["status"] for name, one in told.items()} == {"rich": "equal", "small": "removed", "tiny": "added"}


def test_trouble_is_not_a_difference(pipelines: Path) -> None:
    """A wrong file, one that is not there, a folder beside a file: 2."""
    shutil.copytree("include", "other/include")
    other = Path("other/include/pipelines")
    edit(other / "small.yaml", "step: first", "step: frist")
    for arguments in [(pipelines, other), (pipelines / "small.yaml", "nowhere.yaml"), (pipelines, pipelines / "small.yaml")]:
        done = called("diff", *arguments)
        assert (done.exit_code, done.stdout) == (2, ""), done.stdout
        assert done.stderr
