"""Files as sources: the same rows as from a database, or a refusal that names the file."""

from __future__ import annotations

import codecs
import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from tidegate.data.contract import Contract
from tidegate.data.extract import extract_files
from tidegate.data.sources import files
from tidegate.errors import DataRefused, Unreachable
from tidegate.model.accept import Accept

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nights import Night

DECLARED = {"id": "int", "amount": "decimal(12,2)", "day": "date"}
ROWS = [
    {"id": 9007199254740993, "amount": Decimal("1.10"), "day": date(2026, 1, 1), "note": 'a "quoted", \n 🌊'},
    {"id": None, "amount": None, "day": None, "note": None},
    {"id": 3, "amount": Decimal("-0.01"), "day": date(9999, 12, 31), "note": ""},
]
CSV = 'id,amount,day,note\n9007199254740993,1.1,2026-01-01,"a ""quoted"", \n 🌊"\n,,,\n3,-0.01,9999-12-31,""\n'
JSON = (
    '{"id": 9007199254740993, "amount": 1.10, "day": "2026-01-01", "note": "a \\"quoted\\", \\n 🌊"}\n{"id": null}\n\n'
    '{"note": "", "day": "9999-12-31", "amount": -0.01, "id": 3}\n'
)


def contract(columns: dict[str, str]) -> Contract:
    """What the rows must be like."""
    return Contract(Accept.model_validate({"columns": columns}), where="landing,", interval_end=datetime(2026, 1, 2, tzinfo=UTC))


def read(paths: Iterable[Any], columns: dict[str, str] | None = None, **more: Any) -> list[dict[str, Any]]:
    """All rows."""
    given = {"where": "landing,", "zone": "UTC", "batch_rows": 2, **more}
    batches = list(files.batches(list(paths), contract(DECLARED if columns is None else columns), **given))
    rows: list[dict[str, Any]] = pa.Table.from_batches(batches).to_pylist()
    return rows


@pytest.fixture(params=["folder", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Give a place for files: a folder, or an object store."""
    return tmp_path if request.param == "folder" else UPath(f"memory://landing/{tmp_path.name}")


def put(root: Any, name: str, data: str | bytes) -> Any:
    """Write a file."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", CSV),
        ("a.csv.gz", gzip.compress(CSV.encode())),
        ("a.tsv", CSV.replace('"a ""quoted"", ', '"a ""quoted""; ').replace(",", "\t").replace("; ", ", ")),
        ("a.jsonl", JSON),
        ("a.ndjson.gz", gzip.compress(JSON.encode())),
        ("a.json", "[" + ",".join(line for line in JSON.splitlines() if line) + "]"),
    ],
)
def test_every_kind_of_file_gives_the_same_rows(root: Any, name: str, data: str | bytes) -> None:
    """Decimals and big integers exact, the empty text beside NULL."""
    assert read([put(root, name, data)]) == ROWS


def test_parquet_keeps_its_own_types(root: Any) -> None:
    """And what is declared is read from there."""
    table = pa.Table.from_pylist(
        ROWS, schema=pa.schema([("id", pa.int64()), ("amount", pa.decimal128(12, 2)), ("day", pa.date32()), ("note", pa.large_string())])
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    path = put(root, "a.parquet", sink.getvalue().to_pybytes())
    assert read([path], {}) == ROWS
    assert read([path], {"id": "decimal(20,0)"})[2]["id"] == Decimal(3)


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ("a\n1\n\n3\n", ["1", None, "3"]),
        ("a\n\n", [None]),
        ("a\r\n1\r\n\r\n\r\n", ["1", None, None]),
        ('a\n""\n\n', ["", None]),
        ("a\n1", ["1"]),
        ("a\n", []),
        ("a,b\n1,2\n\n3,4\n", ["1", "3"]),
    ],
)
def test_an_empty_line_of_one_column_is_a_row(root: Any, data: str, values: list[str | None]) -> None:
    """Its value is missing; of several columns it is nothing."""
    assert [row["a"] for row in read([put(root, "a.csv", data)], {})] == values
    with pytest.raises(DataRefused, match=r"a.csv begins with an empty line"):
        read([put(root, "b/a.csv", "\n" + "a\n1\n")], {})


@pytest.mark.parametrize("data", ["a,b", '"a",b', "\ufeffa,b", "a,b\r"])
def test_a_line_of_names_that_does_not_end_is_a_file_of_no_rows(root: Any, data: str) -> None:
    """As many writers leave the last line; and before others, whose rows are read."""
    for name, packed in (("a.csv", data.encode()), ("a.csv.gz", gzip.compress(data.encode()))):
        (batch,) = files.batches([put(root, name, packed)], contract({}), where="landing,", zone="UTC", batch_rows=2)
        assert (batch.num_rows, batch.schema.names) == (0, ["a", "b"])
    assert read([put(root, "a.csv", data), put(root, "b.csv", "a,b\n1,2")], {}) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_last_line_is_a_row_with_its_end_or_without(root: Any, end: str) -> None:
    """And there is no other one behind it, also of one column, where an empty line is one."""
    assert read([put(root, "a.csv", "a")], {}) == []
    for lines, values in ((["a", "1"], ["1"]), (["a", "1", ""], ["1", None])):
        assert [row["a"] for row in read([put(root, "a.csv", end.join(lines) + end)], {})] == values
    assert [row["a"] for row in read([put(root, "a.csv", end.join(["a", "1"]))], {})] == ["1"]


@pytest.mark.parametrize("suffix", ["gz", "bz2", "zst"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_packed_file_that_is_cut_off_is_refused(root: Any, name: str, suffix: str) -> None:
    """What is there of it is not taken for all, and no retry would mend it."""
    plain = CSV + "1,1,2026-01-01,x\n" * 50_000 if name == "a.csv" else '{"id": 1, "amount": 1, "day": null, "note": "x"}\n' * 50_000
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, {"gz": "gzip", "bz2": "bz2", "zst": "zstd"}[suffix]) as stream:
        stream.write(plain.encode())
    whole = sink.getvalue().to_pybytes()
    for part in (whole[: len(whole) // 2], whole[:-4], b"no such file " * 9):
        with pytest.raises(DataRefused, match=rf"landing, {name}.{suffix} cannot be read: "), files.telling("landing,"):
            read([put(root, f"{name}.{suffix}", part)], batch_rows=10_000)


def test_what_nobody_declares_is_not_guessed(root: Any) -> None:
    """Of CSV it is text: 007 stays 007. Of JSON it is what JSON says, and a price loses nothing."""
    assert read([put(root, "a.csv", "zip,price\n007,1.10\n")], {}) == [{"zip": "007", "price": "1.10"}]
    assert read([put(root, "a.jsonl", '{"n": 7, "price": 0.1, "tags": ["a", {"b": 1.50}, 0.12345678901234567890]}')], {}) == [
        {"n": 7, "price": Decimal("0.100000000"), "tags": '["a", {"b": 1.5}, "0.12345678901234567890"]'}
    ]


def test_many_files_are_read_in_the_order_of_their_names(root: Any) -> None:
    """By a pattern; files of other columns are refused by name."""
    for number in (2, 1, 3):
        put(root, f"day/part-{number}.csv", f"id\n{number}\n")
    assert [row["id"] for row in read(files.found(root / "day/part-*.csv"), {"id": "int"})] == [1, 2, 3]
    assert [path.name for path in files.found(root / "day/part-2.csv")] == ["part-2.csv"]
    put(root, "day/part-4.csv", "id,more\n4,5\n")
    with pytest.raises(DataRefused, match=r"landing, part-4.csv has other columns than part-1.csv: more"):
        read(files.found(root / "day/*.csv"), {"id": "int"})
    with pytest.raises(Unreachable, match=r"There is no file at .* yet"):
        files.found(root / "day/*.parquet")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (
            "a.csv",
            "id,amount,day\n1,x,2026-01-01\n",
            'a.csv has in column "amount", row 1, "x", which decimal(12,2) cannot hold exactly: it is no number',
        ),
        ("a.csv", "id,amount,day\n1,1\n", "a.csv cannot be read: CSV parse error"),
        ("a.csv", "id,day\n1,2026-01-01\n", 'has no column "amount"'),
        ("a.csv", "", "a.csv cannot be read: Empty CSV file"),
        ("a.jsonl", '{"id": 1', "a.jsonl is no JSON in line 1"),
        ("a.jsonl", "[1, 2]", "a.jsonl holds a number where an object should be"),
        (
            "a.jsonl",
            '{"id": 1, "amount": 1, "day": null}\n' * 2 + '{"odd": 1}',
            "a.jsonl has objects with a key that the first 2 had not: odd",
        ),
        ("a.jsonl", b'{"id": "\xe9"}', "a.jsonl cannot be read: 'utf-8' codec can't decode byte 0xe9"),
        ("a.jsonl", '{"id": 1, "id": 2}', 'a.jsonl is no JSON in line 1: an object has the key "id" twice'),
        ("a.csv", b"id,amount,day\n\xe9,1,2026-01-01\n", "a.csv cannot be read: "),
        ("a.csv", "id,day,id\n1,2,3\n", 'a.csv has two columns named "id". Rename one of them in the file\'s first line.'),
        ("a.csv", "id,day,id", 'a.csv has two columns named "id". Rename one of them in the file\'s first line.'),
        ("a.csv", "id,day,\n1,2,3\n", "a.csv has a column without a name, number 3. Give it one in the file's first line."),
        ("a.parquet", "no", "a.parquet cannot be read"),
        ("a.xlsx", "no", "a.xlsx is of no kind that can be read"),
        ("noending", "no", "noending is of no kind that can be read"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(root: Any, name: str, data: str | bytes, said: str) -> None:
    """With the place, where there is one."""
    with pytest.raises(DataRefused) as caught:
        read([put(root, name, data)])
    assert f"landing, {said}" in str(caught.value)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE),
        ("utf-32-be", codecs.BOM_UTF32_BE),
    ],
)
def test_a_file_of_another_encoding_is_told_as_such(root: Any, encoding: str, mark: bytes, big: bool, packed: bool) -> None:
    """By its first bytes, packed or not, of one block or of several."""
    data = mark + ("id,amount,day\n1,1,2026-01-01\n" * (100_000 if big else 1)).encode(encoding)
    name = "a.csv.gz" if packed else "a.csv"
    with pytest.raises(DataRefused) as caught:
        read([put(root, name, gzip.compress(data) if packed else data)])
    assert str(caught.value).startswith(f"landing, {name} is {encoding[:6].upper()}, by its first bytes, and not UTF-8. Write it as UTF-8")


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.csv", b"id,amount,day\n\xe9,1,2026-01-01\n"), ("a.csv", b"\xe9d,amount,day\n1,1,2026-01-01\n"), ("a.jsonl", b'{"id": "\xe9"}')],
)
def test_bytes_that_are_no_utf8_are_told_with_what_to_do(root: Any, name: str, data: bytes) -> None:
    """In a name and in a value."""
    with pytest.raises(DataRefused, match="It is no UTF-8 there: write the file as UTF-8"):
        read([put(root, name, data)])


def test_files_of_no_rows_have_their_columns(root: Any) -> None:
    """A header alone, and a JSON file of nothing."""
    for name, data in (("a.csv", "id,amount,day,note\n"), ("a.jsonl", "")):
        (batch,) = files.batches([put(root, name, data)], contract(DECLARED), where="landing,", zone="UTC", batch_rows=2)
        assert batch.num_rows == 0
        assert batch.schema.names[:3] == list(DECLARED)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("csv", "id,amount,day\n1,1,2026-01-01\nx,1,2026-01-01\n", "id,amount,day\n3,1,2026-01-01\n4,y,2026-01-01\n"),
        (
            "jsonl",
            '{"id": 1, "amount": 1, "day": "2026-01-01"}\n{"id": "x", "amount": 1, "day": null}\n',
            '{"id": 3, "amount": 1, "day": null}\n{"id": 4, "amount": "y", "day": null}\n',
        ),
    ],
)
def test_rows_that_do_not_fit_are_set_aside_through_all_files(night: Night, root: Any, name: str, first: str, second: str) -> None:
    """By their numbers in the whole; the rest arrives."""
    paths = [put(root, f"{number}.{name}", data) for number, data in enumerate((first, second))]
    manifest = extract_files(
        lambda: paths, key=night.key(), staging=night.staging, accept=Accept.model_validate({"columns": DECLARED, "quarantine": True}), attempt="a",
        correlation_id="c", connection_name="files", source_name="landing",
    )  # fmt: skip
    assert (manifest.rows, manifest.quarantined) == (2, 2)
    with night.staging.local_file(manifest) as path:
        assert pq.read_table(path)["id"].to_pylist() == [1, 3]


@pytest.mark.parametrize("text", ["1_000", " 7 ", "\u0661\u0662", "0x10", "nan", "", "1e5e5", "1 000"])
@pytest.mark.parametrize("kind", ["int", "decimal", "float"])
def test_a_text_that_is_no_number_is_none(root: Any, text: str, kind: str) -> None:
    """Whatever Python would take for one."""
    path = put(root, "a.jsonl", json.dumps({"v": text}))
    with pytest.raises(DataRefused, match=rf'column "v", row 1, ".*", which {kind} cannot hold exactly'):
        read([path], {"v": kind})
    if text:
        with pytest.raises(DataRefused, match=rf'column "v", row 1, ".*", which {kind} cannot hold exactly'):
            read([put(root, "a.csv", f'v,w\n"{text}",1\n')], {"v": kind})


@pytest.mark.parametrize(("text", "value"), [("7", "7"), ("+7", "7"), ("-.5", "-0.5"), ("7.", "7"), ("1.5e1", "15"), ("1E+2", "100")])
def test_a_text_that_is_a_number_is_one(root: Any, text: str, value: str) -> None:
    """In its usual forms."""
    path = put(root, "a.jsonl", json.dumps({"v": text}))
    assert read([path], {"v": "decimal"}) == [{"v": Decimal(value)}]
    assert read([path], {"v": "float"}) == [{"v": float(value)}]


NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001  a clock's reading
DIFFERENT: list[tuple[pa.Array, pa.Array, Any]] = [
    (pa.array([1]), pa.array([2.0]), [1, 2]),
    (
        pa.array([1]),
        pa.array([2.5]),
        'b.parquet has in column "x", row 2, 2.5, which int cannot hold exactly: it is not whole. Its type is',
    ),
    (pa.array([1.5]), pa.array([2**53]), [1.5, 2.0**53]),
    (pa.array([1.5]), pa.array([2**53 + 1]), "row 2, 9007199254740993, which float cannot hold exactly"),
    (pa.array([1.5]), pa.array([Decimal("0.1")]), [1.5, 0.1]),
    (pa.array([1.5]), pa.array([Decimal("12345678901234567890.123456789012345678")]), "which float cannot hold exactly"),
    (pa.array([Decimal("1.50")]), pa.array([Decimal("1.255")]), "row 2, 1.255, which decimal(3,2) cannot hold exactly"),
    (pa.array([True]), pa.array([5]), 'b.parquet has column "x" as int, and a.parquet has it as bool'),
    (pa.array([1]), pa.array([True]), "as bool, and a.parquet has it as int"),
    (pa.array(["a"]), pa.array([1.0]), "as float, and a.parquet has it as text"),
    (pa.array([1]), pa.array(["07"]), "as text, and a.parquet has it as int"),
    (pa.array([b"a"]), pa.array(["a"]), "as text, and a.parquet has it as bytes"),
    (pa.array([NOON], pa.timestamp("us", "UTC")), pa.array([NOON]), [NOON.replace(tzinfo=UTC), NOON.replace(hour=11, tzinfo=UTC)]),
    (pa.array([NOON]), pa.array([NOON], pa.timestamp("us", "UTC")), "which timestamp cannot hold exactly"),
    (pa.array([NOON.date()]), pa.array([NOON]), "which date cannot hold exactly"),
    (pa.array([1]), pa.nulls(1), [1, None]),
    (pa.array([1]), pa.array([None], pa.string()), [1, None]),
]


@pytest.mark.parametrize(("first", "second", "said"), DIFFERENT)
def test_files_of_different_types_are_read_exactly_or_refused(tmp_path: Path, first: pa.Array, second: pa.Array, said: Any) -> None:
    """A later file's numbers and times go into the first one's type where none of them changes; nothing becomes something else."""
    for name, values in (("a", first), ("b", second)):
        pq.write_table(pa.table({"x": values}), tmp_path / f"{name}.parquet")
    found = files.found(tmp_path / "*.parquet")
    if isinstance(said, list):
        assert [row["x"] for row in read(found, {}, zone="Europe/Berlin")] == said
        return
    with pytest.raises(DataRefused) as caught:
        read(found, {}, zone="Europe/Berlin")
    assert said in str(caught.value)


def test_what_comes_later_in_a_file_is_of_the_kind_that_came_first(root: Any) -> None:
    """A number is no text, and yes is no number, also in the second batch."""
    rows = '{{"x": {0}}}\n{{"x": {0}}}\n{{"x": {1}}}\n'
    for first, second, kind in (
        ('"a"', "7", "int .* text"),
        ("true", "1", "int .* bool"),
        ("1", '"07"', "text .* int"),
        ("1", "true", "bool .* int"),
    ):
        with pytest.raises(DataRefused, match=rf'a.jsonl has column "x" as {kind.replace(" .*", ", and the first 2 had it as")}.'):
            read([put(root, "a.jsonl", rows.format(first, second))], {})
    assert [row["x"] for row in read([put(root, "a.jsonl", rows.format("1", "null"))], {})] == [1, 1, None]


def test_kinds_of_files_that_are_mixed_are_set_aside_by_their_declared_types(night: Night, root: Any) -> None:
    """Whatever each kind calls its values."""
    paths = [put(root, "a.csv", "id\n1\nx\n"), put(root, "b.jsonl", '{"id": 3}\n{"id": "y"}\n'), put(root, "c.csv", "id\n5\n")]
    accept = Accept.model_validate({"columns": {"id": "int"}, "quarantine": True})
    for order in (paths, paths[1:]):
        manifest = extract_files(
            lambda order=order: order, key=night.key(), staging=night.staging, accept=accept, attempt=f"a{len(order)}", correlation_id="c",
            connection_name="files", source_name="landing",
        )  # fmt: skip
        assert manifest.quarantined == len(order) - 1
        with night.staging.local_file(manifest) as path:
            assert pq.read_table(path)["id"].to_pylist() == [1, 3, 5][3 - len(order) :]
