"""What settings of several kinds are made of."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, StringConstraints

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
_DELIMITER = r"^[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x7f]$"


def delimiting(value: str) -> str:
    """What may stand between the values of a CSV file.

    :raises ValueError: this may not; the hint stands behind a semicolon.
    """
    if not re.fullmatch(_DELIMITER, value):
        raise ValueError(
            "a delimiter is one character of ASCII, and none of a double quote, a line's end and NUL; write the one that the file has, "
            'such as ";" or "\\t"'
        )
    return value


Delimiter = Annotated[str, AfterValidator(delimiting), Shape("one character of ASCII", {"type": "string", "pattern": _DELIMITER})]


def repeated(for_each: dict[str, Any], **more: Any) -> ConfigDict:
    """What an editor may check of the ``for_each`` of a step with such settings, and of the settings beyond their keys."""
    return ConfigDict(json_schema_extra={"step": {"properties": {"for_each": for_each}}, **more})
