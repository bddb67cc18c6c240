"""What goes with numbers of retries by class of error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.model.step import Group

if TYPE_CHECKING:
    from tidegate.model.check.subject import Subject
    from tidegate.model.effort import Effort
    from tidegate.model.yaml_source import Place


def check_retries(subject: Subject) -> None:
    """Report a class of error that may be retried more often than the task."""
    _retries(subject, ("defaults",), subject.pipeline.defaults)
    for node in subject.tree.nodes.values():
        for branch, own in node.body.own_settings.items():
            _retries(subject, (*node.at, "for_each", node.body.dimension or "", branch), own)
        if isinstance(node.body, Group):
            _retries(subject, (*node.at, "defaults"), node.body.defaults)
        else:
            _retries(subject, node.at, node.body)


def _retries(subject: Subject, at: Place, said: Effort) -> None:
    if said.retry is None or not isinstance(said.retry.on, dict) or said.retries is None:
        return
    for word, most in said.retry.on.items():
        if most > said.retries:
            subject.report(
                (*at, "retry", "on", word),
                f"{most} is more than 'retries' in the same place, which is {said.retries}",
                "Raise retries, or remove it: it is then the largest of these numbers.",
            )
