"""The trigger form: fields that do not clash, schemas that are schemas, defaults that fit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.model.form import is_schema, plain

if TYPE_CHECKING:
    from tidegate.model.check.subject import Subject

RESERVED_PARAMS = frozenset({"interval_start", "interval_end", "branch"})
"""Names that every query may bind already, and that runs may be told."""
BOUND = RESERVED_PARAMS | {"interval_start_utc", "interval_end_utc", "stale_from"}
"""Names that some query may bind already."""

TOLD_TO_RUNS = frozenset({"adopt", "catch_up", "correlation_id"})
"""Words of a run's configuration beside the branches that it is to bring."""


def check_params(subject: Subject) -> None:
    """Report what is wrong with the trigger form."""
    params = subject.pipeline.params
    if not params:
        return
    taken = RESERVED_PARAMS | subject.tree.dimensions
    scheduled = subject.pipeline.schedule is not None
    for name, value in params.items():
        if name in taken:
            subject.report(("params", name), f"the form has a field '{name}' already", "Name this one otherwise.")
        if is_schema(value):
            _fits(subject, name, plain(value), scheduled=scheduled)


def _fits(subject: Subject, name: str, schema: dict[str, Any], *, scheduled: bool) -> None:
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema({word: item for word, item in schema.items() if word not in {"default", "values_display"}})
    except SchemaError as error:
        at = ("params", name, *(part for part in error.absolute_path if isinstance(part, str | int)))
        subject.report(at, f"is no JSON Schema: {error.message}", "Compare it with https://json-schema.org.")
        return
    if schema.get("default") is None and not scheduled:
        return  # Airflow takes a field without a value as one that must be filled in
    if "default" not in schema:
        subject.report(("params", name), "it has no default, and nobody fills in the form of a scheduled run", "Give it a default.")
        return
    for misfit in Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(schema["default"]):
        subject.report(("params", name, "default"), f"the default does not fit: {misfit.message}", "Mend the default, or the schema.")
