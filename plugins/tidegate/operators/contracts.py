"""The contract of an operator's rows: its words, checked as in a pipeline file, and what is told of rows that were set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from tidegate.errors import Refused
from tidegate.resilience.completeness import some

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.data.manifest import Manifest
    from tidegate.model.parts import Part
    from tidegate.operators.base import TidegateOperator

    Terms = TypeVar("Terms", bound=Part)


def accepting(terms: type[Terms], said: Mapping[str, Any] | None, word: str = "accept") -> Terms:
    """What an operator's ``accept`` says, or another of its arguments that is made of words.

    :raises Refused: it is nothing that a pipeline file could say.
    """
    try:
        return terms.model_validate(dict(said or {}))
    except ValidationError as error:
        from tidegate.model.problems import words_of

        problem = error.errors(include_url=False)[0]
        message, hint = words_of(terms, problem["loc"], [problem])
        raise Refused(f"{'.'.join([word, *map(str, problem['loc'])])}: {message}.", hint=hint) from error


def tell_quarantine(task: TidegateOperator, manifest: Manifest, rows: int) -> None:
    """Log how many rows were set aside, by which rules and where they lie; never what stood in them."""
    if not manifest.broken:
        return
    broken = some([f"{rule} in {count:,}" for rule, count in manifest.broken.items()], "; ")
    task.log.warning("%s: %s rows set aside in %s: %s", manifest.branch, rows, manifest.aside, broken)
