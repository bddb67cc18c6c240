"""What Airflow bears: tasks, lengths of names, runs at once."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from tidegate.model.check.structure import task_id_of

if TYPE_CHECKING:
    from tidegate.model.check.subject import Subject

MOST_TASKS = 5_000
LONGEST_ID = 249
LONGEST_TAG = 100


def check_limits(subject: Subject) -> None:
    """Report what is more than Airflow bears, or would be cut to."""
    pipeline, nodes = subject.pipeline, subject.tree.nodes.values()
    for index, tag in enumerate(pipeline.tags):
        if len(tag) > LONGEST_TAG:
            subject.report(("tags", index), f"a tag has at most {LONGEST_TAG} characters, and this one {len(tag)}", "Shorten it.")
    if pipeline.schedule is not None and pipeline.schedule.continuous and pipeline.max_active_runs not in {None, 1}:
        subject.report(("max_active_runs",), "of a continuous pipeline there is one run at a time", "Remove it, or say 1.")
    if not any(node.is_group or node.body.for_each for node in nodes):
        return
    count = sum(prod(map(len, node.dimensions.values())) for node in nodes if not node.is_group)
    if count > MOST_TASKS:
        subject.report(
            ("steps",), f"the pipeline has {count:,} tasks; Airflow bears {MOST_TASKS:,}", "Map over a list at run time by expand."
        )
    for node in nodes:
        longest = len(task_id_of(node)) + sum(1 + max(map(len, branches), default=0) for branches in node.dimensions.values())
        if longest > LONGEST_ID and not node.is_group:
            subject.report(node.at, f"its task has an id of {longest} characters; Airflow bears {LONGEST_ID}", "Shorten a name around it.")
