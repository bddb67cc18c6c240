"""What changes between two plans: arguments, tasks, groups, edges. Order and layout of the files do not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tidegate.plan.calls import Call, Zipped
from tidegate.plan.layout import PlannedTask
from tidegate.render.plain import plain, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tidegate.plan.layout import Edge, Plan, PlannedGroup

Kind = Literal["dag", "group", "task", "edge"]


class _Absent:
    """What stands in place of a value that is not there."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Any = _Absent()
_NOTHING: tuple[Any, ...] = ("", None, False, {}, [], ())
_WIDEST = 200
_SHORT = 4
"""Of a list: what is read at a glance."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs."""

    kind: Kind
    name: str
    """The task, the group, the edge as ``a → b``; the pipeline for an argument of the DAG."""
    argument: str = ""
    """Which argument, dotted where it lies deeper; empty where the thing as a whole is new or gone."""
    old: Any = ABSENT
    """What it was; :data:`ABSENT` for something new."""
    new: Any = ABSENT
    """What it is; :data:`ABSENT` for something gone."""

    @property
    def sign(self) -> str:
        """``+`` new, ``-`` gone, ``~`` changed."""
        return "+" if self.old is ABSENT else "-" if self.new is ABSENT else "~"

    def line(self) -> str:
        """The change on one line: ``~ task load  retries: 3 → 5``."""
        subject = f"{self.sign} {self.kind} {self.name}"
        if not self.argument:
            told = words(self.new if self.old is ABSENT else self.old, most=_WIDEST)
            return f"{subject}  {told}" if told not in {"", '""'} else subject
        if self.sign != "~":
            return f"{subject}  {self.argument}: {words(self.new if self.sign == '+' else self.old, most=_WIDEST)}"
        old, new = _told_apart(self.old, self.new)
        return f"{subject}  {self.argument}: {old} → {new}"

    def as_dict(self) -> dict[str, Any]:
        """The change in JSON's types: ``change`` (added, removed, changed), ``kind``, ``name``, ``argument``, and ``old``, ``new`` where there."""
        document = {"change": {"+": "added", "-": "removed", "~": "changed"}[self.sign], "kind": self.kind, "name": self.name}
        values = {name: plain(value) for name, value in (("old", self.old), ("new", self.new)) if value is not ABSENT}
        return {**document, "argument": self.argument, **values}


def difference(old: Plan, new: Plan) -> tuple[Change, ...]:
    """Everything that differs between two plans of a pipeline: the DAG, groups, tasks, edges, each in the order of the newer plan.

    Nothing differs exactly where both would make the same DAG. A task that was renamed is one gone and one new.
    """
    return (
        *_arguments("dag", new.name, {"dag_id": old.name, **old.arguments}, {"dag_id": new.name, **new.arguments}),
        *_things("group", {one.group_id: one for one in old.groups}, {one.group_id: one for one in new.groups}),
        *_things("task", {one.task_id: one for one in old.tasks}, {one.task_id: one for one in new.tasks}),
        *_edges(old.edges, new.edges),
    )


def _things(
    kind: Kind, old: Mapping[str, PlannedTask] | Mapping[str, PlannedGroup], new: Mapping[str, PlannedTask] | Mapping[str, PlannedGroup]
) -> Iterator[Change]:
    for name, one in old.items():
        if name not in new:
            yield Change(kind, name, old=_summary(one))
    for name, one in new.items():
        if name not in old:
            yield Change(kind, name, new=_summary(one))
        else:
            yield from _arguments(kind, name, _said(old[name]), _said(one))


def _summary(one: PlannedTask | PlannedGroup) -> str:
    return one.function or one.call.path if isinstance(one, PlannedTask) else ""


def _said(one: PlannedTask | PlannedGroup) -> dict[str, Any]:
    """All that a task or a group is made of, as arguments. Where something is not said, it is not there."""
    if not isinstance(one, PlannedTask):
        return {**one.arguments, **({"group": one.parent} if one.parent else {})}
    flags = {
        "group": one.group,
        "function": one.function,
        "expand": one.expand,
        "expand_kwargs": one.expand_kwargs,
        "setup": one.setup,
        "on_failure_fail_dagrun": one.on_failure_fail_dagrun,
    }
    positional = {f"argument {number}": value for number, value in enumerate(one.call.positional, 1)}
    teardown = {} if one.teardown is None else {"teardown": list(one.teardown)}
    written = {name: value for name, value in flags.items() if value not in _NOTHING}
    inputs = {f"with.{name}": value for name, value in one.inputs.items()}
    return {"uses": one.call.path, **positional, **one.call.arguments, **inputs, **written, **teardown}


def _arguments(kind: Kind, name: str, old: Mapping[str, Any], new: Mapping[str, Any], above: str = "") -> Iterator[Change]:
    """The differences of two mappings, entered as deep as both go the same way."""
    for key in dict.fromkeys([*new, *old]):
        before, after = old.get(key, ABSENT), new.get(key, ABSENT)
        if _equal(before, after):
            continue
        path = f"{above}.{key}" if above else str(key)
        inside = _inside(before, after)
        if inside is None:
            yield Change(kind, name, path, before, after)
        else:
            yield from _arguments(kind, name, *inside, above=path)


def _equal(before: Any, after: Any) -> bool:
    """Whether two values make the same; ``True`` and ``1`` do not, though Python says so."""
    return type(before) is type(after) and repr(before) == repr(after) if isinstance(before, bool | int | float) else bool(before == after)


def _inside(before: Any, after: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """What to compare within two values: mappings, and calls of the same thing."""
    match before, after:
        case Mapping(), Mapping():
            return before, after
        case Call(), Call() if before.path == after.path:
            return _numbered(before), _numbered(after)
        case Zipped(), Zipped():
            return before.arguments, after.arguments
    return None


def _numbered(call: Call) -> dict[str, Any]:
    return {**{str(number): value for number, value in enumerate(call.positional, 1)}, **call.arguments}


def _edges(old: Iterable[Edge], new: Iterable[Edge]) -> Iterator[Change]:
    before, after = _by_ends(old), _by_ends(new)
    for ends, said in before.items():
        if ends not in after:
            yield Change("edge", ends, old=_reasons(said))
    for ends, said in after.items():
        if ends not in before:
            yield Change("edge", ends, new=_reasons(said))
        elif said != before[ends]:
            yield Change("edge", ends, "because", _reasons(before[ends]) or "data", _reasons(said) or "data")


def _by_ends(edges: Iterable[Edge]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for edge in edges:
        said = found.setdefault(f"{edge.upstream} → {edge.downstream}", [])
        if (edge.because, edge.label) not in said:
            said.append((edge.because, edge.label))
    return {ends: sorted(said) for ends, said in found.items()}


def _reasons(said: list[tuple[str, str]]) -> str:
    """``data`` goes without saying."""
    told = [because if not label else f"{because} ({label})" for because, label in said]
    return "" if told == ["data"] else ", ".join(told)


def _told_apart(old: Any, new: Any) -> tuple[str, str]:
    """Two values in words: long ones from a little before where they part; a text in quotes where it looks like something else."""
    if isinstance(old, list) and isinstance(new, list) and (items := _items(old, new)):
        return items
    one, other = words(old), words(new)
    if one == other:
        one, other = words([old])[1:-1], words([new])[1:-1]
    if max(len(one), len(other)) > _WIDEST:
        parting = next((index for index, pair in enumerate(zip(one, other, strict=False)) if len({*pair}) > 1), min(len(one), len(other)))
        begin = max(0, parting - 20)
        one, other = ("…" * bool(begin) + text[begin:] for text in (one, other))
    return words(one, most=_WIDEST), words(other, most=_WIDEST)


def _items(old: list[Any], new: list[Any]) -> tuple[str, str] | None:
    """Long lists by what they do not share, where all that they share stands in the same order."""
    gone, come = [item for item in old if item not in new], [item for item in new if item not in old]
    same = [item for item in old if item in new] == [item for item in new if item in old]
    if min(len(old), len(new)) <= _SHORT or not same or not (gone or come):
        return None
    signs = [*(f"-{words(item, most=_WIDEST)}" for item in gone), *(f"+{words(item, most=_WIDEST)}" for item in come)]
    return f"{len(old)} items", f"{len(new)} items ({', '.join(signs)})"
