"""What single rows must be like, as Arrow kernels over whole batches: each rule says of every row whether it breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from tidegate.data.exact import column
from tidegate.data.kinds import DECIMAL_DIGITS, word
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tidegate.model.accept import Column

_WIDE = Context(prec=2 * DECIMAL_DIGITS)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule about the values of one column."""

    column: str
    words: str
    """Completes the column's name: ``is below 0``."""
    broken: Callable[[pa.Array], pa.Array]
    """Values → true where one breaks the rule; never NULL."""

    def __str__(self) -> str:
        return f'"{self.column}" {self.words}'


def rules(columns: Mapping[str, Column], schema: pa.Schema, *, zone: str) -> list[Rule]:
    """The rules of all columns, in order.

    :param zone: of the clock that bounds without a time zone mean, where the column holds moments.
    :raises DataRefused: a rule does not go with the type that its column has.
    """
    return [rule for name, said in columns.items() for rule in _of(name, said, schema.field(name).type, zone)]


def _of(name: str, said: Column, kind: pa.DataType, zone: str) -> Iterator[Rule]:
    def value(given: Any, key: str) -> pa.Scalar:
        return _values([given], kind, name, key, zone)[0]

    if not said.null:
        yield Rule(name, "is missing", pc.is_null)
    bounds = " and ".join(key for key in ("min", "max") if getattr(said, key) is not None)
    if bounds and (pat.is_string(kind) or pat.is_binary(kind) or pat.is_boolean(kind)):  # '4000' is less than '500'
        raise _mismatch(name, bounds, kind, "Declare the column's type, a number, a date or a time, or use values or pattern.")
    unordered = ", or NaN" if pat.is_floating(kind) else ""
    if said.min is not None:
        least = value(_nearest(said.min, kind, ROUND_CEILING), "min")
        yield Rule(name, f"is below {said.min}{unordered}", lambda array: _none(pc.invert(pc.greater_equal(array, least))))
    if said.max is not None:
        most = value(_nearest(said.max, kind, ROUND_FLOOR), "max")
        yield Rule(name, f"is above {said.max}{unordered}", lambda array: _none(pc.invert(pc.less_equal(array, most))))
    if said.values is not None:
        known = _values(list(said.values), kind, name, "values", zone)
        yield Rule(name, "is none of its values", lambda array: pc.and_(pc.is_valid(array), pc.invert(pc.is_in(array, known))))
    if said.pattern is not None:
        if not pat.is_string(kind):
            raise _mismatch(name, "pattern", kind, "Declare the column as text, or use min, max or values.")
        pattern = said.pattern
        _matching(pa.array([""]), pattern, name)
        yield Rule(name, "does not match its pattern", lambda array: _none(pc.invert(_matching(array, pattern, name))))


def _matching(array: pa.Array, pattern: str, name: str) -> pa.Array:
    try:
        return pc.match_substring_regex(array, pattern)
    except pa.ArrowInvalid as error:
        message = f'The pattern that accept: has for column "{name}" cannot be read: {error}.'
        raise DataRefused(message, hint="Write it in RE2's syntax, which looks neither around nor back.") from error


def _none(mask: pa.Array) -> pa.Array:
    """A mask in which what is not known breaks nothing."""
    return pc.fill_null(mask, fill_value=False)


def _values(given: list[Any], kind: pa.DataType, name: str, key: str, zone: str) -> pa.Array:
    try:
        return column(given, kind, name=name, where="", first_row=1, declared=True, zone=zone)
    except DataRefused as error:
        raise _mismatch(name, key, kind, f"Correct {key}, or the column's type.") from error


def _mismatch(name: str, key: str, kind: pa.DataType, hint: str) -> DataRefused:
    return DataRefused(f'accept: has {key} for column "{name}" that do not go with its type, which is {word(kind)}.', hint=hint)


def _nearest(bound: Any, kind: pa.DataType, rounding: str) -> Any:
    """The bound as the column can hold it, so that the same values lie within it."""
    if not (pat.is_integer(kind) or pat.is_decimal(kind)):
        return bound
    try:
        step = Decimal(1).scaleb(-kind.scale if pat.is_decimal(kind) else 0)
        return Decimal(str(bound)).quantize(step, rounding=rounding, context=_WIDE)
    except ArithmeticError:
        return bound  # no number: refused where it is converted
