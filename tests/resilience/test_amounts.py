"""Amounts: neither too few rows nor too many, by counts and by shares of what is usual."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tidegate.resilience.amounts import counted, too_few_or_many, too_many_set_aside


def test_everything_that_is_wrong_is_told() -> None:
    """Bounds in rows as well as in shares, so that nobody must count."""
    check = "Check whether the source has all rows of the interval, and each once; or set other bounds under accept: rows."
    assert too_few_or_many(0, min_rows=1, usual=1001, at_least=Decimal(50), at_most=Decimal(150)) == [
        (
            "brought 0 rows, and accept: asks for at least 1",
            "Check that the source was filled for this interval, or lower min_rows, which is 1 by default.",
        ),
        ("brought 0 rows, and accept: rows asks for at least 501, 50 % of its usual 1,001", check),
    ]
    assert too_few_or_many(0, min_rows=1, aside=3) == [
        (
            "brought 0 rows and 3 that were set aside, and accept: asks for at least 1",
            "Correct the rows that are set aside, or the rules, or lower min_rows, which is 1 by default.",
        )
    ]
    assert too_few_or_many(1502, min_rows=1, usual=1001, at_least=Decimal(50), at_most=Decimal(150)) == [
        ("brought 1,502 rows, and accept: rows asks for at most 1,501, 150 % of its usual 1,001", check)
    ]


@pytest.mark.parametrize(
    ("rows", "bounds"),
    [
        (0, {"min_rows": 0}),
        (1, {"min_rows": 1}),
        (1, {"min_rows": 1, "usual": None, "at_least": Decimal(50), "at_most": Decimal(50)}),
        (7, {"min_rows": 1, "usual": 0, "at_least": Decimal(50), "at_most": Decimal(50)}),
        (501, {"min_rows": 1, "usual": 1001, "at_least": Decimal(50)}),
        (2002, {"min_rows": 1, "usual": 1001, "at_most": Decimal(200)}),
        (1, {"min_rows": 1, "usual": 1001}),
    ],
)
def test_a_right_number(rows: int, bounds: dict[str, Any]) -> None:
    """Bounds themselves are accepted; what nobody knows, and what is none, bounds nothing."""
    assert too_few_or_many(rows, **bounds) == []


@pytest.mark.parametrize(("aside", "of", "at_most"), [(2, 200, "1%"), (3, 299, "1.1%"), (5, 5, 5), (0, 0, "0%"), (0, 10, 0)])
def test_few_enough_set_aside(aside: int, of: int, at_most: str | int) -> None:
    """A count or a share of all rows that came."""
    assert too_many_set_aside(aside, of, at_most=at_most) == []


@pytest.mark.parametrize(
    ("aside", "of", "at_most", "all_of_them"), [(3, 200, "1%", "200 rows"), (1, 1, 0, "1 row"), (3, 299, "1%", "299 rows")]
)
def test_too_many_set_aside(aside: int, of: int, at_most: str | int, all_of_them: str) -> None:
    """The message has the counts and the bound as it is written."""
    ((said, hint),) = too_many_set_aside(aside, of, at_most=at_most)
    assert said == f"has {aside} of {all_of_them} that accept: does not take, and quarantine: takes at most {at_most}"
    assert hint == "Correct the source, change the rules, or let quarantine take more."


def test_one_row_is_no_rows() -> None:
    """Numbers are told as people say them."""
    assert [counted(rows) for rows in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
