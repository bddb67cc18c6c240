"""What no single key shows: names that must exist, cycles, joins that make sense, code and files that must be there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate.model.check.arguments import check_arguments
from tidegate.model.check.breakers import check_breakers
from tidegate.model.check.fail_fast import check_fail_fast
from tidegate.model.check.ledger import check_ledger
from tidegate.model.check.limits import check_limits
from tidegate.model.check.retries import check_retries
from tidegate.model.check.rows import check_rows
from tidegate.model.check.structure import check_structure
from tidegate.model.check.watermarks import check_watermarks

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.model.check.subject import Subject

__all__ = ["check"]


def check(subject: Subject, path: Path) -> None:
    """Report everything that is wrong between the parts of a pipeline that are right."""
    check_structure(subject, path)
    check_limits(subject)
    check_retries(subject)
    check_rows(replace(subject, unsure=subject.behind) if subject.behind else subject)
    check_ledger(replace(subject, unsure=subject.behind) if subject.behind else subject)
    check_breakers(subject)
    check_watermarks(subject)
    check_fail_fast(subject)
    check_arguments(subject)
