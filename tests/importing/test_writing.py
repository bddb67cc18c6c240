"""What is written reads back as it was, and reads well."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.importing.writing import Block, Quoted, dump, scalar
from tidegate.model.yaml_source import Source, parse

WORDS = (
    "yes",
    "no",
    "on",
    "~",
    "null",
    "12:30",
    "0123",
    "0o17",
    "1e3",
    "2026-01-01",
    "a: b",
    "a #b",
    "- a",
    "{{ ds }}",
    "it's",
    '"',
    "\\",
    "s3://a/b",
)
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=200))
SCALARS = st.one_of(TEXTS, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none(), st.dates(date(1900, 1, 1)))
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)), max_leaves=12
)


def read(text: str) -> Any:
    """As any reader of YAML 1.1 does."""
    return yaml.safe_load(text)


@example({"a": [{"\xa00": "no", "b": "\x80\x1f"}]})
@given(st.dictionaries(TEXTS.filter(bool), VALUES, min_size=1, max_size=5))
def test_a_reader_gets_everything_back(value: dict[str, Any]) -> None:
    """load(dump(x)) = x, whatever the texts are."""
    assert read(dump(Block(value))) == value


@pytest.mark.parametrize("word", WORDS)
def test_the_languages_own_reader_agrees(word: str) -> None:
    """YAML 1.2, as the pipeline language reads it, sees the same texts."""
    for text in (f"a: {scalar(word, flow=False)}\n", f"a: {{b: {scalar(word, flow=True)}}}\n"):
        source = parse(Source("a.yaml"), text)
        assert source.value in ({"a": word}, {"a": {"b": word}})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "x"}, "a: x\n"),
        ({"a": {"b": 1, "c": [True, None]}}, "a: {b: 1, c: [true, null]}\n"),
        ({"a": {"b": {"c": {"d": 1}}}}, "a:\n  b: {c: {d: 1}}\n"),
        ({"a": Quoted("0 2 * * *")}, 'a: "0 2 * * *"\n'),
        ({"a": "one\ntwo\n"}, "a: |\n  one\n  two\n"),
        ({"a": "one\ntwo"}, "a: |-\n  one\n  two\n"),
        ({"a": ["one\ntwo\n"]}, "a:\n  - |\n    one\n    two\n"),
        ({"a": [{"b": "one\ntwo\n", "c": 1}]}, "a:\n  - b: |\n      one\n      two\n    c: 1\n"),
        ({"a": {}, "b": []}, "a: {}\nb: []\n"),
        ({"a": 'say "hi"'}, 'a: say "hi"\n'),
        ({"a": "'hi' \"there\": x"}, 'a: "\'hi\' \\"there\\": x"\n'),
        ({"a": "s3://lake/x", "b": ["m:f"]}, "a: s3://lake/x\nb: [m:f]\n"),
        ({"a": datetime(2026, 1, 31, 6, 30)}, "a: 2026-01-31T06:30:00\n"),  # noqa: DTZ001  as a file has it
    ],
)
def test_it_reads_as_a_person_writes(value: dict[str, Any], text: str) -> None:
    """Short leaves in one line, what is long or deep in a block."""
    assert dump(Block(value)) == text
    assert read(text) == value


def test_what_does_not_fit_into_a_line_takes_several() -> None:
    """Lists and mappings are broken up, texts are folded between words."""
    text = dump(Block(many=[f"name_{n}" for n in range(20)], long=" ".join(["word"] * 40)))
    assert text.startswith("many:\n  - name_0\n  - name_1\n")
    assert "\nlong: >-\n  word word" in text
    assert max(len(line) for line in text.splitlines()) <= 110


def test_comments_stand_at_the_head_of_their_mapping() -> None:
    """Also in a list, and they keep a mapping from one line."""
    inner = Block(a=1)
    inner.comments.append("Look here.")
    text = dump(Block(x=inner, y=[inner]), head="# first", spaced=("y",))
    assert text == "# first\nx:\n  # Look here.\n  a: 1\n\ny:\n  -\n    # Look here.\n    a: 1\n"
    assert read(text) == {"x": {"a": 1}, "y": [{"a": 1}]}


def test_keys_are_put_in_order() -> None:
    """Those that nobody ranks come last, as they were."""
    block = Block(z=1, b=2, y=3, a=4)
    block.comments.append("kept")
    ordered = block.in_order(("a", "b"))
    assert list(ordered) == ["a", "b", "z", "y"]
    assert ordered.comments == ["kept"]
