"""Contracts as they are written: a pattern that the file may have is one that Arrow reads."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pydantic import ValidationError

from tidegate.model.accept import Accept, Column


@pytest.mark.parametrize(
    "pattern",
    [
        "^.+@.+$", r"^\++\d+$", "^[-*+]+$", "(?i)^a", "(?im:^a)", "[[:alpha:]]+", "a{2,3}", "(?P<x>a)", "a*?b+?", r"[^\]a]", "[]*+]", r"\.", r"\\1",
        r"\bnew\b", r"^\w+\.\w+$", "[(?=]", r"\(?=", "",
    ],
)  # fmt: skip
def test_patterns_that_both_know(pattern: str) -> None:
    """Signs that are escaped, or stand in a set, are no syntax."""
    assert Column(pattern=pattern).pattern == pattern
    pc.match_substring_regex(pa.array(["a"]), pattern)


@pytest.mark.parametrize(
    "pattern",
    ["(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", r"(a)\1", "(?P<x>a)(?P=x)", "(?>a)", "a*+", "a{2}+", r"a\Z", r"\u0041", "(?x)a", "(?a:b)", "(?#b)a", "(a)?(?(1)b)", "(a", "[a"],
)  # fmt: skip
def test_patterns_that_arrow_does_not_know(pattern: str) -> None:
    """They are refused where they stand, not when the night comes."""
    with pytest.raises(ValidationError):
        Column(pattern=pattern)
    with pytest.raises(pa.ArrowInvalid):
        pc.match_substring_regex(pa.array(["a"]), pattern)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"min_rows": 0},
        {"columns": {"id": "int", "day": {"type": "date", "min": "2026-01-01"}, "n": {"null": False}}, "drift": "refuse"},
        {"unique": [["a", "b"], ["c"]], "quarantine": True},
        {"rows": {"at_least": "33.3%"}, "fresh": {"column": "at", "within": "1h30m"}, "columns": {"s": {"values": ["a", 1, True]}}, "quarantine": {"at_most": 0}},
    ],
)  # fmt: skip
def test_what_is_said_is_said_again(said: dict[str, object]) -> None:
    """As it is written, which the operator takes: nothing is lost, and nothing is added."""
    assert Accept.model_validate(said).said == said
