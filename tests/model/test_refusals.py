"""Files that are wrong are told as recorded beside them: where, what, and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bad_corpus import BAD, FILES, load, told
from command_line import called

from tidegate.model import load_pipeline
from tidegate.model.yaml_source import MOST_BYTES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(BAD).with_suffix("").as_posix())
def test_bad_files_are_told_as_recorded(path: Path) -> None:
    """Every finding of a file in bad/ reads as the .txt beside it; RECORD=1 writes it, for a person to review."""
    loaded = load(path)
    recorded = path.with_suffix(".txt")
    if os.environ.get("RECORD"):
        recorded.write_text(told(loaded), encoding="utf-8")
    assert loaded.spec is None
    assert told(loaded) == recorded.read_text(encoding="utf-8")


def test_every_finding_says_what_to_do() -> None:
    """No finding of the corpus leaves a person without a hint."""
    findings = [finding for path in FILES for finding in load(path).findings]
    assert [finding.render() for finding in findings if not finding.hint] == []


@pytest.mark.parametrize("opens", ["- ", "? ", "[", "[1,", "{a: ", '{"a":', "a: {b: [c, ", "[#\n", "!!seq [", "&a [", "- ? "])
def test_a_text_that_is_nested_without_end_is_refused(tmp_path: Path, opens: str) -> None:
    """The C parser descends on a stack whose end no process survives, and all DAGs of the folder with it."""
    path = tmp_path / "deep.yaml"
    path.write_text(opens * (MOST_BYTES // len(opens)))
    (finding,) = load_pipeline(path).findings
    assert finding.message == "is nested deeper than 50 levels"
    assert finding.line


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """Of a gigabyte, no more than the bound is read."""
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(1_000_000_000)
    (finding,) = load_pipeline(path).findings
    assert finding.message == "has more than the 1,000,000 bytes that a pipeline file may have"


def test_a_line_without_end_is_shown_in_part(tmp_path: Path) -> None:
    """The caret stands below what is wrong, and a log stays readable."""
    path = tmp_path / "wide.yaml"
    path.write_text(f"{{pipeline: wide, description: {'x' * 100_000}, ownr: me, steps: {{}}}}")
    told = next(finding.render() for finding in load_pipeline(path).findings if finding.path == "ownr")
    line, caret = told.splitlines()[1:3]
    assert line[caret.index("^") :].startswith("ownr: me")
    assert len(told) < 1_000


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "marked.yaml"
    path.write_bytes("\ufeffpipeline: marked\nsteps: {step: {uses: airflow.providers.standard.operators.empty.EmptyOperator}}\n".encode())
    assert load_pipeline(path).require().name == "marked"


SIXTEEN = {
    "an unknown key of the DAG": ("unknown_key", "airflow_names_of_a_dag", "names_of_other_tools"),
    "an unknown key of a step": ("unknown_step_key", "airflow_names_of_a_step", "names_of_other_tools"),
    "a typo in the dependency key": ("typo_in_needs", "many_mistakes"),
    "a typo in a kind or an operator": ("typo_in_kind", "typo_in_an_operator", "include/pipelines/typo_in_a_template"),
    "a cycle": ("cycle", "cycle_through_groups", "cycle_through_a_result", "cycle_in_a_serial_pipeline", "needs_itself"),
    "an unknown upstream": ("unknown_upstream", "needs_an_unknown_branch", "needs_what_is_inside_of_another_group"),
    "one id for two steps": ("duplicate_step", "ids_that_clash"),
    "a bad cron": ("bad_cron", "cron_in_words", "cron_of_six_fields"),
    "a wrong type": ("wrong_type", "values_of_the_wrong_type", "schedule_is_text"),
    "broken YAML": ("broken_syntax", "missing_quote", "missing_colon", "wrong_indent", "tabs", "jinja_without_quotes"),
    "duplicate keys": ("duplicate_key",),
    "an empty file": ("empty",),
    "bytes that are no UTF-8": ("not_utf8", "utf16", "latin1_in_a_comment"),
    "one id in two files": ("include/pipelines/twins/a/same", "include/pipelines/twins/b/same"),
    "an unset variable": ("unset_variable", "variable_only_in_prod"),
}
"""What every tool that reads pipelines from files must answer → the files of it here. The sixteenth, a missing schedule, is no mistake."""


@pytest.mark.parametrize("case", SIXTEEN)
def test_each_of_the_known_mistakes_is_answered_with_its_place(case: str) -> None:
    """File, line, column, path and hint; a mistake of the whole file has no line, and one of its syntax no path."""
    whole, syntax = case in {"an empty file", "one id in two files"}, case in {"broken YAML", "bytes that are no UTF-8"}
    for name in SIXTEEN[case]:
        findings = load(BAD / f"{name}.yaml").findings
        assert findings, name
        for finding in findings:
            assert finding.file.endswith(f"{Path(name).name}.yaml")
            assert (finding.line > 0) != whole
            assert (finding.column > 0) != whole
            assert bool(finding.path) != (whole or (syntax and name != "jinja_without_quotes"))
            assert finding.message
            assert finding.hint


def test_a_missing_schedule_is_no_mistake_and_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``tidegate plan`` tells that nothing runs by itself."""
    path = tmp_path / "by_hand.yaml"
    path.write_text("pipeline: by_hand\nsteps: {step: {uses: airflow.providers.standard.operators.empty.EmptyOperator}}\n")
    monkeypatch.setenv("COLUMNS", "200")
    done = called("plan", str(path))
    assert done.exit_code == 0
    assert "none: it runs when somebody or something starts it" in done.stdout


def test_there_are_many_of_them() -> None:
    """A corpus that shrinks would hide what is no longer told."""
    assert len(FILES) >= 180
