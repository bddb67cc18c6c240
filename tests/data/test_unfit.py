"""What is told of a value that does not fit: the value, why, and what to declare or to write."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tidegate.data.exact import column, inferred
from tidegate.data.kinds import arrow_type, declaring
from tidegate.errors import DataRefused

QUERY = "Correct the source, or make NULL or a text of it in the query, by NULLIF or CAST."
ZONE = "Set timezone: to the zone of the clock that wrote it, select the moment with its offset in the query, or keep the reading as it is: {}."
TWICE, MORNING = datetime(2026, 10, 25, 2, 30, 1), datetime(2026, 1, 1)  # noqa: DTZ001  a clock's readings


def hint(declared: bool, another: str, name: str = "v") -> str:
    """What to do."""
    begin = (
        "Correct the source, or declare another type" if declared else "Its type is that of the first values; declare one that holds all"
    )
    return f"{begin}: accept: {{columns: {{{name}: {another}}}}}."


CASES: list[tuple[Any, str, bool, str, str]] = [
    ("2026-03-29 02:30", "timestamptz", True, '"2026-03-29 02:30", which timestamptz cannot hold exactly: 02:30 does not exist on 2026-03-29 in Europe/Berlin',
     ZONE.format("accept: {columns: {v: timestamp}}")),
    (TWICE, "timestamptz", False, "2026-10-25 02:30:01, which timestamptz cannot hold exactly: 02:30:01 is twice on 2026-10-25 in Europe/Berlin",
     ZONE.format("accept: {columns: {v: timestamp}}")),
    ("8x", "int", True, '"8x", which int cannot hold exactly: it is no number', hint(True, "text")),
    (2.5, "int", False, "2.5, which int cannot hold exactly: it is not whole", hint(False, "decimal")),
    (2**64, "int", False, "18446744073709551616, which int cannot hold exactly: it is beyond 64 bits", hint(False, '"decimal(38,0)"')),
    (10**40, "int", False, f"1{'0' * 39}…, which int cannot hold exactly: it is beyond 64 bits", hint(False, "float")),
    (2**53 + 1, "float", False, "9007199254740993, which float cannot hold exactly: the nearest float is 9007199254740992.0", hint(False, "decimal")),
    (Decimal("1.255"), "decimal(12,2)", True,
     "1.255, which decimal(12,2) cannot hold exactly: there is room for 10 digits before the point and 2 behind it", hint(True, "decimal")),
    (Decimal("0.12345678901"), "decimal", False,
     "0.12345678901, which decimal cannot hold exactly: there is room for 29 digits before the point and 9 behind it", hint(False, '"decimal(38,11)"')),
    (Decimal("NaN"), "decimal", True, "NaN, which decimal cannot hold exactly: decimal has no such number", hint(True, "text")),
    ("yes", "bool", True, '"yes", which bool cannot hold exactly: it is none of true, t, 1, false, f and 0', hint(True, "text")),
    ("0000-00-00", "date", True, '"0000-00-00", which date cannot hold exactly: it is no day or time of the years 1 to 9999 in ISO 8601, such as 2026-01-31 12:00',
     hint(True, "text")),
    ("2026-01-31 02:00", "date", True, '"2026-01-31 02:00", which date cannot hold exactly: a date has no time of day', hint(True, "timestamp")),
    ("infinity", "timestamp", True, '"infinity", which timestamp cannot hold exactly: it is no day of the years 1 to 9999', hint(True, "text")),
    ("2026-01-31 02:00:00.0000001", "timestamp", True, '"2026-01-31 02:00:00.0000001", which timestamp cannot hold exactly: times are kept to the microsecond',
     hint(True, "text")),
    (datetime(2026, 1, 31, tzinfo=UTC), "timestamp", True,
     "2026-01-31 00:00:00+00:00, which timestamp cannot hold exactly: it is a moment, and a timestamp is what a clock shows", hint(True, "timestamptz")),
    (date(2026, 1, 31), "timestamptz", True, "2026-01-31, which timestamptz cannot hold exactly: it is a day without a time", hint(True, "text")),
    (b"ab", "text", True, "2 bytes, which text cannot hold exactly: bytes are no text", hint(True, "bytes")),
    ("ab", "bytes", False, '"ab", which bytes cannot hold exactly: a text is no bytes', QUERY),
    (" 42", "int", True, '" 42", which int cannot hold exactly: it is no number', hint(True, "text")),
    ({"a": 1}, "int", True, "an object, which int cannot hold exactly: it is no number", hint(True, "text")),
    ("x" * 50, "int", True, f'"{"x" * 40}…", which int cannot hold exactly: it is no number', hint(True, "text")),
    ('a\n"b"', "int", True, '"a\\n\\"b\\"", which int cannot hold exactly: it is no number', hint(True, "text")),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind", "declared", "said", "what"), CASES)
def test_a_value_that_does_not_fit_is_shown_with_the_reason_and_what_to_do(
    value: Any, kind: str, declared: bool, said: str, what: str
) -> None:
    """Whole."""
    with pytest.raises(DataRefused) as caught:
        column([None, value], arrow_type(kind), name="v", where="shop, sql/a.sql,", first_row=7, declared=declared, zone="Europe/Berlin")
    assert str(caught.value) == f'shop, sql/a.sql, has in column "v", row 8, {said}. {what}'


@pytest.mark.parametrize("name", ["password", "api_key", "ApiKey", "user_token", "client_secret", "pwd"])
def test_what_looks_like_a_secret_is_not_shown(name: str) -> None:
    """By the column's name."""
    with pytest.raises(DataRefused) as caught:
        column(["hunter2"], arrow_type("int"), name=name, where="shop,", first_row=1, declared=True)
    assert (
        str(caught.value)
        == f'shop, has in column "{name}", row 1, a value, which int cannot hold exactly: it is no number. {hint(True, "text", name)}'
    )


def test_a_login_in_a_value_is_not_shown() -> None:
    """Whatever the column is called."""
    with pytest.raises(DataRefused, match=r'row 1, "https://\*\*\*@x", which int'):
        column(["https://me:hunter2@x"], arrow_type("int"), name="v", where="shop,", first_row=1, declared=True)


@pytest.mark.parametrize(
    ("values", "kinds", "what"),
    [
        ([1, "a"], "texts, whole numbers", "Declare accept: {columns: {v: text}}, or make one type of them in the query, by CAST."),
        ([1.5, Decimal(1)], "decimals, floats", "Declare accept: {columns: {v: decimal}}, or make one type of them in the query, by CAST."),
        ([date(2026, 1, 1), MORNING], "days, times", "Declare accept: {columns: {v: text}}, or make one type of them in the query, by CAST."),
        ([True, "a"], "texts, true or false", "Make one type of them in the query, by CAST."),
    ],
)  # fmt: skip
def test_values_of_several_types_are_named(values: list[Any], kinds: str, what: str) -> None:
    """In words."""
    with pytest.raises(DataRefused) as caught:
        inferred(values, name="v", where="shop,")
    assert str(caught.value) == f'shop, has a column "v" whose values are of no single type that can be staged: {kinds}. {what}'


@pytest.mark.parametrize(
    ("name", "word", "told"),
    [
        ("amount", "decimal(12,2)", 'accept: {columns: {amount: "decimal(12,2)"}}'),
        ("no", "int", 'accept: {columns: {"no": int}}'),
        ("a b", "text", 'accept: {columns: {"a b": text}}'),
        ("größe", "text", 'accept: {columns: {"größe": text}}'),
    ],
)
def test_what_declares_a_column_can_be_copied(name: str, word: str, told: str) -> None:
    """Into a file, as it stands."""
    assert declaring(name, word) == told
