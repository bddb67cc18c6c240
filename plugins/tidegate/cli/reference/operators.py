"""The page of the operators: their parameters, XComs and errors, from their docstrings."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import MISSING, fields
from datetime import timedelta
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from tidegate.cli.reference.shapes import shown
from tidegate.cli.reference.words import GENERATED, Docstring, attribute_docstrings, cell, docstrings_in, first_paragraph, markdown

_OPERATORS_HEAD = f"""{GENERATED}

# Operators

What the pipeline file builds, and what a DAG in Python may use directly: `from tidegate import ExtractOperator`. All arguments are keywords;
those of Airflow's `BaseOperator` are taken too. [Write operators in Python](../how-to/write-operators-in-python.md) shows a whole DAG.
"""


def operators_page() -> str:
    """``operators.md``. Imports the operators, and with them Airflow."""
    import tidegate.operators as package
    from tidegate.operators import base

    parts = [_OPERATORS_HEAD, _every_operator(base.TidegateOperator)]
    for name in package.__all__:
        described = getattr(package, name)
        parts.append(_class_section(described) if Docstring.of(described).parameters else _fields_section(described))
    return "\n".join(parts)


def _every_operator(owner: type) -> str:
    docstring = Docstring.of(owner)
    lines = ["## Every operator", "", markdown(docstring.text), ""]
    lines += _parameters(owner, docstring)
    key = _every_constant()["FAILURE_KEY"][0]
    lines += [
        "",
        f"A try that fails pushes XCom `{key}`: its reason, its error and the class of it, when it started and ended. The join reads it.",
        "",
    ]
    return "\n".join(lines)


def _class_section(owner: type) -> str:
    docstring = Docstring.of(owner)
    lines = [f"## `{owner.__name__}`", ""]
    lines += [line for paragraph in docstring.text.split("\n\n") for line in (markdown(paragraph), "")]
    lines += _parameters(owner, docstring)
    if templated := [f"`{name}`" for name in vars(owner).get("template_fields", ())]:
        lines += ["", f"Airflow renders templates in {', '.join(templated)}."]
    if pushed := xcoms(owner):
        lines += ["", "| XCom key | what it holds |", "|---|---|"]
        lines += [f"| `{key}` | {cell(markdown(meaning))} |" for key, meaning in pushed]
    if docstring.raises:
        lines += ["", "| raises | when |", "|---|---|"]
        lines += [f"| [`{name}`](errors.md) | {cell(markdown(when))} |" for name, when in docstring.raises.items()]
    return "\n".join([*lines, ""])


def _fields_section(owner: Any) -> str:
    told = attribute_docstrings(owner)
    lines = [f"## `{owner.__name__}`", "", markdown(first_paragraph(owner)), "", "| field | default | meaning |", "|---|---|---|"]
    for field in fields(owner):
        default = field.default if field.default is not MISSING else ""
        shown = f"`{default!r}`" if default != "" else ""
        lines.append(f"| `{field.name}` | {shown} | {cell(markdown(told[field.name]))} |")
    return "\n".join([*lines, ""])


def _parameters(owner: Any, docstring: Docstring) -> list[str]:
    if not docstring.parameters:
        return []
    lines = ["| parameter | default | meaning |", "|---|---|---|"]
    signature = inspect.signature(owner.__init__)
    for name, meaning in docstring.parameters.items():
        default = signature.parameters[name].default
        shown = "required" if default is inspect.Parameter.empty else _argument(default)
        lines.append(f"| `{name}` | {shown} | {cell(markdown(meaning))} |")
    return lines


def _argument(default: Any) -> str:
    from tidegate.operators import AlertRoute

    if isinstance(default, timedelta):
        return f"`{shown(default)}`"
    if default == (AlertRoute(),):
        return "one route to the log"
    return "" if default is None or default == () else f"`{default!r}`"


def xcoms(owner: type) -> list[tuple[str, str]]:
    """The XCom keys that an operator's own code pushes, with the docstrings of their constants."""
    source = inspect.getsource(owner)
    names = dict.fromkeys(re.findall(r"(?:xcom_push\(key=|pushed\[)([A-Z_]+_KEY)", source))
    told = {name: (value, meaning.removeprefix("XCom key of ")) for name, (value, meaning) in _every_constant().items()}
    return [(value, meaning[:1].upper() + meaning[1:]) for value, meaning in (told[name] for name in names)]


@lru_cache
def _every_constant() -> dict[str, tuple[str, str]]:
    """The ``X_KEY`` of every module that an operator takes one from."""
    packages = [import_module(f"tidegate.{package}") for package in ("operators", "resilience")]
    modules = [module for package in packages for module in iter_modules(package.__path__, f"{package.__name__}.")]
    return {name: told for module in modules for name, told in _constants(module.name).items()}


def _constants(module: str) -> dict[str, tuple[str, str]]:
    """Each ``X_KEY`` of a module → its value and its docstring."""
    found = import_module(module)
    told = docstrings_in(ast.parse(inspect.getsource(found)).body)
    return {name: (getattr(found, name), meaning) for name, meaning in told.items() if name.endswith("_KEY")}
