"""What functions under ``include/`` take, read from their source: nothing of theirs is imported or run."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

from tidegate.errors import FileMissing
from tidegate.model.dotted import wrong_part
from tidegate.model.findings import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.model.project import Project

CONTEXT = frozenset({
    "asset_state_store", "conn", "dag", "dag_run", "data_interval_end", "data_interval_start", "ds", "ds_nodash", "exception",
    "expanded_ti_count", "inlet_events", "inlets", "logical_date", "macros", "map_index_template", "outlet_events", "outlets", "params",
    "partition_date", "partition_key", "prev_data_interval_end_success", "prev_data_interval_start_success", "prev_end_date_success",
    "prev_start_date_success", "reason", "run_id", "task", "task_instance", "task_instance_key_str", "task_reschedule_count",
    "task_state_store", "templates_dict", "test_mode", "ti", "triggering_asset_events", "try_number", "ts", "ts_nodash",
    "ts_nodash_with_tz", "var",
})  # fmt: skip
"""Names that Airflow hands to a function which asks for them."""


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function as its source declares it."""

    reference: str
    signature: Signature
    returns: str = ""
    """The annotation of what it returns, as text; empty without one."""
    doc: str | None = None
    """Its docstring."""
    asynchronous: bool = False
    """Whether it is an ``async def``."""

    def misfits(self, given: set[str]) -> tuple[list[str], list[str]]:
        """Arguments that it does not take, and parameters that nobody gives."""
        parameters = self.signature.parameters
        open_ended = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters.values())
        named = {name for name, parameter in parameters.items() if parameter.kind not in {Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL}}
        unknown = [] if open_ended else sorted(given - named)
        missing = [name for name in parameters if name in named and parameters[name].default is Parameter.empty]
        return unknown, [name for name in missing if name not in given and name not in CONTEXT]


_REFERENCE = "Write module:function in names that Python can import, such as jobs.sales:count for count in include/jobs/sales.py."


@dataclass(slots=True, eq=False)
class Functions:
    """Reads the functions of a project's modules, each module parsed once."""

    project: Project
    _modules: dict[Path, ast.Module] = field(default_factory=dict)

    def find(self, reference: str) -> Function:
        """The function that ``module:function`` names.

        :raises FileMissing: there is no such module under ``include/``, it is no Python, or it has no such function.
        """
        module, _, name = reference.partition(":")
        if wrong := wrong_part(module) or wrong_part(name):
            raise FileMissing(f"{reference!r} names no function: {wrong}.", hint=_REFERENCE)
        path = self.project.file(module.replace(".", "/") + ".py")
        if path not in self._modules:
            try:
                self._modules[path] = ast.parse(path.read_bytes())
            except (SyntaxError, ValueError) as error:
                told = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else str(error)
                raise FileMissing(f"{module.replace('.', '/')}.py is no Python: {told}.", hint="Mend the module.") from None
        body = self._modules[path].body
        found = next((node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name), None)
        if found is not None:
            return Function(
                reference,
                _signature(found.args),
                ast.unparse(found.returns) if found.returns else "",
                ast.get_docstring(found, clean=False),
                isinstance(found, ast.AsyncFunctionDef),
            )
        if name in _other_names(body):
            return Function(reference, Signature([Parameter("kwargs", Parameter.VAR_KEYWORD)]))
        public = [node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
        raise FileMissing(f"{module.replace('.', '/')}.py has no function '{name}'.", hint=did_you_mean(name, public) or "Write it there.")


def _signature(arguments: ast.arguments) -> Signature:
    def parameter(argument: ast.arg, kind: Any, default: ast.expr | None) -> Parameter:
        return Parameter(argument.arg, kind, default=Parameter.empty if default is None else None)

    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*([None] * (len(positional) - len(arguments.defaults))), *arguments.defaults]
    found = [parameter(argument, Parameter.POSITIONAL_OR_KEYWORD, default) for argument, default in zip(positional, defaults, strict=True)]
    if arguments.vararg:
        found.append(Parameter(arguments.vararg.arg, Parameter.VAR_POSITIONAL))
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    found += [parameter(argument, Parameter.KEYWORD_ONLY, default) for argument, default in pairs]
    if arguments.kwarg:
        found.append(Parameter(arguments.kwarg.arg, Parameter.VAR_KEYWORD))
    return Signature(found)


def _other_names(body: list[ast.stmt]) -> set[str]:
    """Names that a module binds otherwise: by an import, or an assignment."""
    names: set[str] = set()
    for node in body:
        match node:
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.ClassDef(name=name):
                names.add(name)
    return names
