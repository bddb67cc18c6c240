"""Code and files that a pipeline names: allowed, there, and given what they take."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from tidegate.errors import FileMissing
from tidegate.model.airflow_names import OPERATOR_ARGUMENTS, Elsewhere
from tidegate.model.check.code import check_code, check_environment, check_object, check_objects, check_slips
from tidegate.model.check.conditions import check_choice, check_condition
from tidegate.model.check.mapping import check_mapping
from tidegate.model.check.params import BOUND
from tidegate.model.findings import did_you_mean
from tidegate.model.kind import BUILT_IN
from tidegate.model.placeholders import PLACEHOLDER, fill
from tidegate.model.problems import shown
from tidegate.model.project import is_file, is_plain, is_sql_file
from tidegate.model.step import Group

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate.model.check.subject import Subject
    from tidegate.model.extracts import ExtractSettings, Hedge, Split
    from tidegate.model.step import Step
    from tidegate.model.tree import Node
    from tidegate.model.yaml_source import Place


def check_arguments(subject: Subject) -> None:
    """Report what is wrong with the code, files and results that steps name."""
    pipeline = subject.pipeline
    _file(subject, ("doc_md",), pipeline.doc_md or "")
    check_code(subject, pipeline, ())
    _for_all(subject, pipeline.defaults.with_, ("defaults", "with"))
    check_objects(subject, pipeline.user_defined_macros, ("user_defined_macros",))
    check_environment(subject, pipeline.jinja_environment_kwargs, ("jinja_environment_kwargs",))
    for node in subject.tree.nodes.values():
        if isinstance(node.body, Group):
            _for_all(subject, node.body.defaults.with_, (*node.at, "defaults", "with"))
            for branch, own in node.body.own_settings.items():
                _for_all(subject, own.with_, (*node.at, "for_each", node.body.dimension or "", branch, "with"))
        else:
            _step(subject, node)


def _for_all(subject: Subject, words: Mapping[str, Any], at: Place) -> None:
    """What defaults give to every operator."""
    check_objects(subject, words, at)
    _said_elsewhere(subject, words, at, "beside 'with'")


def _said_elsewhere(subject: Subject, words: Mapping[str, Any], at: Place, beside: str) -> None:
    """Tell of arguments that have a key of their own, or none at all."""
    for word in words:
        known = OPERATOR_ARGUMENTS.get(word)
        if isinstance(known, Elsewhere):
            subject.report((*at, word), f"'{word}' {known.why}", known.hint)
        elif known is not None and at[-1] == "with":
            subject.report((*at, word), f"'{word}' is said of the step, not under 'with'", f"Write it {beside}, as {known}.")


def _step(subject: Subject, node: Node) -> None:
    step = node.step
    of_kind = node.uses in BUILT_IN or node.path in subject.kinds
    if not of_kind:
        _specials(subject, node)
    if (step.expand or step.expand_kwargs is not None) and not of_kind:
        check_mapping(subject, node)
    if isinstance(step.when, str):
        check_condition(subject, (*node.at, "when"), step.when)
    if step.python is not None:
        _function(subject, node, step)
    elif of_kind:
        _of_kind(subject, node)
    elif "." in (step.uses or "") or ":" in node.uses:
        _operator(subject, node, step)
    else:
        words = [*BUILT_IN, *subject.registry.names(), *_templates(subject)]
        if node.uses not in words:  # else what is wrong with it is told already
            near = did_you_mean(node.uses, words)
            if node.uses.endswith(("Operator", "Sensor")):
                near = "An operator is named by its import path, such as airflow.providers.standard.operators.bash.BashOperator."
            hint = near if near.startswith("An") else f"{near} Or give an operator's import path."
            subject.report((*node.at, "uses"), f"there is no kind '{node.uses}'", hint)


def _specials(subject: Subject, node: Node) -> None:
    """What stands in place of plain data among a step's own arguments."""
    if node.is_plain:
        return
    for key in ("with", "expand", "expand_kwargs"):
        check_slips(subject, getattr(node.step, "with_" if key == "with" else key), (*node.at, key))
    for branch, own in node.step.own_settings.items():
        check_slips(subject, own.with_, (*node.at, "for_each", node.body.dimension or "", branch, "with"))
    for here, word, special in node.specials:
        if word != "from":
            check_object(subject, here, word, special)
            continue
        _result(subject, node, here, special)
        if "key" in special and here[len(node.at)] in {"expand", "expand_kwargs"}:
            hint = "Return the list itself from a step of its own."
            subject.report((*here, "key"), "Airflow maps over what a step returned, not over one of its keys", hint)
        elif not isinstance(special.get("key", ""), str):
            subject.report((*here, "key"), f"{shown(special['key'])} is no key of a result", "Write it as text, in quotes.")


def _of_kind(subject: Subject, node: Node) -> None:
    for word in ("expand", "expand_kwargs"):
        if getattr(node.step, word):
            subject.report((*node.at, word), f"a step of the kind '{node.uses}' is not mapped over arguments", "Use for_each.")
    if (settings := subject.settings.get(node.path)) is not None:
        _kind(subject, node, settings, (*node.at, "with"))
    for branch, settings in subject.own.get(node.path, {}).items():
        _kind(subject, node, settings, (*node.at, "for_each", node.body.dimension or "", branch, "with"))


def _templates(subject: Subject) -> list[str]:
    return sorted(
        path.stem for path in (subject.project.include / "templates").glob("*.yaml") if is_plain(path.name) and "@" not in path.stem
    )


def _operator(subject: Subject, node: Node, step: Step) -> None:
    uses = step.uses or ""
    subject.import_path((*node.at, "uses"), uses, function=f"python: {uses} in place of uses")
    for place, words in (("with", step.with_), ("expand", step.expand)):
        if words:
            _said_elsewhere(subject, words, (*node.at, place), "beside 'uses'")
    for branch, own in step.own_settings.items():
        _said_elsewhere(subject, own.with_, (*node.at, "for_each", step.dimension or "", branch, "with"), "beside 'with'")
    if subject.tree.dimensions:
        placed = {*node.dimensions, node.body.dimension}
        for word in _words([step.with_, step.expand, step.expand_kwargs, *(own.with_ for own in step.own_settings.values())]):
            if word not in placed and word in subject.tree.dimensions:
                subject.report((*node.at, "with"), f"{{{word}}} stands for nothing here", f"The step is not repeated over {word}.")


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from PLACEHOLDER.findall(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _words(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _words(item)


def _function(subject: Subject, node: Node, step: Step) -> None:
    at = node.at
    try:
        function = subject.functions.find(step.python or "")
    except FileMissing as error:
        subject.report((*at, "python"), error.message.rstrip("."), error.hint)
        return
    mapped = set(step.expand) | ({step.dimension} if step.mapped_over is not None and step.dimension else set())
    if step.expand_kwargs is not None:
        rows = step.expand_kwargs
        if not isinstance(rows, list):
            return
        mapped |= {name for row in rows if isinstance(row, dict) for name in row}
    unknown, missing = function.misfits(set(step.with_) | mapped)
    for word in unknown:
        place = next(
            (
                place
                for place in ("with", "expand", "expand_kwargs")
                if word in (getattr(step, f"{place}_".rstrip("_"), None) or step.with_ or ())
            ),
            "with",
        )
        hint = did_you_mean(word, function.signature.parameters) or "It takes no arguments."
        subject.report((*at, place, word), f"{step.python} takes no '{word}'", hint)
    owns = {branch: own.with_ for branch, own in step.own_settings.items() if own.with_}
    if not owns or len(owns) < len(step.branches):
        for word in missing:
            subject.report((*at, "with"), f"{step.python} wants '{word}'", f"Add it under 'with' of '{node.name}'.")
    for branch, own in owns.items():
        here = (*at, "for_each", step.dimension or "", branch, "with")
        for word in function.misfits(set(own))[0]:
            hint = did_you_mean(word, function.signature.parameters) or "It takes no arguments."
            subject.report((*here, word), f"{step.python} takes no '{word}'", hint)
        for word in function.misfits({*step.with_, *own, *mapped})[1]:
            subject.report(here, f"{step.python} wants '{word}'", "Add it here, or under 'with' of the step.")


def _result(subject: Subject, node: Node, at: Place, special: Mapping[str, Any]) -> None:
    name = special["from"]
    target = subject.tree.find(name, node)
    if target is None:
        subject.unknown_step((*at, "from"), name, node)
        return
    if target.node.is_group:
        subject.report(
            (*at, "from"),
            f"'{name}' is a group, which returns nothing",
            f"Name a step in it, such as {name}.{next(iter(target.node.children))}.",
        )
        return
    shared = {other.path for other in node.lineage}
    many = [other for other in target.node.lineage if other.body.branches and other.path not in shared and other.path not in target.picks]
    if many:
        branch = many[0].body.branches[0]
        subject.report(
            (*at, "from"),
            f"'{name}' is {len(many[0].body.branches)} tasks, one for each {many[0].body.dimension}",
            f"Name one of them, such as {many[0].name}.{branch}, or put this step into a group with it.",
        )


def _kind(subject: Subject, node: Node, settings: Any, at: Place) -> None:
    from tidegate.model.extracts import ExtractSettings
    from tidegate.model.kinds import ChoiceSettings, PipelineSettings, SqlSettings, TransformSettings

    match settings:
        case ExtractSettings():
            _extract(subject, node, settings, at)
        case TransformSettings():
            _file(subject, (*at, "sql"), settings.sql or "")
            if settings.python is not None:
                subject.code((*at, "python"), settings.python)
            _params(subject, (*at, "params"), settings.params)
        case SqlSettings():
            _file(subject, (*at, "sql"), settings.sql)
            _placeholders(subject, node, (*at, "connection"), settings.connection)
            _unfilled(subject, node, (*at, "sql"), "" if is_sql_file(settings.sql) else settings.sql)
            _params(subject, (*at, "params"), settings.params)
        case ChoiceSettings():
            check_choice(subject, node, settings, at)
        case PipelineSettings():
            check_objects(subject, settings.conf, (*at, "conf"))
            if settings.pipeline == subject.pipeline.pipeline and settings.wait:
                subject.report((*at, "pipeline"), "it waits for a run of its own pipeline, which waits for the next", "Name another one.")


def _extract(subject: Subject, node: Node, settings: ExtractSettings, at: Place) -> None:
    query = settings.query or ""
    of_file = is_sql_file(query)
    for file in dict.fromkeys(fill(query, bindings) for bindings in _bindings(node)) if of_file else ():
        _file(subject, (*at, "query"), file)
    for key, text in {
        "connection": settings.connection,
        "query": query if of_file else "",
        "table": settings.table,
        "files": settings.files,
    }.items():
        _placeholders(subject, node, (*at, key), text or "")
    if settings.http is not None:
        _placeholders(subject, node, (*at, "http", "path"), settings.http.path)
        for name, given in settings.http.params.items():
            _placeholders(subject, node, (*at, "http", "params", name), " ".join(_texts(given)))
    for place, value in (((*at, "query"), "" if of_file else query), ((*at, "params"), settings.params)):
        _unfilled(subject, node, place, value)
    _params(subject, (*at, "params"), settings.params)
    if settings.hedge is not None:
        _hedge(subject, node, settings, settings.hedge, (*at, "hedge"))
    if settings.split is not None:
        _split(subject, node, settings.split, (*at, "split"))


def _split(subject: Subject, node: Node, split: Split, at: Place) -> None:
    known = subject.pipeline.resources
    for name, slots in node.step.holds.items():
        if name in known and slots <= known[name].limit < split.into:
            said = f"each task has {split.into} connections, and '{name}' has {known[name].limit} slots"
            subject.report((*at, "into"), said, "Raise the limit or split into fewer: such a task would never start.")


def _texts(value: Any) -> Iterator[str]:
    return (each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, str))


def _hedge(subject: Subject, node: Node, settings: ExtractSettings, hedge: Hedge, at: Place) -> None:
    _placeholders(subject, node, (*at, "connection"), hedge.connection)
    if hedge.connection == settings.connection:
        subject.report(
            (*at, "connection"), "it is the connection that is read first", "Name another one with the same rows, such as a replica."
        )
    if (longest := node.step.timeout) is not None and hedge.after != "p95" and hedge.after >= longest:
        from tidegate.model.spans import human

        subject.report((*at, "after"), f"a second read would never begin: the step's timeout is {human(longest)}", "Write a shorter time.")


def _params(subject: Subject, at: Place, params: Mapping[str, Any]) -> None:
    for name in sorted(BOUND & set(params)):
        subject.report((*at, name), f"'{name}' is bound already", "Choose another name for this parameter.")


def _bindings(node: Node) -> Iterator[dict[str, str]]:
    """Dimension → branch, for each task of a step."""
    for branches in product(*node.dimensions.values()):
        yield dict(zip(node.dimensions, branches, strict=True))


def _unfilled(subject: Subject, node: Node, at: Place, value: Any) -> None:
    for word in dict.fromkeys(_words(value)):
        if word in node.dimensions:
            hint = "Write :branch in the SQL, which is bound to the branch's name."
            subject.report(at, f"{{{word}}} is not filled in here, where only bound values may stand", hint)


def _file(subject: Subject, at: Place, text: str) -> None:
    if is_sql_file(text) or is_file(text, ".md"):
        try:
            subject.project.file(text.strip())
        except FileMissing as error:
            subject.report(at, error.message.rstrip("."), error.hint)


def _placeholders(subject: Subject, node: Node, at: Place, text: str) -> None:
    for word in PLACEHOLDER.findall(text):
        if word not in node.dimensions:
            hint = did_you_mean(word, node.dimensions) or "This step has no for_each; write the name in full."
            subject.report(at, f"{{{word}}} stands for nothing here", hint)
