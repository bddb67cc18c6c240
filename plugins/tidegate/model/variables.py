"""``${name}``: values that are said once, and that may differ from environment to environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tidegate.model.findings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.model.document import Document
    from tidegate.model.yaml_source import Place

_NAME = re.compile(r"\$(\$)?\{([A-Za-z_][\w-]*)\}")
_TABLES = ("variables", "environments")


class _Unknown(str):
    """The value of a variable that has none, which was told: of the values in which it stands, nothing is told again."""

    __slots__ = ()


UNKNOWN = _Unknown()


def variables_of(document: Document, environment: str | None) -> dict[str, Any]:
    """The variables of a document in an environment; findings where one of them changes its type, or the environment is unknown."""
    base, environments = _tables(document)
    values = dict(base)
    for name, table in environments.items():
        for variable, value in table.items() if isinstance(table, dict) else ():
            if variable in base and type(value) is not type(base[variable]) and base[variable] is not None:
                document.report(
                    ("environments", name, variable),
                    f"'{variable}' is {_kind(value)} here and {_kind(base[variable])} under 'variables'",
                    "A variable has one type in all environments.",
                )
    if environment is not None:
        if environments and environment not in environments:
            document.report(("environments",), f"there is no environment '{environment}'", did_you_mean(environment, environments))
        chosen = environments.get(environment)
        chosen = chosen if isinstance(chosen, dict) else {}
        values |= chosen
    else:
        chosen = {}
    return _within_one_another(document, values, {name: ("environments", environment or "", name) for name in chosen})


def _within_one_another(document: Document, values: dict[str, Any], elsewhere: Mapping[str, Place]) -> dict[str, Any]:
    """The variables, of which each may stand in others."""
    known: dict[str, Any] = {}

    def value(name: str, within: tuple[str, ...]) -> Any:
        if name in known or name not in values:
            return known.get(name)
        at = elsewhere.get(name, ("variables", name))
        if name in within:
            document.report(at, f"variables stand in each other in a circle: {' → '.join([*within, name])}", "Write one of them out.")
            return UNKNOWN
        for other in used(values[name]):
            value(other, (*within, name))
        told = len(document.findings)
        known[name] = substituted(document, values[name], {**values, **known}, at)
        if len(document.findings) > told:
            known[name] = UNKNOWN
        return known[name]

    for name in values:
        value(name, ())
    return known


def used(value: Any) -> list[str]:
    """The names of the variables that stand somewhere in a value."""
    if isinstance(value, str):
        return [found[2] for found in _NAME.finditer(value) if not found[1]]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [name for item in items for name in used(item)]


def _tables(document: Document) -> tuple[dict[str, Any], dict[str, Any]]:
    base, environments = (document.value.get(table) or {} for table in _TABLES)
    return base if isinstance(base, dict) else {}, environments if isinstance(environments, dict) else {}


def resolve(document: Document, environment: str | None) -> dict[str, Any]:
    """Put the variables into a document's value.

    :return: The variables, for the templates that the document uses.
    """
    values = variables_of(document, environment)
    if not all(isinstance(document.value.get(table) or {}, dict) for table in _TABLES):
        document.muted += [(key,) for key in document.value if key not in _TABLES]  # what stands for what cannot be told
        return values
    if not any("${" in source.text for source in document.sources):
        return values
    elsewhere = _set_elsewhere(document)
    document.value = {
        key: item if key in _TABLES else substituted(document, item, values, (key,), elsewhere) for key, item in document.value.items()
    }
    return values


def substituted(document: Document, value: Any, values: Mapping[str, Any], path: Place, elsewhere: Mapping[str, str] | None = None) -> Any:
    """``value`` with every ``${name}`` replaced; findings at ``path`` for names that mean nothing."""
    if isinstance(value, str):
        return _text(document, value, values, path, elsewhere or {}) if "${" in value else value
    if isinstance(value, dict):
        return {key: substituted(document, item, values, (*path, key), elsewhere) for key, item in value.items()}
    if isinstance(value, list):
        return [substituted(document, item, values, (*path, index), elsewhere) for index, item in enumerate(value)]
    return value


def _text(document: Document, text: str, values: Mapping[str, Any], path: Place, elsewhere: Mapping[str, str]) -> Any:
    told = len(document.findings)
    unknown = False

    def said(name: str) -> Any:
        nonlocal unknown
        if name in values:
            unknown = unknown or values[name] is UNKNOWN
            return values[name]
        if name in elsewhere:
            document.report(
                path, f"the variable '{name}' is set only in {elsewhere[name]}", "Choose an environment, or set it under 'variables' too."
            )
        else:
            hint = did_you_mean(name, values) or "Set it under 'variables'."
            document.report(path, f"there is no variable '{name}'", f"{hint} A plain ${{{name}}}, for a shell, is written $${{{name}}}.")
        return UNKNOWN

    def shown(name: str) -> str:
        value = said(name)
        if value is None or isinstance(value, list | dict):
            document.report(path, f"'{name}' is {_kind(value)}, which cannot stand within a text", f"Let it stand alone, as ${{{name}}}.")
        return str(value).lower() if isinstance(value, bool) else str(value)

    whole = _NAME.fullmatch(text)
    found = said(whole[2]) if whole and not whole[1] else _NAME.sub(lambda match: match[0][1:] if match[1] else shown(match[2]), text)
    if unknown or len(document.findings) > told:
        document.muted.append(path)
    return found


def _set_elsewhere(document: Document) -> dict[str, str]:
    environments = document.value.get("environments")
    found: dict[str, list[str]] = {}
    for name, table in environments.items() if isinstance(environments, dict) else ():
        for variable in table if isinstance(table, dict) else ():
            found.setdefault(variable, []).append(name)
    return {variable: " and ".join(names) for variable, names in found.items()}


def _kind(value: Any) -> str:
    words = {str: "text", bool: "true or false", int: "a whole number", float: "a number", list: "a list", dict: "a mapping"}
    return words.get(type(value), "empty" if value is None else "a date")
