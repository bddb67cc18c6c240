"""Names in a rendered file: what is imported from where, under which name, and what the variables are called."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field

from tidegate.errors import ImportRefused
from tidegate.model.dotted import wrong_part
from tidegate.render.source import INDENT, WIDTH

TAKEN = frozenset({*dir(builtins), *keyword.kwlist, *keyword.softkwlist, "INCLUDE", "dag"})
"""Names that a rendered file must not hide."""


@dataclass(slots=True)
class Names:
    """The names of one file. Imports are collected while expressions are made; a name that two of them want goes to the first."""

    imports: dict[tuple[str, str], str] = field(default_factory=dict)
    """(module, name) → what the file calls it."""
    included: set[str] = field(default_factory=set)
    """The modules that lie under ``include/``."""
    modules: set[str] = field(default_factory=set)
    """Modules that are imported as a whole."""
    variables: dict[str, str] = field(default_factory=dict)
    """Id of a task or a group → its variable."""
    functional: frozenset[str] = frozenset()
    """The tasks that call a function: such a task's variable is its result."""

    def path(self, path: str) -> str:
        """What an import path is called here: ``airflow.sdk.Param`` is ``Param``, and imported.

        A module's path ends at a colon, else before the first part with a capital, else before the last part: so do Python's names, and
        nothing is imported to look.

        :raises ImportRefused: it is no import path.
        """
        if ":" in path:
            module, _, attributes = path.partition(":")
            return self._of(module, attributes)
        parts = path.removeprefix("builtins.").split(".")
        if len(parts) == 1:
            return _spoken(parts[0])
        first = next((index for index, part in enumerate(parts) if index and part.lstrip("_")[:1].isupper()), len(parts) - 1)
        return self._of(".".join(parts[:first]), ".".join(parts[first:]))

    def reference(self, reference: str) -> str:
        """The same of ``module:function`` under ``include/``."""
        module, _, names = reference.partition(":")
        self.included.add(module)
        return self._of(module, names)

    def _of(self, module: str, names: str) -> str:
        """What a module's ``Name.attribute`` is called here; the name is imported."""
        first, *rest = _spoken(names).split(".")
        _spoken(module)
        return ".".join([self._imported(module, first), *rest])

    def variable(self, name: str) -> str:
        """A variable for something of this id, not taken yet: ``extract.us-east`` becomes ``extract_us_east``."""
        wanted = re.sub(r"\W", "_", name)
        wanted = wanted if wanted.isidentifier() else f"_{wanted}"
        chosen = _free(wanted, self._used(), f"{wanted}_task")
        self.variables[name] = chosen
        return chosen

    def _imported(self, module: str, name: str) -> str:
        if (module, name) not in self.imports:
            last = re.sub(r"\W", "_", module.rpartition(".")[2])
            spare = last.title().replace("_", "") + name if name[:1].isupper() else f"{last}_{name}"
            self.imports[module, name] = _free(name, self._used(), spare)
        return self.imports[module, name]

    def _used(self) -> set[str]:
        return {*TAKEN, *self.imports.values(), *self.variables.values()}

    def import_lines(self) -> tuple[list[str], list[str]]:
        """The import statements, sorted as ruff sorts them: those of Python and of packages, and those of modules under ``include/``."""
        wanted: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for (module, name), local in self.imports.items():
            wanted[module].append((name, local))
        sections: dict[str, list[str]] = {"standard": [f"import {module}" for module in sorted(self.modules)], "others": [], "own": []}
        for module in sorted(wanted):
            standard = module.partition(".")[0] in sys.stdlib_module_names
            sections["own" if module in self.included else "standard" if standard else "others"] += _statements(module, wanted[module])
        separator = [""] if sections["standard"] and sections["others"] else []
        return [*sections["standard"], *separator, *sections["others"]], sections["own"]


def _spoken(name: str) -> str:
    """A dotted name, which is written into the file as it is.

    :raises ImportRefused: Python could not read it as one.
    """
    if wrong := wrong_part(name):
        raise ImportRefused(
            f"{name!r} cannot be written as a name: {wrong}.", hint="Correct the import path in the pipeline, or in its kind."
        )
    return name


def _free(wanted: str, used: set[str], spare: str) -> str:
    """The name that is wanted, else the spare one, else that with a number."""
    if wanted not in used:
        return wanted
    number, chosen = 2, spare
    while chosen in used:
        number, chosen = number + 1, f"{spare}_{number}"
    return chosen


def _statements(module: str, names: list[tuple[str, str]]) -> list[str]:
    """The imports from one module: constants, classes, functions, each renamed one on a line of its own."""
    plain = sorted((name for name, local in names if name == local), key=_order)
    renamed = sorted((pair for pair in names if pair[0] != pair[1]), key=lambda pair: _order(pair[0]))
    line = f"from {module} import {', '.join(plain)}"
    broken = f"from {module} import (\n" + "".join(f"{INDENT}{name},\n" for name in plain) + ")"
    first = [line if len(line) <= WIDTH else broken] if plain else []
    return [*first, *(f"from {module} import {name} as {local}" for name, local in renamed)]


def _order(name: str) -> tuple[int, str]:
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name
