"""Small plans that hypothesis draws."""

from __future__ import annotations

from hypothesis import strategies as st
from planned import group, plan, task

from tidegate.plan.layout import Edge, Plan


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Small plans: nested groups, edges from earlier to later tasks, some of them labelled."""
    letters = st.sampled_from("abc")
    ids = draw(st.lists(st.lists(letters, min_size=1, max_size=3).map(".".join), min_size=1, max_size=8, unique=True))
    parents = {one.rpartition(".")[0] for one in ids} - {""}
    inside = {".".join(parent.split(".")[: depth + 1]) for parent in parents for depth in range(parent.count(".") + 1)}
    tasks = [task(f"{one}_t", group=one.rpartition(".")[0] or None) for one in ids]
    groups = [group(one, one.rpartition(".")[0] or None) for one in sorted(inside)]
    pairs = [(before, after) for number, after in enumerate(tasks) for before in tasks[:number]]
    labels = st.sampled_from(["", "", "x", 'say "y"'])
    drawn = [Edge(before.task_id, after.task_id, label=draw(labels)) for before, after in pairs if draw(st.booleans())]
    return plan(*groups, *tasks, *drawn)
