"""What a run is given: the fields of the trigger form, and data as JSON has it."""

from __future__ import annotations

from datetime import date
from typing import Any

_SCHEMA_WORDS = frozenset({"default", "type", "enum", "const", "anyOf", "oneOf", "allOf", "examples", "values_display"})


def is_schema(value: Any) -> bool:
    """Whether a param is given by a JSON Schema; else it is its default."""
    return isinstance(value, dict) and bool(_SCHEMA_WORDS & set(value))


def plain(value: Any) -> Any:
    """Dates as text, as JSON has them."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
