"""What rows must be like to be accepted, as it stands under ``accept``."""

import re
import warnings
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from tidegate.model.durations import Duration
from tidegate.model.parts import Flag, Part, Whole, Words
from tidegate.model.quantity import AtLeast
from tidegate.model.shapes import Shape
from tidegate.model.spans import human

_TYPE = r"^(int|float|decimal|decimal\(\s*\d+\s*,\s*\d+\s*\)|text|bool|date|timestamp|timestamptz|bytes)$"


def _uncut(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"decimal\(\s*\d+", value):
        raise ValueError(f'{value!r} was cut at its comma, which parts the keys of a {{…}}; write it in quotes, such as "decimal(12,2)"')
    return value


ColumnType = Annotated[str, BeforeValidator(_uncut), StringConstraints(pattern=_TYPE), Shape("column type")]
_NUMBERS, _TIMES = ("int", "float", "decimal"), ("date", "timestamp", "timestamptz")
_DIGITS = 38
_PLAIN_PARTS = re.compile(r"\\[^1-9ZuUN]|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]")
"""Of a pattern what is written the same everywhere: escaped signs, and sets."""
_NOT_RE2 = re.compile(r"\(\?<?[=!]|\(\?[>(#]|\(\?P=|\(\?[a-zA-Z]*[aLux][a-zA-Z-]*[:)]|\\[1-9ZuUN]|[*+?}]\+")
"""Of Python's patterns those that look around or back, and what else Arrow's do not know: a pattern takes the same time for every text."""
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_SHARE_SCHEMA: dict[str, Any] = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*%\s*$"}
AMOUNT: dict[str, Any] = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\s*(100(\.0+)?|\d{1,2}(\.\d+)?)\s*%\s*$"}]
}


def share(value: Any) -> Decimal:
    """``"150%"`` as 150, for a share that may be more than all.

    :raises ValueError: no percentage.
    """
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and (found := _SHARE.fullmatch(value.strip())):
        return Decimal(found[1])
    raise ValueError(f"{value!r} is no percentage; write it as 50%")


def _pattern(value: str) -> str:
    if found := _NOT_RE2.search(_PLAIN_PARTS.sub(".", value)):
        raise ValueError(
            f"the pattern has {found[0]!r}, which only Python's patterns know; write it in RE2's syntax, which looks neither around nor back"
        )
    try:
        with warnings.catch_warnings(action="ignore"):  # of [[:alpha:]], which RE2 knows
            re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no pattern: {error}; quote it, and write \\. for a dot") from None
    return value


def _plain(value: Any) -> Any:
    """YAML's dates and times as texts, which a column of either has too."""
    return value.isoformat() if isinstance(value, date) else value


def _bound(value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{_shown(value)} bounds nothing; write a number, a date such as 2026-01-31, or a time")  # noqa: TRY004  as above
    return value


def _amount(value: Any) -> Any:
    AtLeast.parse(value)
    return value


Share = Annotated[Decimal, BeforeValidator(share), Shape("percentage", _SHARE_SCHEMA)]
Value = Annotated[Any, BeforeValidator(_plain), Shape("text, number, true or false", {"type": ["string", "number", "boolean"]})]
Bound = Annotated[Any, BeforeValidator(_bound), Shape("number, date, or time", {"type": ["string", "number"]})]


def known(word: str, value: Any) -> Any:
    """A value as its column's type has it, to be compared with others.

    :raises ValueError: it is nothing of that type.
    """
    family = word.partition("(")[0]
    try:
        if family in _NUMBERS and not isinstance(value, bool) and (number := Decimal(str(value))).is_finite():
            return number
        if family == "date" and isinstance(value, str):
            return date.fromisoformat(value)
        if family in _TIMES and isinstance(value, str):
            return datetime.fromisoformat(value)
        if isinstance(value, bool if family == "bool" else str) and family in {"bool", "text"}:
            return value
    except (ValueError, InvalidOperation):
        pass
    raise ValueError(f"{_shown(value)} is nothing that a column of type {word} holds; write {_WRITTEN.get(family, 'a number')}")


_WRITTEN = {
    "date": "it as 2026-01-31", "timestamp": "it as 2026-01-31T02:00:00", "timestamptz": "it as 2026-01-31T02:00:00+01:00", "bool": "true or false",
    "text": "it in quotes",
}  # fmt: skip


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


class Column(Part):
    """What the values of a column must be like. A type word is short for ``{type: word}``."""

    type: ColumnType | None = None
    """What the column is read as, exactly; by default as it comes."""
    null: Flag = True
    """Whether values may be missing."""
    unique: Flag = False
    """Whether each value may come once only in the whole result. Missing values are not compared."""
    values: Annotated[tuple[Value, ...], Field(min_length=1)] | None = None
    """The only values that there may be, besides missing ones."""
    min: Bound | None = None
    """The least value. Numbers of more than 15 digits stand in quotes."""
    max: Bound | None = None
    """The greatest value."""
    pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    """What text must match somewhere, in what RE2's syntax has in common with Python's; ``^…$`` for the whole of it."""

    @model_validator(mode="before")
    @classmethod
    def _a_word(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        word = self.type
        if odd := [value for value in self.values or () if not isinstance(value, str | int | float)]:
            raise ValueError(f"{_shown(odd[0])} is no single value; write text, a number, true or false")
        if word is None:
            return self
        family, *size = re.findall(r"\w+", word)
        if size and not 1 <= int(size[0]) <= _DIGITS:
            raise ValueError(f"{word} has {size[0]} digits; a decimal has 1 to {_DIGITS}")
        if size and int(size[1]) > int(size[0]):
            raise ValueError(f"{word} has more digits behind the point than there are; the first number counts all of them")
        if self.pattern is not None and family != "text":
            raise ValueError(f"a pattern is for text, and the column is {word}; use min, max or values")
        if (self.min is not None or self.max is not None) and family not in (*_NUMBERS, *_TIMES):
            raise ValueError(f"min and max are for numbers, dates and times, and the column is {word}; use values or pattern")
        if self.values is not None and family == "bytes":
            raise ValueError("values cannot be written for bytes; declare another type")
        for value in self.values or ():
            known(word, value)
        least, most = (known(word, bound) if bound is not None else None for bound in (self.min, self.max))
        if least is not None and most is not None and _is_more(least, most):
            raise ValueError(f"min is {self.min}, more than max, which is {self.max}; nothing lies between")
        return self

    @property
    def short(self) -> Any:
        """As it is written: the type alone, where nothing else is said."""
        said = self.model_dump(exclude_defaults=True)
        return said["type"] if set(said) == {"type"} else {name: list(said[name]) if name == "values" else said[name] for name in said}


def _is_more(one: Any, other: Any) -> bool:
    try:
        return bool(one > other)
    except TypeError:  # a clock's reading and a moment
        return False


_COLUMN = Shape("column type, or mapping", {"anyOf": [{"type": "string", "pattern": _TYPE}, {"$ref": "#/definitions/Column"}]})


class RowCount(Part):
    """How many rows, in shares of what the branch usually brings: the median of its last 14 nights, once it has come on three. Before that any number will do."""

    at_least: Share | None = None
    """Fewer have not arrived."""
    at_most: Share | None = None
    """More have not arrived."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("rows says nothing; write {at_least: 50%, at_most: 200%}, or one of them")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least is {self.at_least:f}%, more than at_most, which is {self.at_most:f}%; nothing lies between")
        return self


class Freshness(Part):
    """How new the newest row must be."""

    column: str
    """The column that tells: a date, which counts as its midnight, or a time."""
    within: Duration
    """How long before the interval's end the newest value may lie."""


class Quarantine(Part):
    """How many rows may be set aside. ``true`` is short for any number."""

    at_most: Annotated[str | Whole, AfterValidator(_amount), Shape("whole number, or percentage", AMOUNT)] | None = None
    """A count, or a percentage of all rows that came; more refuse the branch."""


def _set_aside(value: Any) -> Any:
    if value is True or value is False:
        return {} if value else None
    if isinstance(value, dict | Quarantine) or value is None:
        return value
    raise ValueError(f"{value!r} is no quarantine; write true, or how many rows there may be in it: {{at_most: 1%}}")


def _lists(value: Any) -> Any:
    """One column, or one list of columns, where several lists may stand."""
    if isinstance(value, str):
        return ((value,),)
    return (value,) if isinstance(value, list | tuple) and value and all(isinstance(name, str) for name in value) else value


class AcceptResult(Part):
    """What must be true of rows that a transform has made."""

    columns: dict[str, Annotated[Column, _COLUMN]] = Field(default_factory=dict)
    """Columns that must be there, and what each must be like."""
    unique: Annotated[
        tuple[Annotated[Words, Field(min_length=1)], ...],
        BeforeValidator(_lists),
        Shape(
            "column, list of columns, or list of such lists",
            {
                "anyOf": [
                    {"type": "string"},
                    {
                        "type": "array",
                        "minItems": 1,
                        "items": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
                    },
                ]
            },
        ),
    ] = ()
    """Columns of which no two rows of the whole result may have the same values: ``[day, order_id]``, or several such lists."""
    fresh: Freshness | None = None
    """How new the newest row must be; rows of any age by default."""
    drift: Literal["add_columns", "ignore_extra", "refuse"] = "add_columns"
    """What becomes of columns that ``columns`` does not name: they are taken as they come; they are left out; or the rows are refused."""
    quarantine: Annotated[
        Quarantine | None,
        BeforeValidator(_set_aside),
        Shape("true or false, or mapping", {"anyOf": [{"type": "boolean"}, {"$ref": "#/definitions/Quarantine"}]}),
    ] = None
    """Whether rows that break a rule about rows are set aside in a file of their own, with the reason, while the others arrive. By default one such
    row refuses the branch."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.drift != "add_columns":
            if not self.columns:
                raise ValueError(f"drift: {self.drift} knows no columns; name those that may come under columns")
            named = [*(name for names in self.unique for name in names), *([self.fresh.column] if self.fresh else [])]
            if left := [name for name in named if name not in self.columns]:
                raise ValueError(f"'{left[0]}' is asked for and left out by drift: {self.drift}; name it under columns")
        if self.fresh is not None and (told := self.columns.get(self.fresh.column)) is not None and (told.type or "date") not in _TIMES:
            raise ValueError(f"fresh: looks at '{self.fresh.column}', which is {told.type}; declare it as date, timestamp or timestamptz")
        if self.quarantine is not None and not self.columns and not self.unique:
            raise ValueError("quarantine: has no rule that a row could break; say under columns what rows must be like")
        return self

    @property
    def said(self) -> dict[str, Any]:
        """What is said, as it is written; empty where nothing is."""
        said = self.model_dump(exclude_defaults=True)
        if self.columns:
            said["columns"] = {name: column.short for name, column in self.columns.items()}
        if self.unique:
            said["unique"] = [list(names) for names in self.unique]
        if self.fresh is not None:
            said["fresh"] = {"column": self.fresh.column, "within": human(self.fresh.within)}
        if self.quarantine is not None:
            said["quarantine"] = said["quarantine"] or True
        return said


class Accept(AcceptResult):
    """What must be true of a branch's rows before they count as arrived."""

    min_rows: Whole = Field(default=1, ge=0)
    """Fewer rows than this have not arrived; 0 accepts an empty branch."""
    rows: RowCount | None = None
    """How many of the branch's own usual rows there must be; any number by default."""

    @property
    def said(self) -> dict[str, Any]:
        """What is said, as it is written; empty where nothing is."""
        if self.rows is None:
            return super().said
        bounds = {"at_least": self.rows.at_least, "at_most": self.rows.at_most}
        return super().said | {"rows": {name: f"{bound:f}%" for name, bound in bounds.items() if bound is not None}}
