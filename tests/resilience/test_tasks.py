"""How tasks ended: a mapped one is as good as its worst index."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidegate.resilience.tasks import TaskEnd, asked_for, by_task, worst_ends

STATES = ("removed", "success", "skipped", "upstream_failed", "failed")


def test_a_mapped_task_is_as_good_as_its_worst_index() -> None:
    """The index is kept, by which its reason is found; of several the first."""
    ends = [TaskEnd("pull", "failed", 0), TaskEnd("pull", "success", 1), TaskEnd("pull", "failed", 2), TaskEnd("open", "success")]
    assert worst_ends(ends) == {"pull": TaskEnd("pull", "failed", 0), "open": TaskEnd("open", "success")}


def test_an_end_is_called_by_its_index_where_it_has_one() -> None:
    """As people find it in the UI."""
    assert (TaskEnd("pull", "failed", 2).name, TaskEnd("open", "success").name) == ("pull[2]", "open")


@given(states=st.lists(st.sampled_from(STATES), min_size=1))
def test_the_order_of_indexes_does_not_matter(states: list[str]) -> None:
    """Whichever ends first, the worst state wins."""
    found = worst_ends(TaskEnd("pull", state, index) for index, state in enumerate(states))["pull"]
    assert found.state == max(states, key=STATES.index)


def test_a_hundred_ids_fit_into_one_question() -> None:
    """For more the whole run is asked for."""
    ids = [f"task_{number}" for number in range(101)]
    assert asked_for(ids[:100]) == ids[:100]
    assert asked_for(ids) is None


def test_the_index_of_a_mapped_task_is_what_stands_last() -> None:
    """A task's id may have underscores itself, and may end in a number."""
    found = by_task({"pull_each_0": "success", "pull_each_1": None, "part_2": "failed", "other": "running"}, ["pull_each", "part_2"])
    assert found == {"pull_each": ["success", None], "part_2": ["failed"]}
