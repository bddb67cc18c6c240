"""What goes with ``fail_fast``: Airflow lets no step into such a DAG that may start after a failure, teardowns apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.model.kind import CARRIERS
from tidegate.model.step import Group

if TYPE_CHECKING:
    from tidegate.model.check.subject import Subject
    from tidegate.model.effort import Effort
    from tidegate.model.yaml_source import Place


def check_fail_fast(subject: Subject) -> None:
    """Report what must start although something failed."""
    pipeline = subject.pipeline
    if not pipeline.fail_fast:
        return
    _rule(subject, ("defaults", "trigger_rule"), pipeline.defaults)
    for node in subject.tree.nodes.values():
        for branch, own in node.body.own_settings.items():
            _rule(subject, (*node.at, "for_each", node.body.dimension or "", branch, "trigger_rule"), own)
        if isinstance(node.body, Group):
            _rule(subject, (*node.at, "defaults", "trigger_rule"), node.body.defaults)
        elif node.body.teardown is None:
            _rule(subject, (*node.at, "trigger_rule"), node.body)
    carrier = next((node.name for node in subject.tree.steps if node.uses in CARRIERS), None)
    words = [f"step '{carrier}'"] if carrier else [f"'{key}'" for key in ("publish", "alerts", "outcome") if getattr(pipeline, key)]
    if words:
        subject.report(("fail_fast",), f"{words[0]} goes with an outcome, which also runs when something failed", "Remove fail_fast.")


def _rule(subject: Subject, at: Place, said: Effort) -> None:
    if said.trigger_rule not in {None, "all_success"}:
        subject.report(at, "with fail_fast, every step starts by all_success", "Remove trigger_rule, or fail_fast.")
