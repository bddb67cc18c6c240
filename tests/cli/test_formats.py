"""Findings in every format, over every bad file of the corpus."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from command_line import ROOT, tidegate

from tidegate.cli.formats import Format, rendered, summary
from tidegate.model import Finding, Loaded, Project, load_pipeline

CORPUS = ROOT / "tests" / "model" / "corpus"
BAD = sorted(path for path in (CORPUS / "bad").glob("*.yaml") if not path.read_bytes().startswith(b"# --env"))
FORMATS = pytest.mark.parametrize("form", Format, ids=lambda form: form.value)

_TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "minItems": 1,
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {"items": {"required": ["id"], "properties": {"shortDescription": _TEXT, "help": _TEXT}}}
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {
                        "items": {
                            "required": ["message", "ruleId", "ruleIndex", "level", "locations"],
                            "properties": {
                                "message": _TEXT,
                                "level": {"const": "error"},
                                "locations": {
                                    "minItems": 1,
                                    "maxItems": 1,
                                    "items": {
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "required": ["artifactLocation", "region"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "required": ["uri"],
                                                        "properties": {"uri": {"pattern": r"^[A-Za-z0-9._~/%:-]+$"}},
                                                    },
                                                    "region": {
                                                        "required": ["startLine", "startColumn"],
                                                        "properties": {
                                                            "startLine": {"type": "integer", "minimum": 1},
                                                            "startColumn": {"type": "integer", "minimum": 1},
                                                            "snippet": _TEXT,
                                                        },
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        }
                    },
                },
            },
        },
    },
}
"""What SARIF 2.1.0 requires of the parts that are written here. The whole schema of OASIS was applied to the same output once."""


def _loaded(path: Path) -> Loaded:
    return load_pipeline(path, Project(CORPUS / "bad" / "include"), name=str(path.relative_to(ROOT)))


def _wrong(message: str, *, file: str = "include/pipelines/a.yaml", path: str = "steps.a", line: int = 3) -> Loaded:
    return Loaded(Path(file), None, (Finding(file, line, 5 if line else 0, path, message, "Mend it.", "  a: b"),))


@FORMATS
@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_finding_is_told(form: Format, path: Path) -> None:
    """No format leaves one out, whatever stands in it, and each begins in the right line."""
    loaded = _loaded(path)
    told = rendered([loaded], form, root=ROOT)
    places = [(finding.line, finding.column) for finding in loaded.findings]
    assert places
    match form:
        case Format.TEXT:
            assert told == "\n\n".join([*(finding.render() for finding in loaded.findings), summary([loaded])]) + "\n"
        case Format.JSON:
            (file,) = json.loads(told)["files"]
            assert [(found["line"] or 0, found["column"] or 0) for found in file["findings"]] == places
            assert [found["message"] for found in file["findings"]] == [finding.message for finding in loaded.findings]
        case Format.SARIF:
            content = json.loads(told)
            jsonschema.validate(content, SARIF)
            (run,) = content["runs"]
            assert [_place(result) for result in run["results"]] == [(line or 1, column or 1) for line, column in places]
            rules = run["tool"]["driver"]["rules"]
            assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
            assert {unquote(_physical(result)["artifactLocation"]["uri"]) for result in run["results"]} == {str(path.relative_to(ROOT))}
        case Format.GITHUB:
            *annotations, last = told.splitlines()
            assert last == summary([loaded])
            assert [_annotated(line)[0].get("line", "0") for line in annotations] == [str(line) for line, _ in places]


def _physical(result: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = result["locations"][0]["physicalLocation"]
    return found


def _place(result: dict[str, Any]) -> tuple[int, int]:
    region = _physical(result)["region"]
    return region["startLine"], region["startColumn"]


def _annotated(line: str) -> tuple[dict[str, str], str]:
    """An annotation taken apart by GitHub's rules."""
    match = re.fullmatch(r"::error ((?:\w+=[^:,]*,?)+)::(.*)", line)
    assert match, line
    properties = dict(part.split("=", 1) for part in match[1].split(","))
    return {name: _unescaped(value) for name, value in properties.items()}, _unescaped(match[2])


def _unescaped(value: str) -> str:
    for escape, letter in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        value = value.replace(escape, letter)
    return value


def test_githubs_letters_are_escaped() -> None:
    """A message or a path with %, line breaks, colons and commas comes out as it went in."""
    file, message = "include/pipelines/a,b:c%41.yaml", "50% of it:\r\nall, ::error file=x::no%0A"
    (line, _) = rendered([_wrong(message, file=file, path="steps.a:b,c")], Format.GITHUB, root=ROOT).splitlines()
    properties, told = _annotated(line)
    assert properties == {"file": file, "line": "3", "col": "5", "title": "steps.a:b,c"}
    assert told == f"{message}. Mend it."
    assert "a%2Cb%3Ac%2541.yaml" in line


def test_a_finding_about_a_whole_file_has_no_line() -> None:
    """GitHub shows it at the file, JSON says null, SARIF needs a place and gets the first."""
    loaded = [_wrong("is empty", line=0, path="")]
    assert _annotated(rendered(loaded, Format.GITHUB, root=ROOT).splitlines()[0])[0] == {
        "file": "include/pipelines/a.yaml",
        "title": "Tidegate",
    }
    (found,) = json.loads(rendered(loaded, Format.JSON, root=ROOT))["files"][0]["findings"]
    assert (found["line"], found["column"]) == (None, None)
    (result,) = json.loads(rendered(loaded, Format.SARIF, root=ROOT))["runs"][0]["results"]
    assert (_place(result), result["ruleId"]) == ((1, 1), "file")


def test_a_sarif_rule_is_a_key_and_says_what_it_means() -> None:
    """Code scanning groups findings by what they are about, whatever the step is called."""
    loaded = [_wrong("no", path=f"steps.{name}.with.at_least") for name in ("arrived", "with")]
    (run,) = json.loads(rendered(loaded, Format.SARIF, root=ROOT))["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["steps.with.at_least"]
    assert run["tool"]["driver"]["rules"][0]["help"]["text"].startswith("A count, or a percentage")
    assert [result["ruleIndex"] for result in run["results"]] == [0, 0]


def test_files_are_told_from_the_folder_that_code_scanning_reads(tmp_path: Path) -> None:
    """Relative, with what an address does not allow written otherwise; a file outside keeps its whole path."""
    inside, outside = tmp_path / "in clude" / "ä.yaml", tmp_path.parent / "other.yaml"
    (run,) = json.loads(rendered([_wrong("no", file=str(file)) for file in (inside, outside)], Format.SARIF, root=tmp_path))["runs"]
    places = [_physical(result)["artifactLocation"] for result in run["results"]]
    assert places == [{"uri": "in%20clude/%C3%A4.yaml", "uriBaseId": "%SRCROOT%"}, {"uri": outside.as_uri()}]
    assert "%SRCROOT%" in run["originalUriBaseIds"]


def test_a_layer_that_is_wrong_is_annotated_once() -> None:
    """Though it is found again with each pipeline above it."""
    loaded = [_wrong("no", file="include/pipelines/defaults.yaml")] * 3
    assert len(rendered(loaded, Format.GITHUB, root=ROOT).splitlines()) == 2
    assert len(json.loads(rendered(loaded, Format.SARIF, root=ROOT))["runs"][0]["results"]) == 1


@FORMATS
def test_a_right_file_has_no_finding_in_any_format(form: Format) -> None:
    """And the command ends in 0."""
    done = tidegate("validate", "include/pipelines/nightly_sales.yaml", "--format", form.value)
    assert (done.returncode, done.stderr) == (0, "")
    match form:
        case Format.TEXT | Format.GITHUB:
            assert done.stdout.endswith("1 file(s), all right.\n")
            assert "::error" not in done.stdout
        case Format.JSON:
            assert json.loads(done.stdout) == {
                "version": 1,
                "summary": {"files": 1, "wrong": 0, "findings": 0},
                "files": [{"file": "include/pipelines/nightly_sales.yaml", "findings": []}],
            }
        case Format.SARIF:
            jsonschema.validate(json.loads(done.stdout), SARIF)
            assert json.loads(done.stdout)["runs"][0]["results"] == []


@FORMATS
def test_the_whole_corpus_ends_in_1_and_shows_no_traceback(form: Format) -> None:
    """Whatever stands in a file."""
    done = tidegate("validate", str(CORPUS / "bad"), "--format", form.value)
    assert (done.returncode, done.stderr) == (1, "")
    assert "\x1b" not in done.stdout
