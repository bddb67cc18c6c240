"""The nodes of a pipeline: steps, and groups of them."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, field_validator, model_validator

from tidegate.model.effort import Defaults, Effort
from tidegate.model.parts import IMPORT_PATH, BranchName, Flag, FunctionName, Name, Part, Whole, Words
from tidegate.model.shapes import Shape

_USES = rf"^({IMPORT_PATH}|[A-Za-z_][A-Za-z0-9_-]*(@\d+)?|.*\$\{{.*)$"
"""An import path, or the name of a kind or a template with or without its version; either may hold variables."""
StepPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$", max_length=250), Shape("step name")]


class Need(Part):
    """A step that must have ended before this one starts. A plain text is short for ``{step: …}``."""

    step: StepPath
    """Its name: of a step beside this one, or of one further out; ``group.step`` reaches into a group."""
    because: Literal["data", "rule", "resource"] | None = None
    """Why: it makes what this one reads, a rule says so, or both use one thing. ``data`` by default; what is written stands on the edge in Airflow's
    graph."""
    label: str | None = None
    """Words for the edge in place of the reason."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_step(cls, value: Any) -> Any:
        return {"step": value} if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


def _held(value: Any) -> Any:
    return {value: 1} if isinstance(value, str) else value


Needs = Annotated[tuple[Need, ...], BeforeValidator(_listed), Shape.one_or_many("step", "Need")]


class Breaker(Part):
    """When a branch whose source does not answer is no longer read every night."""

    open_after: Whole = Field(ge=1)
    """Bad nights in a row after which a night begins with one cheap probe, and the branch is read only where that passes. A night is bad when the source
    did not answer, or not in time; bad data, a refused password or a wrong query are not counted. Only scheduled runs count."""


class BranchSettings(Effort):
    """What one branch has of its own, over the step's word."""

    breaker: Annotated[Breaker | None, Shape("mapping, or null", {"anyOf": [{"$ref": "#/definitions/Breaker"}, {"type": "null"}]})] = None
    """Of an extract: for this branch, over the step's word; ``null`` for none."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Settings over those of the step, or of the group's defaults; mappings are merged."""


class Shares(Part):
    """The rows of all branches that arrived at a barrier, dealt out anew: one task of a transform for each share."""

    of: StepPath
    """The barrier."""
    by: Words = Field(min_length=1)
    """The column, or columns, whose values say which share a row belongs to: rows of equal values share a task, whatever branch they are of. Numbers with
    fractions of any size (``float``) and ``bytes`` cannot say so."""
    into: Whole | None = Field(default=None, ge=2, le=1024)
    """How many shares there are. Of a hash over ``by`` the remainder says which one a row is in; a share may be empty. By default one for each value, or
    combination of values, among the rows that arrived, NULL being one; a task ahead finds them, and fails where they are more than Airflow's
    ``max_map_length``."""


SHARES_MARK, _BRANCHES_MARK = "·shares", "·branches"
_DEALT = frozenset(("of", "by", "into"))


def _dealt(value: Any) -> str:
    """Which of two a value of ``for_each`` means: branches may be called ``by``, and have mappings for their settings."""
    if isinstance(value, dict):
        dealt = any(not isinstance(value[key], dict | BranchSettings) for key in _DEALT.intersection(value))
        return SHARES_MARK if dealt else _BRANCHES_MARK
    return SHARES_MARK if isinstance(value, Shares) else _BRANCHES_MARK


_Branches = Name | tuple[BranchName, ...] | dict[BranchName, BranchSettings]
Over = Annotated[Annotated[Shares, Tag(SHARES_MARK)] | Annotated[_Branches, Tag(_BRANCHES_MARK)], Discriminator(_dealt)]
_OVER: dict[str, Any] = {
    "type": "object",
    "maxProperties": 1,
    "additionalProperties": {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
            {"$ref": "#/definitions/Shares"},
            {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/definitions/BranchSettings"}},
        ]
    },
}


class Node(Part):
    """What steps and groups share."""

    needs: Needs = ()
    """The steps that must have ended before this one starts: one, or a list; with ``{step: …, because: …}`` to say why."""
    for_each: Annotated[
        dict[Name, Over],
        Field(max_length=1),
        Shape(
            "mapping of one name to a list of branches, to a mapping of branches to their own settings, to a step, or to shares of its rows",
            _OVER,
        ),
    ] = Field(default_factory=dict)
    """``{region: [a, b]}``: one task for each branch, and ``{region}`` is its name. ``{part: arrived}``: one task for each branch that arrived at that
    barrier, or for each item that a step returned. ``{part: {of: arrived, by: customer_id, into: 8}}``: eight tasks, each with a share of all rows;
    without ``into`` one task for each value."""
    display_name: str | None = None
    """What it is called in the UI."""

    @property
    def dimension(self) -> str | None:
        """The name of what it is repeated over, such as ``region``."""
        return next(iter(self.for_each), None)

    @property
    def branches(self) -> tuple[str, ...]:
        """The branches that the file names; empty where it is not repeated, or only at run time."""
        over = next(iter(self.for_each.values()), ())
        return () if isinstance(over, str | Shares) else tuple(over)

    @property
    def own_settings(self) -> dict[str, BranchSettings]:
        """Branch → what it has of its own, where the file says so."""
        if not self.for_each:
            return {}
        over = next(iter(self.for_each.values()))
        return over if isinstance(over, dict) else {}

    @property
    def mapped_over(self) -> str | None:
        """The step over whose results it is repeated at run time."""
        over = next(iter(self.for_each.values()), None)
        return over.of if isinstance(over, Shares) else over if isinstance(over, str) else None

    @property
    def shares(self) -> Shares | None:
        """How rows are dealt out anew, where they are."""
        over = next(iter(self.for_each.values()), None)
        return over if isinstance(over, Shares) else None

    @field_validator("for_each", mode="before")
    @classmethod
    def _one_thing(cls, value: Any) -> Any:
        if (
            isinstance(value, dict)
            and len(value) > 1
            and not _DEALT.isdisjoint(value)
            and isinstance(first := next(iter(value.values())), str)
        ):
            said = ", ".join([f"of: {first}", *(f"{key}: …" for key in ("by", "into") if key in value)])
            raise ValueError(f"for_each names one thing, and {', '.join(value)} are given; write {{{next(iter(value))}: {{{said}}}}}")
        return value

    @field_validator("for_each")
    @classmethod
    def _unique_branches(cls, value: dict[str, Over]) -> dict[str, Over]:
        for dimension, over in value.items():
            if isinstance(over, str | Shares):
                continue
            if not over:
                raise ValueError(f"{dimension} has no branches; name at least one")
            names = list(over)
            if double := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{dimension} names {', '.join(double)} more than once; a branch is one thing")
        return value


class Step(Node, Effort):
    """One node of the pipeline, or one for each branch of a fan-out. Give exactly one of ``uses``, ``python`` and ``steps``."""

    uses: Annotated[str, Shape("kind, or import path", {"type": "string", "pattern": _USES})] | None = None
    """A kind: ``extract``, ``barrier``, ``transform``, ``load``, ``branch``, ``pipeline``, a template or a kind of your own, with ``@2`` for a version; or
    the import path of any Airflow operator or sensor."""
    python: FunctionName | None = None
    """``module:function`` under include/, called in the task; ``with`` holds its arguments, and parameters named as in Airflow's context get that."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """The settings of the kind, or the arguments of the operator or function. ``{from: step}`` is what a step returned, ``{uses: path, with: {…}}`` an
    object, ``{import: path}`` a function or class itself."""
    when: bool | str | None = None
    """Skip the step unless this is true: a template such as ``"{{ params.full }}"``, or ``module:function`` of the context under include/."""
    expand: dict[str, Any] = Field(default_factory=dict)
    """Arguments to map over, one task for each combination: argument → list, mapping, or ``{from: step}``."""
    expand_kwargs: Annotated[Any, Shape("list of mappings, `{from: step}`, or `{zip: {…}}`", {"type": ["array", "object"]})] = None
    """One task for each mapping of arguments: a list of them, ``{from: step}``, or ``{zip: {argument: list or {from: step}}}`` side by side."""
    holds: Annotated[
        dict[Name, Annotated[Whole, Field(ge=1)]],
        BeforeValidator(_held),
        Field(max_length=1),
        Shape("resource, or mapping of one resource to slots", {"anyOf": [{"type": "string"}, {"type": "object", "maxProperties": 1}]}),
    ] = Field(default_factory=dict)
    """A resource of the pipeline that each task of the step takes a slot of, or ``{erp: 2}`` for more."""
    breaker: Breaker | None = None
    """Of an extract whose branches a barrier joins: when to stop trying a source that has been down for nights; by default never."""
    setup: Flag = False
    """Whether the step prepares what its teardown takes down again; a step that a teardown names is one anyway."""
    teardown: Annotated[tuple[StepPath, ...] | None, BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)] = None
    """The setups that this step takes down: it runs whenever they ran, and its failure does not fail the run."""
    on_failure_fail_dagrun: Flag = False
    """For a teardown: whether its failure fails the run all the same."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if self.uses is None and self.python is None:
            raise ValueError(
                "it says neither what it uses nor which python function it calls; give 'uses', 'python', or 'steps' for a group"
            )
        if self.uses is not None and self.python is not None:
            raise ValueError("it gives both 'uses' and 'python'; keep one of them")
        if self.setup and self.teardown is not None:
            raise ValueError("it is both a setup and a teardown; keep one of them")
        if "expand" in self.model_fields_set and not self.expand:
            raise ValueError("its 'expand' is empty; name the arguments to map over, or remove it")
        if self.expand and self.expand_kwargs is not None:
            raise ValueError("it gives both 'expand' and 'expand_kwargs'; keep one of them")
        if (self.expand or self.expand_kwargs is not None) and self.mapped_over is not None:
            raise ValueError("it is repeated by for_each and by expand at run time; keep one of them")
        if self.on_failure_fail_dagrun and self.teardown is None:
            raise ValueError("on_failure_fail_dagrun is said of a teardown; give 'teardown', or remove it")
        return self


class Group(Node):
    """Steps within a step: a task group in Airflow, or one for each branch."""

    steps: dict[Name, "AnyStep"] = Field(min_length=1)
    """The steps inside; their names are theirs alone."""
    serial: Flag = False
    """Whether the steps run one after the other, in the order of the file."""
    defaults: Defaults = Field(default_factory=Defaults)
    """For all steps inside, over the pipeline's."""
    doc_md: str | None = None
    """Documentation on the group's page, as Markdown."""
    tooltip: str | None = None
    """What the group says of itself in the graph."""
    ui_color: str | None = None
    """Colour of the group in the graph."""
    ui_fgcolor: str | None = None
    """Colour of the group's name in the graph."""
    prefix_group_id: Flag = True
    """Whether the ids of the tasks inside begin with the group's name."""


def _which(value: Any) -> str:
    if isinstance(value, dict):
        return GROUP_MARK if "steps" in value else STEP_MARK
    return GROUP_MARK if isinstance(value, Group) else STEP_MARK


STEP_MARK, GROUP_MARK = "·step", "·group"
"""What pydantic puts into the path of an error, and no path of a file can hold."""
AnyStep = Annotated[Annotated[Step, Tag(STEP_MARK)] | Annotated[Group, Tag(GROUP_MARK)], Discriminator(_which)]
