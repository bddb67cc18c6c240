"""Assets, and what must be true of them: objects, lists, ``__and__`` and ``__or__``, expressions such as ``(a & b) | c``, names from a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.importing import code, objects
from tidegate.importing.objects import LOST
from tidegate.importing.source import UnreadableError, read
from tidegate.model import moved_names

if TYPE_CHECKING:
    from tidegate.importing.desk import Desk
    from tidegate.importing.source import Value

_TOKEN = re.compile(r"[()&|]|[^\s()&|]+")
_BOTH = {"AssetAll": "all", "AssetAny": "any"}
_KNOWN = ("name", "uri", "group", "extra")


def several(value: Value, desk: Desk) -> list[Any]:
    """The assets of ``inlets`` or ``outlets``."""
    listed = value.items
    if value.mapping.keys() >= {"file", "datasets"}:
        names = _from_file(value, desk)
        wanted = [str(item.plain) for item in value.mapping["datasets"].items]
        return [names[name] for name in wanted if _there(name, names, value, desk)]
    if "__type__" in value.mapping and value.mapping["__type__"].plain == "builtins.list":
        listed = value.mapping["items"].items if "items" in value.mapping else []
    return [item for item in (term(item, desk) for item in listed) if item is not LOST]


def term(value: Value, desk: Desk) -> Any:
    """One asset or condition: a text, ``{all: […]}``, ``{any: […]}``, or an asset's keys; ``LOST``, and told of, where it is none."""
    for word, meaning in (("__and__", "all"), ("__or__", "any")):
        if word in value.mapping:
            return _together(meaning, [term(item, desk) for item in value.mapping[word].items])
    if isinstance(value.plain, list):
        return _together("all", [term(item, desk) for item in value.items if str(item.plain or "").strip()])
    if value.text is not None:
        return expression(value, {}, desk)
    if value.mapping.keys() & {"__type__"}:
        return _object(value, desk)
    if value.mapping.keys() & {"uri", "name"}:
        return _asset(value, desk)
    desk.lost(value, "it is no asset", "Write an asset's name or URI, or {name: …, uri: …}.")
    return LOST


def condition(value: Value, desk: Desk) -> Any:
    """The ``datasets`` of a schedule ``{datasets: …}`` or ``{file: …, datasets: …}``: a list means all of them."""
    wanted = value.mapping["datasets"]
    if "file" not in value.mapping:
        return term(wanted, desk)
    names = _from_file(value, desk)
    if not names:
        return LOST
    return _together("all", [expression(item, names, desk) for item in wanted.items])


def _together(word: str, terms: list[Any]) -> Any:
    """Several terms as one; those that say the same word inside are taken apart."""
    flat: list[Any] = []
    for one in terms:
        if one is not LOST:
            flat += one[word] if isinstance(one, dict) and one.keys() == {word} else [one]
    if not flat:
        return LOST
    return flat[0] if len(flat) == 1 else {word: flat}


def _object(value: Value, desk: Desk) -> Any:
    kind = str(value.mapping["__type__"].plain)
    name = code.class_name(moved_names.today(kind))
    positional = value.mapping["__args__"].items if "__args__" in value.mapping else []
    if kind == "builtins.list":
        return _together("all", [term(item, desk) for item in value.mapping["items"].items] if "items" in value.mapping else [])
    if name in _BOTH:
        return _together(_BOTH[name], [term(item, desk) for item in positional])
    if name == "AssetAlias":
        alias = value.mapping.get("name") or (positional[0] if positional else None)
        return {"alias": desk.text(alias)} if alias is not None and alias.text else _no_asset(value, kind, desk)
    if name == "Asset":
        return _asset(value, desk)
    return _no_asset(value, kind, desk)


def _no_asset(value: Value, kind: str, desk: Desk) -> Any:
    desk.lost(value, f"{kind} is no asset that a pipeline file can name", "Write an asset's name or URI, or {name: …, uri: …}.")
    return LOST


def _asset(value: Value, desk: Desk) -> Any:
    positional = value.mapping["__args__"].items if "__args__" in value.mapping else []
    parts = {**dict(zip(("name", "uri"), positional, strict=False)), **value.mapping}
    said = objects.mapping({key: parts[key] for key in _KNOWN if key in parts}, desk)
    if watchers := _watchers(parts.get("watchers"), desk):
        said["watchers"] = watchers
    for key, item in parts.items():
        if key not in {*_KNOWN, "watchers", "__type__", "__args__"}:
            desk.lost(item, "an asset has no such key", "Keep it under 'extra', or leave it out.")
    if said.keys() == {"uri"} or said.keys() == {"name"}:
        return next(iter(said.values()))
    return said


def _watchers(value: Value | None, desk: Desk) -> list[Any]:
    """``AssetWatcher(name, trigger)`` as ``{name, uses, with}``."""
    found: list[Any] = []
    for watcher in value.items if value is not None else []:
        name, trigger = watcher.mapping.get("name"), watcher.mapping.get("trigger")
        made = objects.plain(trigger, desk) if trigger is not None else LOST
        if name is None or not isinstance(made, dict) or "uses" not in made:
            desk.lost(watcher, "it is no watcher with a name and a trigger", "Write {name: …, uses: trigger, with: {…}}.")
            continue
        found.append({"name": desk.text(name), **made})
    return found


def expression(value: Value, names: dict[str, str], desk: Desk) -> Any:
    """``(a & b) | c`` as ``{any: [{all: [a, b]}, c]}``; a single name is itself.

    :param names: Names that stand for URIs; with none, a name is the asset's own.
    """
    tokens = _TOKEN.findall(str(value.plain))
    try:
        found, rest = _alternatives(tokens)
    except (IndexError, ValueError):
        rest, found = ["?"], LOST
    if rest or not tokens:
        hint = "Write {any: [a, {all: [b, c]}]}."
        desk.lost(value, f"{value.plain!r} is no expression of assets, '&', '|' and brackets", hint)
        return LOST
    return _resolved(found, names, value, desk)


def _alternatives(tokens: list[str]) -> tuple[Any, list[str]]:
    terms = []
    first, rest = _conjunction(tokens)
    terms.append(first)
    while rest and rest[0] == "|":
        more, rest = _conjunction(rest[1:])
        terms.append(more)
    return _together("any", terms), rest


def _conjunction(tokens: list[str]) -> tuple[Any, list[str]]:
    terms = []
    first, rest = _operand(tokens)
    terms.append(first)
    while rest and rest[0] == "&":
        more, rest = _operand(rest[1:])
        terms.append(more)
    return _together("all", terms), rest


def _operand(tokens: list[str]) -> tuple[Any, list[str]]:
    if tokens[0] == "(":
        found, rest = _alternatives(tokens[1:])
        if rest[0] != ")":
            raise ValueError(rest[0])
        return found, rest[1:]
    if tokens[0] in {")", "&", "|"}:
        raise ValueError(tokens[0])
    return tokens[0], tokens[1:]


def _resolved(found: Any, names: dict[str, str], value: Value, desk: Desk) -> Any:
    """An expression with its names replaced by what they stand for."""
    if isinstance(found, dict):
        word, terms = next(iter(found.items()))
        return _together(word, [_resolved(one, names, value, desk) for one in terms])
    if not names:
        return desk.text(value, str(found))
    return names[found] if _there(found, names, value, desk) else LOST


def _there(name: str, names: dict[str, str], value: Value, desk: Desk) -> bool:
    if name not in names and names:
        desk.lost(value, f"the file of datasets has no {name!r}", "Write the asset's URI.")
    return name in names


def _from_file(value: Value, desk: Desk) -> dict[str, str]:
    """Name → URI from a file of datasets, which is YAML and no code; none, and told of, where it cannot be found."""
    file = value.mapping["file"]
    path = _find(str(file.plain), desk.file)
    if path is None:
        hint = "Write the assets' URIs."
        desk.lost(file, f"the names stand in {file.plain}, which is not found from here", hint)
        return {}
    try:
        listed = read(path, desk.remarks).mapping.get("datasets")
    except UnreadableError as error:
        desk.lost(file, f"{path} {error.finding.message}", "Write the assets' URIs.")
        return {}
    entries = [item.mapping for item in listed.items] if listed is not None else []
    return {str(entry["name"].plain): desk.text(entry["uri"]) for entry in entries if entry.keys() >= {"name", "uri"}}


def _find(named: str, beside: Path) -> Path | None:
    """A file by its name: as it is, or, behind a variable of the environment, below a folder around the importing file."""
    rest = re.sub(r"^\$\{?\w+\}?/?", "", named)
    folders = [Path()] if rest == named else []
    candidates = [folder / rest for folder in (*folders, *beside.resolve().parents)]
    return next((path for path in candidates if path.is_file()), None)
