"""What of an HTTP API an extract reads, as it stands under ``http``."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from tidegate.model.parts import Part, Whole
from tidegate.model.shapes import Shape

BIND = re.compile(r"(?<![:\w\\]):([A-Za-z_]\w*)")
"""A ``:name`` in a path or a parameter; of ``12:30``, ``a::b`` and ``\\:c`` nothing is one."""
BOUNDS = ("interval_start", "interval_end")
_WAYS = ("next", "link", "cursor", "number", "offset")
_SCALAR = {"type": ["string", "number", "boolean"]}


def _bound(text: str) -> str:
    for name in BIND.findall(text):
        if name not in BOUNDS:
            hint = "it may be :interval_start or :interval_end; write {region} for the branch's name, and \\: for a colon"
            raise ValueError(f":{name} stands for nothing here; {hint}")
    return text


def _path(text: str) -> str:
    if "://" in text:
        raise ValueError(f"{text!r} is a whole URL; write its path alone, for the connection says at which host")
    if "?" in text or "#" in text:
        raise ValueError(f"{text!r} is more than a path; write what stands behind the ? under params")
    return _bound(text)


def _param(value: Any) -> Any:
    for each in value if isinstance(value, tuple) else (value,):
        if isinstance(each, str):
            _bound(each)
    return value


Where = Annotated[str, StringConstraints(min_length=1), Shape("keys with dots between them")]
Param = Annotated[str, StringConstraints(min_length=1), Shape("name of a parameter")]
_Scalar = str | int | float | bool


class Page(Part):
    """What leads from one page of an answer to the next: one of ``next``, ``link``, ``cursor``, ``number`` and ``offset``."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [way]} for way in _WAYS]})

    next: Where | None = None
    """Where the address of the next page stands in the answer, such as ``links.next``; the last page has none, or null."""
    link: Annotated[str, StringConstraints(min_length=1), Shape("relation")] | None = None
    """What the address of the next page is called in the answer's ``Link`` header, mostly ``next``; the last page has none."""
    cursor: Where | None = None
    """Where the mark of the next page stands in the answer, such as ``meta.next``; the last page has none, or null. A number is the place in a list,
    so ``data.-1.id`` is the id of the last record."""
    param: Param | None = None
    """With ``cursor``: the parameter that takes the mark."""
    number: Param | None = None
    """The parameter that takes the page's number. Pages are read until one is empty."""
    first: Whole = Field(default=1, ge=0)
    """With ``number``: the number of the first page."""
    offset: Param | None = None
    """The parameter that takes the number of records before the page, 0 at first. Pages are read until one is empty."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        said = [way for way in _WAYS if getattr(self, way) is not None]
        if len(said) != 1:
            if not said:
                raise ValueError("a page leads to the next in one way; give one of 'next', 'link', 'cursor', 'number' and 'offset'")
            ways = " and ".join(f"'{way}'" for way in said)
            raise ValueError(
                f"a page leads to the next in one way, and {ways} are given; leave all but one out, or, where one is the step's and one the branch's, "
                "set the step's to null in the branch"
            )
        if (self.cursor is not None) != (self.param is not None):
            raise ValueError("cursor is where the mark stands, and param is the parameter that takes it; give both, or neither")
        if "first" in self.model_fields_set and self.number is None:
            raise ValueError("first is the number of the first page, and pages have no numbers here; remove it, or give 'number'")
        return self


class Http(Part):
    """What is asked of an HTTP API by GET, and where the records stand in its answer of JSON."""

    path: Annotated[str, StringConstraints(min_length=1), AfterValidator(_path), Shape("path")]
    """The path, behind the one of the connection. ``{region}`` stands for the branch's name, ``:interval_start`` and ``:interval_end`` for the interval's bounds."""
    params: Annotated[
        dict[str, Annotated[_Scalar | tuple[_Scalar, ...], AfterValidator(_param)]],
        Shape(
            "mapping of names to text, numbers, true or false, or lists of them",
            {"type": "object", "additionalProperties": {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}},
        ),
    ] = Field(default_factory=dict)
    """The parameters behind the ``?``, such as ``{from: ":interval_start", to: ":interval_end", per_page: 500}``, encoded as URLs want it. A list gives its parameter
    once for each of its items. Keys and tokens stand in the connection."""
    records: Where | None = None
    """Where the list of records stands in the answer, such as ``data.orders``; by default the answer is the list."""
    page: Page | None = None
    """What leads from one page to the next; by default there is one page."""
    time: Annotated[str, StringConstraints(min_length=1), Shape("pattern, `epoch` or `epoch_ms`")] | None = None
    """How the interval's bounds are written: as ``%Y-%m-%d`` and the like, by a clock in ``timezone``, or as seconds or milliseconds since 1970. By default as
    ISO 8601 in UTC, such as ``2026-01-31T23:00:00Z``."""

    @property
    def said(self) -> dict[str, Any]:
        """What is said, as it is written."""
        said = self.model_dump(exclude_unset=True)
        if "params" in said:
            said["params"] = {name: list(value) if isinstance(value, tuple) else value for name, value in said["params"].items()}
        return said
