"""Whether a branch brought neither too few rows nor too many: the same function for the extract and for the nights of a test."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from tidegate.model.quantity import AtLeast

Wrong = tuple[str, str]
"""What is wrong, completing the name of the source; and what to do."""


def too_few_or_many(
    rows: int,
    *,
    min_rows: int,
    usual: int | None = None,
    at_least: Decimal | None = None,
    at_most: Decimal | None = None,
    aside: int = 0,
) -> list[Wrong]:
    """Everything that is wrong with a number of rows; nothing, where it is accepted.

    :param usual: The branch's usual rows. Where nobody knows them, or they are none, no share of them is asked for.
    :param at_least: The share of them that is the least, 0 to 100 and above.
    :param at_most: The share that is the most.
    :param aside: How many rows came besides, and were set aside.
    """
    besides = f" and {aside:,} that were set aside" if aside else ""
    brought = f"brought {counted(rows)}{besides}, and accept:"
    wrong = []
    if rows < min_rows:
        cause = "Correct the rows that are set aside, or the rules" if aside else "Check that the source was filled for this interval"
        wrong.append((f"{brought} asks for at least {min_rows}", f"{cause}, or lower min_rows, which is 1 by default."))
    hint = "Check whether the source has all rows of the interval, and each once; or set other bounds under accept: rows."
    if usual and at_least is not None and rows < (least := _share(at_least, usual, ROUND_CEILING)):
        wrong.append((f"{brought} rows asks for at least {least:,}, {at_least:f} % of its usual {usual:,}", hint))
    if usual and at_most is not None and rows > (most := _share(at_most, usual, ROUND_FLOOR)):
        wrong.append((f"{brought} rows asks for at most {most:,}, {at_most:f} % of its usual {usual:,}", hint))
    return wrong


def too_many_set_aside(aside: int, of: int, *, at_most: str | int) -> list[Wrong]:
    """What is wrong with a number of rows in quarantine; nothing, where it is accepted.

    :param of: All rows that came.
    :param at_most: A count, or a percentage of them.
    """
    most = AtLeast.parse(at_most)
    if aside <= (_share(most.amount, of, ROUND_FLOOR) if most.percent else most.amount):
        return []
    hint = "Correct the source, change the rules, or let quarantine take more."
    return [(f"has {aside:,} of {counted(of)} that accept: does not take, and quarantine: takes at most {at_most}", hint)]


def counted(rows: int) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _share(percent: Decimal, of: int, rounding: str) -> int:
    return int((percent * of / 100).to_integral_value(rounding))
