"""What tasks make of shares of the rows of all branches: loaded as one part, all or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from dealing import (
    APAC,
    EMEA,
    KEYS,
    SQL,
    all_of,
    by_frame,
    by_frames,
    computed,
    number,
    order,
    receipts,
    table,
    totals,
    warehouse,
)
from nights import DAY, START, Night

from tidegate.data.manifest import Manifest
from tidegate.data.transform import transform_sql
from tidegate.data.wholes import gathered
from tidegate.errors import DataRefused, LoadRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd


# -- What is made of them ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [None, by_frame, by_frames])
def test_rows_of_equal_values_are_with_one_task_whatever_their_branch(anywhere: Night, function: Callable[..., Any] | None) -> None:
    """So a total over all branches is computed in parts, by SQL, by a frame, by a generator; and loaded as one part, with a receipt for each branch."""
    emea, apac = anywhere.stage(EMEA), anywhere.stage(APAC, "apac")
    made = all_of(anywhere, emea, apac, function=function)
    assert [part.branch for part in made] == ["part 1 of 4", "part 2 of 4", "part 3 of 4", "part 4 of 4"]
    assert {part.branches for part in made} == {("emea", "apac")}
    assert all(Manifest.from_dict(part.as_dict()) == part for part in made)
    report = anywhere.load(*made, replace=KEYS)
    assert warehouse(anywhere) == totals(EMEA, APAC)
    assert (report.rows, report.loaded, report.superseded) == (10, ("apac", "emea"), ())
    held = receipts(anywhere)
    assert held["emea"] == held["apac"]
    assert held["emea"][0] == 10


def test_generators_get_frames_of_their_share_only(night: Night) -> None:
    """One of no rows where there are none, as ever."""
    seen: list[int] = []

    def count(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            seen.append(len(frame))
            yield frame

    part = night.stage([order(1, 1)])
    made = all_of(night, part, function=count)
    assert sum(made_of.rows for made_of in made) == 1
    assert sorted(seen) == [0, 0, 0, 1]


def test_the_number_of_rows_that_were_set_aside_before_is_counted_once(night: Night) -> None:
    """Though each share is made of all inputs."""
    part = replace(night.stage(EMEA), quarantined=3)
    (whole,) = gathered(all_of(night, part))
    assert whole.quarantined == 3


# -- Never half -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [{"replace": KEYS}, {"replace": (), "mode": "append"}, {"replace": (), "mode": "swap"}])
def test_a_missing_share_keeps_all_from_the_warehouse(anywhere: Night, mode: dict[str, Any]) -> None:
    """Rows of a branch are all there, or none; what was there before stays."""
    old = all_of(anywhere, anywhere.stage(EMEA[:5]))
    anywhere.load(*old, **mode)
    new = all_of(anywhere, anywhere.stage(EMEA))
    with pytest.raises(DataRefused) as caught:
        anywhere.load(*new[:2], new[3], **mode)
    assert str(caught.value) == (
        "Of the 4 parts of by_customer that were made of the same rows part 3 is missing. Clear all of by_customer that did not succeed "
        "or is older than the rest: its parts go together, or not at all."
    )
    assert warehouse(anywhere) == totals(EMEA[:5])
    with pytest.raises(DataRefused, match="parts 1, 2, 4 are missing"):
        anywhere.load(new[2], **mode)
    assert warehouse(anywhere) == totals(EMEA[:5])


def test_shares_of_other_rows_do_not_make_a_whole(night: Night) -> None:
    """A task that was cleared alone after the branches were read anew sees other rows than its siblings did."""
    old, new = all_of(night, night.stage(EMEA)), all_of(night, night.stage(EMEA[:9]))
    with pytest.raises(DataRefused, match=r"part 4 is missing; 1 is made of other rows\."):
        night.load(old[3], *new[:3], replace=KEYS)
    # Where the newest are all there, what Airflow kept of earlier tries does not matter.
    fewer = all_of(night, night.stage(EMEA), of=2)
    night.load(*new, *fewer, replace=KEYS)
    assert warehouse(night) == totals(EMEA)


def test_a_damaged_share_keeps_all_from_the_warehouse(night: Night) -> None:
    """As a damaged file does that is a whole part."""
    made = all_of(night, night.stage(EMEA))
    (night.folder / "staging" / made[2].path).write_bytes(b"?")
    with pytest.raises(DataRefused, match="The staged file of by_customer for part 3 of 4 is damaged"):
        night.load(*made, replace=KEYS)


# -- Again ------------------------------------------------------------------------------------------------------------------------


def test_one_of_them_computed_anew_replaces_the_whole(anywhere: Night) -> None:
    """The attempt is that of the whole: newer by one share, it is newer; and what it replaces is gone, keys that come no more among it."""
    emea = anywhere.stage(EMEA)
    made = all_of(anywhere, emea)
    anywhere.load(*made, replace=KEYS)
    first = receipts(anywhere)["emea"][1]
    again = [computed(anywhere, [emea], 0, sql=f"SELECT * FROM ({SQL}) WHERE false"), *made[1:]]
    report = anywhere.load(*again, replace=KEYS)
    assert report.loaded == ("emea",)
    assert warehouse(anywhere) == {customer: cents for customer, cents in totals(EMEA).items() if number([customer], 4) != 0}
    assert receipts(anywhere)["emea"][1] != first
    # The zombie that still has the shares of before changes nothing.
    report = anywhere.load(*made, replace=KEYS)
    assert (report.rows, report.superseded) == (0, ("emea",))


@pytest.mark.parametrize(
    "mode",
    [
        {"replace": KEYS},
        {"replace": (), "mode": "append"},
        {"replace": (), "merge": KEYS, "mode": "merge"},
        {"replace": (), "mode": "swap"},
    ],
)
def test_the_same_shares_loaded_twice_change_nothing(anywhere: Night, mode: dict[str, Any]) -> None:
    """A load that is tried again after it had committed; in every mode, and in whatever order they come."""
    made = all_of(anywhere, anywhere.stage([row for row in EMEA if row["customer"] is not None]), anywhere.stage(APAC, "apac"))
    for parts in (made, made[::-1]):
        anywhere.load(*parts, **mode)
        assert warehouse(anywhere) == totals([row for row in EMEA if row["customer"] is not None], APAC)
    assert receipts(anywhere).keys() == {"emea", "apac"}


def test_a_branch_that_comes_later_is_computed_with_those_that_are_there(anywhere: Night) -> None:
    """A customer of two branches has one row, so a catch-up deals out all that is staged; alone it is refused, for it would delete the others' rows."""
    emea = anywhere.stage(EMEA)
    anywhere.load(*all_of(anywhere, emea), replace=KEYS)
    apac = anywhere.stage(APAC, "apac")
    with pytest.raises(
        LoadRefused, match="The table holds rows of emea in day=2026-01-01, customer=0, and the combined rows of apac would delete them"
    ):
        anywhere.load(*all_of(anywhere, apac), replace=KEYS)
    anywhere.load(*all_of(anywhere, apac, emea), replace=KEYS)
    assert warehouse(anywhere) == totals(EMEA, APAC)
    assert receipts(anywhere).keys() == {"emea", "apac"}


def test_of_two_attempts_of_a_share_the_newest_counts(night: Night) -> None:
    """Whichever comes first, where a retry and the zombie before it both hand theirs over."""
    emea = night.stage(EMEA)
    old, *others = all_of(night, emea)
    new = computed(night, [emea], 0, sql=f"SELECT * FROM ({SQL}) WHERE false")
    assert old.written_at < new.written_at
    for parts in ([old, new, *others], [new, old, *others], [*others, new, old]):
        (whole,) = gathered(parts)
        assert [part.attempt for part in whole.files] == [new.attempt, *(part.attempt for part in others)]
        assert whole.written_at == new.written_at


def test_another_night_leaves_the_first_alone(night: Night) -> None:
    """A backfill of a day is about that day."""
    night.load(*all_of(night, night.stage(EMEA)), replace=KEYS)
    made = all_of(night, night.stage(APAC, start=START - DAY), key=night.key("part", step="by_customer", start=START - DAY))
    night.load(*made, replace=KEYS, start=START - DAY)
    assert night.query("SELECT day, sum(amount) FROM sales GROUP BY 1 ORDER BY 1") == [
        ("2025-12-31", sum(totals(APAC).values())),
        ("2026-01-01", sum(totals(EMEA).values())),
    ]


def test_rows_that_stand_in(night: Night) -> None:
    """Where some share could not be computed with them, the whole is the one without them."""
    emea = night.stage(EMEA)
    apac = replace(night.stage(APAC, "apac"), stale={"apac": (START - DAY).isoformat()})
    with_all = [replace(part, instead=without) for part, without in zip(all_of(night, emea, apac), all_of(night, emea), strict=True)]
    (whole,) = gathered(with_all)
    assert whole.stale.keys() == {"apac"}
    assert whole.instead is not None
    assert whole.instead.branches == ("emea",)
    failed = with_all[1].instead
    assert failed is not None
    (whole,) = gathered([with_all[0], failed, *with_all[2:]])
    assert (whole.branches, whole.stale, whole.instead) == (("emea",), {}, None)
    night.load(*with_all, replace=KEYS)
    assert warehouse(night) == totals(EMEA, APAC)
    night.load(with_all[0], failed, *with_all[2:], replace=KEYS)
    assert warehouse(night) == totals(EMEA)


def test_what_combines_shares_wants_all_of_them(night: Night) -> None:
    """A transform behind sees the rows of all, as of one input."""
    inputs = gathered(all_of(night, night.stage(EMEA), night.stage(APAC, "apac")))
    total = transform_sql(
        inputs, "SELECT count(*) AS customers, sum(amount) AS amount FROM input", key=night.key("all", step="total"), staging=night.staging,
        attempt="t", correlation_id="c-1",
    )  # fmt: skip
    assert table(night, total) == [{"customers": 10, "amount": sum(totals(EMEA, APAC).values())}]
    assert total.branches == ("emea", "apac")
