"""What the parts of one import share: where they write and tell, what day it is, which names the file may use."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tidegate.importing.writing import Block
from tidegate.model.project import ALLOWED_IMPORTS, allowed

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from tidegate.importing.remarks import Remarks
    from tidegate.importing.source import Value

_ENVIRONMENT = re.compile(r"\$(?:([A-Z_][A-Z0-9_]*)\b|\{([A-Z_][A-Z0-9_]*)\})")
"""What dag-factory replaces from the dag-processor's environment, in the whole text, before it reads the YAML; as people write such names."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One DAG's import under way, at one mapping of the pipeline file."""

    file: Path
    """The file that it comes from; others are looked for beside it."""
    remarks: Remarks
    today: date
    """What moving dates are counted from."""
    into: Block = field(default_factory=Block)
    """The mapping that is being written; comments go to its head."""
    variables: Block = field(default_factory=lambda: Block(flat=False))
    """The pipeline's variables: one for each name of the environment that the file reads."""

    def at(self, into: Block) -> Desk:
        """The same at another mapping."""
        return replace(self, into=into)

    def lost(self, value: Value, message: str, hint: str) -> None:
        """Tell that something cannot be said, and leave a comment where it would stand."""
        self.remarks.lost(value, message, hint, self.into)

    def note(self, value: Value, message: str, hint: str = "", *, once: str = "") -> None:
        """Tell of something that is said and wants a look.

        :param once: Where several places call for the same words, what they have in common: it is told for the first alone.
        """
        self.remarks.note(value, message, hint, once=once)

    def mapping(self, value: Value | None) -> dict[str, Value]:
        """The keys and values of what should be a mapping; none, and told of, where it is something else."""
        if value is not None and not isinstance(value.plain, dict | None):
            self.lost(value, "it is no mapping of names to values", "Write it as name: value.")
        return value.mapping if value is not None else {}

    def text(self, value: Value, text: str | None = None) -> str:
        """A text as the pipeline file says it: ``$NAME`` of the environment becomes a variable, and any other ``${`` is escaped."""
        text = str(value.plain) if text is None else text
        parts, end = [], 0
        for found in _ENVIRONMENT.finditer(text):
            name = found[1] or found[2]
            self._variable(name, value)
            parts += [text[end : found.start()].replace("${", "$${"), f"${{{name}}}"]
            end = found.end()
        return "".join([*parts, text[end:].replace("${", "$${")])

    def _variable(self, name: str, value: Value) -> None:
        """A variable in place of one of the environment, holding the words as they stood, until a person gives its value."""
        if name not in self.variables:
            self.variables[name] = f"${name}"
            message = f"dag-factory reads ${name} from the dag-processor's environment, and Tidegate reads none"
            hint = f"Give the value of '{name}' under 'variables'; values for other places go under 'environments'."
            self.at(self.variables).lost(value, message, hint)

    def script(self, value: Value) -> str:
        """A text that a shell will read, in which ``$NAME`` is the shell's."""
        text = str(value.plain)
        for found in _ENVIRONMENT.finditer(text):
            name = found[1] or found[2]
            message = f"the worker's shell fills in ${name}; dag-factory does so while it parses, if the dag-processor's environment has it"
            self.note(value, message, "Set it for the workers, or make it a variable of the pipeline.", once=f"shell {name}")
        return text.replace("${", "$${")

    def may_import(self, path: str, value: Value) -> str:
        """An import path; told of, where a project must allow it first."""
        if not allowed(path, ALLOWED_IMPORTS):
            prefix = path.partition(".")[0] + "."
            hint = (
                f'Allow it where the DAGs are built, by build_dags(…, allow=["{prefix}"]), and give --allow {prefix} to tidegate validate.'
            )
            self.note(value, f"{path} may be imported only where the project allows it", hint, once=f"allow {prefix}")
        return path
