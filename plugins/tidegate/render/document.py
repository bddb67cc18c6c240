"""A plan as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.render.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.plan.layout import Plan


def as_dict(plan: Plan, provenance: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A plan in JSON's types. Every key is always there, ``provenance`` only where it was asked for.

    ::

        {
          "pipeline": "nightly_sales",
          "dag": {argument: value},                        of airflow.sdk.DAG
          "groups": [{"id", "label", "parent", "step", "branch", "arguments"}],
          "tasks": [{"id", "label", "step", "group", "branches", "uses", "arguments", "positional", "function", "inputs",
                     "expand", "expand_kwargs", "setup", "teardown", "on_failure_fail_dagrun"}],
          "edges": [{"from", "to", "because", "label"}],   because: data, rule or resource
          "provenance": {"steps.extract.retries": "include/pipelines/defaults.yaml:3"}
        }

    ``function`` is ``module:function`` under ``include/`` for a task that calls one, with ``inputs``; else null.

    ``branches`` is dimension → branch, the outermost first. ``teardown`` is the list of the setups' ids, or null. Values are as
    :func:`tidegate.render.plain.plain` writes them.
    """
    document: dict[str, Any] = {
        "pipeline": plan.name,
        "dag": plain(plan.arguments),
        "groups": [
            {
                "id": group.group_id,
                "label": group.label,
                "parent": group.parent,
                "step": group.step,
                "branch": group.branch,
                "arguments": plain(group.arguments),
            }
            for group in plan.groups
        ],
        "tasks": [
            {
                "id": task.task_id,
                "label": task.label,
                "step": task.step,
                "group": task.group,
                "branches": plain(task.bindings),
                "uses": task.call.path,
                "arguments": plain(task.call.arguments),
                "positional": plain(task.call.positional),
                "function": task.function,
                "inputs": plain(task.inputs),
                "expand": plain(task.expand),
                "expand_kwargs": plain(task.expand_kwargs),
                "setup": task.setup,
                "teardown": plain(task.teardown),
                "on_failure_fail_dagrun": task.on_failure_fail_dagrun,
            }
            for task in plan.tasks
        ],
        "edges": [{"from": edge.upstream, "to": edge.downstream, "because": edge.because, "label": edge.label} for edge in plan.edges],
    }
    return document if provenance is None else {**document, "provenance": dict(provenance)}
