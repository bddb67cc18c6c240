"""What settings of several kinds are made of."""

from typing import Annotated, Any

from pydantic import ConfigDict, StringConstraints

from tidegate.model.shapes import Shape

Scalar = str | int | float | bool | None
Params = Annotated[
    dict[str, Scalar],
    Shape(
        "mapping of names to text, numbers, true, false or null",
        {
            "type": "object",
            "propertyNames": {
                "not": {"enum": ["branch", "interval_end", "interval_end_utc", "interval_start", "interval_start_utc", "stale_from"]}
            },
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        },
    ),
]
TABLE = Shape("`table`, or `schema.table`", {"type": "string", "pattern": r"^[^.]+(\.[^.]+)?$"})
Connection = Annotated[str, StringConstraints(min_length=1), Shape("connection id")]


def repeated(for_each: dict[str, Any], **more: Any) -> ConfigDict:
    """What an editor may check of the ``for_each`` of a step with such settings, and of the settings beyond their keys."""
    return ConfigDict(json_schema_extra={"step": {"properties": {"for_each": for_each}}, **more})
