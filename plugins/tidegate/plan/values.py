"""A file's values as a plan's: results, objects and functions in place of the mappings that stand for them, branches in place of ``{region}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.model.placeholders import fill
from tidegate.model.values import stands_for
from tidegate.plan.calls import Call, Imported, Included, Output, Zipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tidegate.model.parts import Made, Reference
    from tidegate.model.schedule import AssetTerm


def lowered(value: Any, bindings: Mapping[str, str], find: Callable[[str], str]) -> Any:  # noqa: PLR0911  a table of types
    """A value of a file as a value of a plan.

    :param bindings: Dimension → branch, for ``{region}`` in texts.
    :param find: Step name → id of its task.
    """
    if isinstance(value, str):
        return fill(value, bindings) if bindings and "{" in value else value
    if isinstance(value, dict):
        match stands_for(value):
            case "from":
                return Output(find(value["from"]), value.get("key"))
            case "uses":
                return Call(value["uses"], lowered(value.get("with", {}), bindings, find), _positional(value, bindings, find))
            case "import":
                return code(value["import"], lowered(value.get("with", {}), bindings, find), _positional(value, bindings, find))
            case "literal":
                return value["literal"]
        return {key: lowered(item, bindings, find) for key, item in value.items()}
    if isinstance(value, list):
        return [lowered(item, bindings, find) for item in value]
    return value


def rows(value: Any, bindings: Mapping[str, str], find: Callable[[str], str]) -> Any:
    """What stands under ``expand_kwargs``."""
    if isinstance(value, dict) and set(value) == {"zip"} and isinstance(value["zip"], dict):
        return Zipped(lowered(value["zip"], bindings, find))
    return lowered(value, bindings, find)


def _positional(value: Mapping[str, Any], bindings: Mapping[str, str], find: Callable[[str], str]) -> tuple[Any, ...]:
    return tuple(lowered(item, bindings, find) for item in value.get("args", ()))


def code(reference: str, arguments: Mapping[str, Any], positional: tuple[Any, ...] = ()) -> Imported | Included | Call:
    """A function by its import path or ``module:function``, with some of its arguments given where there are any."""
    thing = Included(reference) if ":" in reference else Imported(reference)
    return Call("functools.partial", arguments, (thing, *positional)) if arguments or positional else thing


def made(value: Made) -> Call:
    """An object by its import path."""
    return Call(value.uses, lowered(value.with_, {}, _no_step), tuple(lowered(item, {}, _no_step) for item in value.args))


def reference(value: Reference) -> Any:
    """A function, or an object that is called as one."""
    positional = tuple(lowered(item, {}, _no_step) for item in value.args)
    if value.uses is not None:
        return Call(value.uses, lowered(value.with_, {}, _no_step), positional)
    return code(value.import_ or "", lowered(value.with_, {}, _no_step), positional)


def asset(term: AssetTerm) -> Call:
    """An asset, an alias, or what must be true of several."""
    if term.all:
        return Call("airflow.sdk.AssetAll", {}, tuple(asset(part) for part in term.all))
    if term.any:
        return Call("airflow.sdk.AssetAny", {}, tuple(asset(part) for part in term.any))
    if term.alias is not None:
        return Call("airflow.sdk.AssetAlias", {"name": term.alias} | ({"group": term.group} if term.group else {}))
    said = {"name": term.name, "uri": term.uri, "group": term.group, "extra": dict(term.extra)}
    arguments: dict[str, Any] = {key: value for key, value in said.items() if value}
    if term.watchers:
        arguments["watchers"] = [
            Call("airflow.sdk.AssetWatcher", {"name": watcher.name, "trigger": Call(watcher.uses, lowered(watcher.with_, {}, _no_step))})
            for watcher in term.watchers
        ]
    return Call("airflow.sdk.Asset", arguments)


def _no_step(name: str) -> str:
    raise LookupError(f"{{from: {name}}} stands where no step's result can be")
