"""What is right of a pipeline in which something is wrong: the checks look at it in the same go, and tell nothing that may be untrue.

What pydantic refuses is cut out, and a step that is wrong as a whole stands in by its name. Of what was cut, nothing is told again. Of what may hang
on it, only that is told which holds whatever should have stood there: names that no step has, code and files that are not there.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tidegate.model.keys import keys_at, unknown_key
from tidegate.model.kinds import ChoiceSettings
from tidegate.model.problems import is_other_way, place_in, report, words_of
from tidegate.model.spec import Pipeline
from tidegate.model.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tidegate.model.document import Document
    from tidegate.model.kind import Settings
    from tidegate.model.tree import Node
    from tidegate.model.yaml_source import Place

_ROUNDS = 50
_STANDS_IN: dict[str, Any] = {"uses": "airflow.sdk.BaseOperator"}
_BOUNDLESS = {"limit": 10**9}
_SHAPE = frozenset({
    "uses", "python", "steps", "needs", "for_each", "with", "expand", "expand_kwargs", "teardown", "setup", "serial", "prefix_group_id",
})  # fmt: skip
"""The keys of a step on which more hangs than themselves."""
_MEANT = re.compile(r"(?:Did you mean|Here it is called) '(\w+)")
_TOO_MUCH = "; keep one of them"
"""How a model says that too much is given, which is no less true of what is left once something is cut out."""


@dataclass(slots=True, eq=False)
class Remains:
    """The right parts of a pipeline, and what cannot be judged by them."""

    pipeline: Pipeline
    tree: Tree
    unsure: frozenset[Place]
    """Places of the steps whose shape is not known."""
    behind: frozenset[Place]
    """The same with all that wait for them: which rows come to these is not known."""
    gone: frozenset[str]
    """Names of steps that are not in the tree, or of which it does not know what is in them."""


def remains(document: Document, settings: Mapping[str, Settings], unknown: Iterable[Place]) -> Remains | None:
    """What is right of a document in which something is refused, the wrong parts muted in the document; None where nothing can be judged.

    :param settings: Step path → settings, for steps of a kind.
    :param unknown: Places of the steps whose kind is not known.
    """
    cutting = _Cutting(document, deepcopy(document.value))
    cutting.leave([*document.muted, *unknown])
    pipeline = cutting.pipeline()
    if pipeline is None:
        return None
    tree = Tree(pipeline)
    nodes = list(tree.nodes.values())
    if cutting.resources_unknown:
        document.muted += [(*node.at, "holds") for node in nodes]
    if cutting.unsure or cutting.gone:
        document.muted += [("defaults", "trigger_rule"), *((*node.at, "defaults", "trigger_rule") for node in nodes if node.is_group)]
    unsure = {node.path for node in nodes if any(around.at in cutting.unsure for around in node.lineage)}
    unsure |= {node.path for node in nodes if any(target.path in unsure for target in _chosen(tree, node, settings))}
    behind = {node.path for node in nodes} if cutting.order_unknown else _behind(tree, unsure)
    return Remains(
        pipeline,
        tree,
        frozenset(tree.nodes[path].at for path in unsure),
        frozenset(tree.nodes[path].at for path in behind),
        frozenset(cutting.gone | {tree.nodes[path].name for path in unsure}),
    )


def _behind(tree: Tree, unsure: Iterable[str]) -> set[str]:
    """The paths of the nodes that are not sure, and of those that wait for them in whatever way."""
    found: set[str] = set(unsure)
    while True:
        more = {
            node.path
            for node in tree.nodes.values()
            if node.path not in found and any(_touches(other, found) for other in (*node.lineage[:-1], *tree.waits_for(node)))
        }
        if not more:
            return found
        found |= more


def _touches(node: Node, paths: set[str]) -> bool:
    return any(around.path in paths for around in node.lineage) or (node.is_group and any(step.path in paths for step in node.within()))


def _chosen(tree: Tree, node: Node, settings: Mapping[str, Settings]) -> Iterator[Node]:
    """The steps among which a branch chooses, each of which must need it."""
    found = settings.get(node.path)
    if isinstance(found, ChoiceSettings):
        names = [*found.else_, *(name for case in found.cases for name in case.then)]
        yield from (target.node for name in names if (target := tree.find(name, node)))


@dataclass(slots=True, eq=False)
class _Cutting:
    """Cuts out of a pipeline's value what pydantic refuses, until it refuses nothing."""

    document: Document
    value: dict[str, Any]
    unsure: set[Place] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    resources_unknown: bool = False
    order_unknown: bool = False
    _cut: set[Place] = field(default_factory=set)

    def leave(self, muted: Iterable[Place]) -> None:
        """Leave in what is muted already: pydantic may take it, and nobody knows what should have stood there."""
        for place in muted:
            node, rest = _node(place)
            if node is not None and (not rest or rest[0] in _SHAPE):
                self.unsure.add(node)

    def pipeline(self) -> Pipeline | None:
        """What is left, as a pipeline."""
        for turn in range(_ROUNDS):
            try:
                return Pipeline.model_validate(self.value)
            except ValidationError as error:
                problems = [(place_in(problem["loc"], self.value), problem) for problem in error.errors(include_url=False)]
            self._cut.clear()
            for place, problem in problems:
                if turn and _TOO_MUCH in problem["msg"]:
                    report(self.document, place, *words_of(Pipeline, place, [problem]))
                if not is_other_way(place, problem, [other for other, _ in problems]):
                    self._without(place, problem)
            if () in self._cut:
                return None
        return None

    def _without(self, place: Place, problem: Any) -> None:
        """Cut out what a problem is about."""
        place = self._owner(place, problem)
        if any(place[: len(cut)] == cut for cut in self._cut):
            return
        self._cut.add(place)
        node, rest = _node(place)
        if place != (node or ()):
            self.document.muted.append(place)
        if place in {("pipeline",), ("steps",)}:
            self.value[str(place[0])] = "unnamed" if place == ("pipeline",) else {"unnamed": _STANDS_IN}
        elif node is None:
            self._of_pipeline(place, problem)
        elif not rest or rest == ("steps",):
            self._step(node, is_name="[key]" in problem["loc"])
        else:
            self._of_step(node, rest, problem)

    def _owner(self, place: Place, problem: Any) -> Place:
        """The place of what is cut out: never an item of a list, for those behind it would move up."""
        if place in {("pipeline",), ("steps",)}:
            return place
        place = place[:-1] if problem["type"] == "missing" else place
        place = next((place[:index] for index, part in enumerate(place) if isinstance(part, int)), place)
        while not (self._holds(place) or place in self._cut):
            place = place[:-1]
        return place

    def _of_pipeline(self, place: Place, problem: Any) -> None:
        if not place:
            return
        unknown, meant = problem["type"] == "extra_forbidden", _meant(problem)
        self.order_unknown |= "serial" in {meant, place[0]}
        self.resources_unknown |= place == ("resources",) or (unknown and meant in {"", "resources"} and "resources" not in self.value)
        if place[0] == "schedule":
            self.document.muted.append(("schedule",))
        if place[0] == "resources" and len(place) > 1 and self.value["resources"][place[1]] != _BOUNDLESS:
            self.value["resources"][place[1]] = _BOUNDLESS
        else:
            self._remove(place)

    def _of_step(self, node: Place, rest: Place, problem: Any) -> None:
        word = rest[3] if rest[0] == "for_each" and len(rest) > 3 else rest[0]  # noqa: PLR2004  for_each, dimension, branch, key
        meant = _meant(problem)
        if (meant or word) in _SHAPE or (problem["type"] == "extra_forbidden" and not meant):
            self.unsure.add(node)
        self._remove((*node, *rest))

    def _step(self, node: Place, *, is_name: bool) -> None:
        """Put a step in place of one that is wrong as a whole: what it waits for and what it is repeated over are known at times."""
        body = self._parent(node)[node[-1]]
        self.unsure.add(node)
        if is_name:
            self.gone.add(str(node[-1]))
            self._remove(node)
            return
        keys = body if isinstance(body, dict) else {}
        self.document.muted += [(*node, key) for key in (*keys, "uses") if key != "needs"]
        known = {key: keys[key] for key in ("needs", "for_each") if key in keys}
        self._parent(node)[node[-1]] = _STANDS_IN if body == {**known, **_STANDS_IN} else {**known, **_STANDS_IN}

    def _parent(self, place: Place) -> Any:
        here: Any = self.value
        for part in place[:-1]:
            here = here[part]
        return here

    def _holds(self, place: Place) -> bool:
        here: Any = self.value
        for part in place:
            if not isinstance(here, dict) or part not in here:
                return False
            here = here[part]
        return True

    def _remove(self, place: Place) -> None:
        self._parent(place).pop(place[-1])


def _node(place: Place) -> tuple[Place | None, Place]:
    """The step in which a place lies, and the rest of the place."""
    end = 0
    while len(place) > end + 1 and place[end] == "steps":
        end += 2
    return (place[:end], place[end:]) if end else (None, place)


def _meant(problem: Any) -> str:
    """The key that an unknown one was meant to be, where its finding says so."""
    if problem["type"] != "extra_forbidden":
        return ""
    loc = problem["loc"]
    found = _MEANT.match(unknown_key(str(loc[-1]), keys_at(Pipeline, loc[:-1]))[1])
    return found[1] if found else ""
