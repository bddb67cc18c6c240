"""The small types that the models are made of: names, flags, moments, references to code."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, StringConstraints, model_validator

from tidegate.model.findings import did_you_mean
from tidegate.model.shapes import Shape

NAME = r"^[A-Za-z_][A-Za-z0-9_-]*$"
BRANCH = r"^[A-Za-z0-9_-]+$"
IMPORT_PATH = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+"
FUNCTION = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"
_CODE = re.compile(rf"^({IMPORT_PATH}|{FUNCTION})$")


def one_or_many(value: Any) -> Any:
    """A single text where a list may stand is a list of one."""
    return (value,) if isinstance(value, str) else value


_ABBREVIATION = re.compile(r"[A-Z]{2,5}([+-][\d:]+)?$|[+-]\d")
"""Such as CEST, GMT+2 and +02:00: an hour that is right for half of the year, if not another one by the same letters."""


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if _ABBREVIATION.match(value):
            raise ValueError(f"{value!r} is no time zone but an abbreviation; write a place, such as Europe/Berlin, or UTC") from None
        raise ValueError(f"{value!r} is no time zone; {_place_near(value)}") from None
    return value


def _place_near(value: str) -> str:
    """What to write in place of a zone that is none: a place, for a zone by letters keeps one hour all the year."""
    places = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    for zone in places:
        if zone.rpartition("/")[2].lower() == value.strip().replace(" ", "_").lower():
            return f"did you mean '{zone}'?"
    near = did_you_mean(value, places)
    return f"{near[0].lower()}{near[1:-1]}?" if near.startswith("Did") else "write a place, such as Europe/Berlin, or UTC"


_YEARS = range(1900, 2200)


def _no_number(value: Any) -> Any:
    if isinstance(value, int | float) or (isinstance(value, str) and value.strip().lstrip("+-").replace(".", "").isdigit()):
        raise ValueError(f"{value!r} is no date; write it as 2026-01-31")
    return value


def _of_our_time(value: date) -> date:
    if value.year not in _YEARS:
        raise ValueError(f"the year {value.year} lies outside of {_YEARS[0]} to {_YEARS[-1]}; write a date as 2026-01-31")
    return value


def _code(value: str) -> str:
    if not _CODE.match(value):
        raise ValueError(
            f"{value!r} names no code; write an import path such as acme.alerts.page, or module:function for include/module.py"
        )
    return value


Name = Annotated[str, StringConstraints(pattern=NAME, max_length=100), Shape("name")]
BranchName = Annotated[str, StringConstraints(pattern=BRANCH, max_length=100), Shape("branch name")]
Whole = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
Moment = Annotated[date | datetime, BeforeValidator(_no_number), AfterValidator(_of_our_time)]
Zone = Annotated[str, AfterValidator(_known_zone), Shape("time zone")]
Names = Annotated[tuple[Name, ...], BeforeValidator(one_or_many)]
ConnectionId = Annotated[str, StringConstraints(min_length=1), Shape("connection id")]
Words = Annotated[tuple[str, ...], BeforeValidator(one_or_many)]
FunctionName = Annotated[str, StringConstraints(pattern=rf"^{FUNCTION}$"), Shape("`module:function`")]
"""A function under include/."""
Code = Annotated[
    str,
    AfterValidator(_code),
    Shape("import path, or `module:function`", {"type": "string", "pattern": rf"^({IMPORT_PATH}|{FUNCTION})$"}),
]
"""An import path, or ``module:function`` for a function under include/."""
ImportPath = Annotated[
    str,
    StringConstraints(pattern=rf"^{IMPORT_PATH}$"),
    Shape("import path", {"type": "string", "pattern": rf"^{IMPORT_PATH}$"}),
]


class Part(BaseModel):
    """Base of all models here: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # a parsed DAG file pays for the models that it uses


class Made(Part):
    """An object, made by calling what an import path names."""

    uses: ImportPath
    """Import path of the class, or of a function that makes the object."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Its arguments, by name; each may itself be such an object."""
    args: tuple[Any, ...] = ()
    """Its arguments by position, for what takes them so only."""


class Reference(Part):
    """A function or an object of Python's. A plain text is short for ``{import: …}``."""

    import_: Code | None = Field(default=None, alias="import")
    """The function itself: an import path, or ``module:function`` for ``include/module.py``."""
    uses: ImportPath | None = None
    """Import path of a class, such as a notifier's, to be called with ``with``."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Arguments: of the class, or handed to the function whenever it is called."""
    args: tuple[Any, ...] = ()
    """The same by position."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_thing_itself(cls, value: Any) -> Any:
        return {"import": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.import_ is None) == (self.uses is None):
            raise ValueError("give either 'import' or 'uses'; import names a function, uses names a class to be made with 'with'")
        return self


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


Callbacks = Annotated[
    tuple[Reference, ...], BeforeValidator(_listed), Shape.one_or_many("function, or `{uses: class, with: {…}}`", "Reference")
]
