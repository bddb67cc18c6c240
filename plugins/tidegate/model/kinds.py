"""The settings of each built-in kind, as they stand under ``with``."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from tidegate.model.accept import AMOUNT, AcceptResult
from tidegate.model.durations import Duration, parse_duration, parse_moment
from tidegate.model.extracts import ExtractSettings
from tidegate.model.kind import BUILT_IN, Settings
from tidegate.model.parts import BranchName, Flag, FunctionName, Name, Part, Whole, Words, Zone, one_or_many
from tidegate.model.shapes import DURATION, Shape
from tidegate.model.step import StepPath
from tidegate.model.terms import TABLE, Connection, Params, repeated

_DECIDE_BY: dict[str, Any] = {"type": "string", "pattern": r"^\s*(([01]?\d|2[0-3]):[0-5]\d|(\d+(\.\d+)?\s*(d|h|min|m|s)\s*)+)\s*$"}
Consequence = Literal["continue", "abort"]
_ON_FAILURE: dict[str, Any] = {
    "anyOf": [
        {"enum": ["continue", "abort"]},
        {"type": "object", "minProperties": 1, "additionalProperties": {"enum": ["continue", "abort"]}},
    ]
}
_LAST_GOOD = timedelta(days=7)
_ON_MISSING: dict[str, Any] = {
    "anyOf": [
        {"enum": ["omit", "last_good"]},
        {"type": "object", "required": ["last_good"], "additionalProperties": False, "properties": {"last_good": DURATION}},
    ]
}


def _last_good(value: Any) -> timedelta | None:
    """How old rows may be that stand in for a missing branch; None where none do."""
    if isinstance(value, dict) and set(value) == {"last_good"}:
        return parse_duration(value["last_good"])
    if value not in ("omit", "last_good"):
        raise ValueError(f"{value!r} is nothing that can stand in; write omit, last_good, or {{last_good: 3d}}")
    return _LAST_GOOD if value == "last_good" else None


def _moment(value: str) -> str:
    parse_moment(value)
    return value


class Enough(Part):
    """A rule about what arrived: all that it says must hold."""

    at_least: Annotated[str | Whole, Shape("whole number, or percentage", AMOUNT)] | None = None
    """A count, or a percentage of the branches expected, rounded up; one at the least."""
    required: Annotated[tuple[BranchName, ...], BeforeValidator(one_or_many)] = ()
    """Branches without which it is never enough."""
    coverage: Annotated[str | Whole, Shape("percentage", AMOUNT["anyOf"][1])] | None = None
    """A percentage of the usual rows: of each branch the median of its last 14 nights, at most so many from each. It judges once a branch has
    come on three of them, by the ledger of the load behind the barrier; a branch of whom nothing is known yet is needed where ``at_least`` says no number."""

    @field_validator("at_least", "coverage")
    @classmethod
    def _quantity(cls, value: Any, info: ValidationInfo) -> Any:
        from tidegate.model.quantity import AtLeast

        if value is not None:
            AtLeast.parse(value) if info.field_name == "at_least" else AtLeast.percentage(value)
        return value


class Patience(Part):
    """How much longer than usual a branch may take: of each the median of its last 14 nights, from the fifth on, times how slow the others are tonight."""

    times: Annotated[float, Field(ge=1)] = 3.0
    """So many times as long as usual."""
    at_least: Duration = timedelta(minutes=10)
    """Nobody is late before that."""

    @model_validator(mode="before")
    @classmethod
    def _a_word(cls, value: Any) -> Any:
        if isinstance(value, str) and value != "learned":
            raise ValueError(f"{value!r} is no patience; write learned, or how much longer than usual: {{times: 4, at_least: 20m}}")
        return {} if value == "learned" else value


class BarrierSettings(Enough, Settings):
    """Decides whether what arrived is enough: all branches, where it says neither ``at_least``, ``coverage`` nor ``any``."""

    model_config = repeated({"maxProperties": 0})

    any: tuple[Enough, ...] = ()
    """Rules of which one must hold besides, such as ``[{at_least: 9}, {required: [emea], coverage: 95%}]``."""
    weight: dict[BranchName, Annotated[Whole, Field(ge=0)]] = Field(default_factory=dict)
    """Branch → how many it counts as for ``at_least``; 1 where nothing is said."""
    on_missing: Annotated[
        timedelta | None, BeforeValidator(_last_good), Shape("`omit`, `last_good`, or `{last_good: 3d}`", _ON_MISSING)
    ] = None
    """What is handed on in place of a branch that is missing when enough is there: nothing, by default; or the rows that it staged for the newest earlier
    interval of the same length, marked as stale, until a catch-up replaces them. They are at most 7 days old, or as old as is said: ``{last_good: 3d}``."""
    expire: Duration = timedelta(days=30)
    """How long after the night a branch that is missing is still caught up by itself."""
    decide_by: Annotated[str, AfterValidator(_moment), Shape("time of day, or duration", _DECIDE_BY)] | None = None
    """When it decides though branches are still at work: a time of day in the schedule's zone, such as ``"04:30"``, or a duration from the run's start,
    such as ``2h30m``. What has not begun by then is skipped, and no retry begins that late. By default it waits until all have ended."""
    early: Flag = False
    """Whether it decides as soon as enough has arrived, without waiting for the others."""
    patience: Patience | None = None
    """``learned``: it does not wait for a branch that takes much longer than it usually does, where enough is there without it. ``{times: 4, at_least:
    20m}`` says how much longer. By default it waits."""
    late: Literal["catch_up", "stop"] = "catch_up"
    """What becomes of a branch that is still at work when it is decided: it may end, and a catch-up takes what it brought; or it is stopped."""
    on_short: Literal["finish", "stop"] = "finish"
    """What becomes of the others when it cannot be enough any more: they may finish, for a catch-up; or they are stopped, and it is decided at once."""
    on_failure: Annotated[
        Consequence | dict[BranchName, Consequence],
        Shape("`continue`, `abort`, or mapping of branches to these", _ON_FAILURE),
    ] = "continue"
    """What follows when a branch has failed for good: the others go on; or the night ends at once as short, and they are stopped. For all branches,
    or for some: ``{us_east: abort}``."""

    @property
    def aborting(self) -> tuple[str, ...] | None:
        """The branches whose failure ends the night; None for all of them."""
        if isinstance(self.on_failure, dict):
            return tuple(branch for branch, word in self.on_failure.items() if word == "abort")
        return None if self.on_failure == "abort" else ()

    @property
    def watches(self) -> bool:
        """Whether it may decide before all branches have ended."""
        early = self.decide_by is not None or self.early or self.patience is not None
        return early or self.on_short == "stop" or self.aborting != ()


class TransformSettings(Settings):
    """Computes new rows from staged rows: by SQL in DuckDB, or by a pandas function."""

    model_config = repeated(
        {"additionalProperties": {"anyOf": [{"type": "string"}, {"$ref": "#/definitions/Shares"}]}},
        oneOf=[{"required": ["sql"]}, {"required": ["python"]}],
    )

    sql: str | None = None
    """A file under include/ that ends in ``.sql``, or the statement; it reads from ``input``, which has a column of the dimension's name.
    ``$interval_start``, ``$interval_end`` and ``$branch`` are bound."""
    python: str | None = None
    """``module:function`` under include/, such as ``transforms.sales:by_product``: of a frame with all rows, or a generator of many frames."""
    params: Params = Field(default_factory=dict)
    """More values: bound to the SQL as ``$name``, or passed to the function by name."""
    accept: AcceptResult = Field(default_factory=AcceptResult)
    timezone: Zone = "UTC"
    """The zone in which the interval's bounds are given to the SQL or the function."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.sql is None) == (self.python is None):
            raise ValueError("give either 'sql' or 'python', not both or neither; SQL runs in DuckDB, python is a function of a DataFrame")
        if self.python is not None and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", self.python):
            raise ValueError(f"python is {self.python!r}; write module:function, such as transforms.sales:by_product")
        return self


_WAYS: dict[str, Any] = {
    "oneOf": [
        {"required": ["replace"], "properties": {"mode": {"const": "replace"}}},
        {"required": ["merge"], "properties": {"mode": {"const": "merge"}}},
        {"required": ["mode"], "properties": {"mode": {"enum": ["append", "swap"]}, "replace": False, "merge": False}},
    ]
}


class LoadSettings(Settings):
    """Brings the interval's rows into a warehouse table, in one transaction with the ledger."""

    model_config = repeated({"maxProperties": 0}, **_WAYS)

    connection: Connection
    """Airflow connection id of the warehouse."""
    table: Annotated[str, TABLE]
    """``table`` or ``schema.table``."""
    mode: Literal["replace", "append", "merge", "swap"] = "replace"
    """What becomes of the rows that are there. ``replace``: those that share a key with new ones go. ``append``: all stay, and each branch of an interval
    is added once. ``merge``: a new row changes the one that has its key, or is added; the others stay. ``swap``: all go, and the new rows are the table.
    The keys of ``replace`` and ``merge`` say the mode by themselves."""
    replace: Words = Field(default=(), min_length=1)
    """Key columns: all rows that share a key with the new rows are replaced by them. They must tell days and branches apart."""
    merge: Words = Field(default=(), min_length=1)
    """Key columns, over which the table has a unique index: a new row changes the row that has its key, or is added."""
    create: Flag = True
    """Whether a table that is not there is made from the data."""
    add_columns: Flag = False
    """Whether columns of the rows that the table lacks are added to it, without a value in the rows that are there."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [word for word in ("replace", "merge") if getattr(self, word)]
        said = self.mode if "mode" in self.model_fields_set else None
        if len(given) > 1 or (said is not None and given and given != [said]):
            words = [f"'{word}' columns" for word in given] + ([f"mode: {said}"] if said is not None else [])
            raise ValueError(f"a load has one mode, and {' and '.join(words)} are given; leave one of them out")
        if not given and said in {"replace", "merge"}:
            raise ValueError(f"mode: {said} needs key columns; give {said}: [columns]")
        if not given and said is None:
            ways = "replace: [columns], merge: [columns], mode: append or mode: swap"
            raise ValueError(f"nothing says what becomes of the rows that are there; give {ways}")
        return self


class Case(Part):
    """One way on from a branch step."""

    if_: str = Field(alias="if")
    """A template; the way is taken when it renders to something true."""
    then: Annotated[tuple[StepPath, ...], BeforeValidator(one_or_many)] = Field(min_length=1)
    """The steps that go on: each of them needs the branch step."""


class ChoiceSettings(Settings):
    """Decides which of the steps behind it go on; the others are skipped."""

    cases: tuple[Case, ...] = ()
    """The first whose ``if`` is true is taken."""
    else_: Annotated[tuple[StepPath, ...], BeforeValidator(one_or_many)] = Field(default=(), alias="else")
    """The steps that go on where no case is true; by default none."""
    python: FunctionName | None = None
    """``module:function`` under include/ in place of cases: given Airflow's context by parameter names, it returns the name of a step, or several."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if bool(self.cases) == (self.python is not None) or {"cases", "python"} <= self.model_fields_set:
            raise ValueError("give either 'cases' or 'python'; a case is {if: template, then: step}, python a function that returns names")
        if self.python is not None and self.else_:
            raise ValueError("'else' goes with 'cases'; the function decides alone")
        return self


class PipelineSettings(Settings):
    """Starts a run of another pipeline about the same interval, under the same correlation id, and waits for it."""

    pipeline: Name
    """The other pipeline's name, or any DAG's id."""
    conf: dict[str, Any] = Field(default_factory=dict)
    """More for the run's configuration, such as ``{region: [emea]}``; templates are rendered."""
    wait: Flag = True
    """Whether the step ends when that run has ended, and fails when it failed; else it ends at once."""
    poll: Duration = timedelta(seconds=10)
    """How often it looks."""
    deferrable: Flag = True
    """Whether it waits in the triggerer, where it holds no worker slot."""


class SqlSettings(Settings):
    """Runs SQL statements in a database, all in one transaction: what the warehouse computes of rows that it holds already."""

    connection: Connection
    """Airflow connection id; ``{region}`` stands for the branch's name."""
    sql: str
    """A file under include/ that ends in ``.sql``, or the statements themselves, with ``;`` between them. ``:interval_start``, ``:interval_end`` and
    ``:branch`` are bound. A step that is tried again runs them again: write them so that this does no harm."""
    params: Params = Field(default_factory=dict)
    """More values to bind, by name."""
    timezone: Zone = "UTC"
    """The zone in which the interval's bounds are given to a database whose columns have none."""


BuiltIn = ExtractSettings | BarrierSettings | TransformSettings | LoadSettings | ChoiceSettings | PipelineSettings | SqlSettings
_SETTINGS: tuple[type[Settings], ...] = (
    ExtractSettings,
    BarrierSettings,
    TransformSettings,
    LoadSettings,
    ChoiceSettings,
    PipelineSettings,
    SqlSettings,
)
KINDS = dict(zip(BUILT_IN, _SETTINGS, strict=True))
"""Every built-in kind by the word that ``uses`` takes."""
