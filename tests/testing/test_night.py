"""What a test may say of a night, and what it is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import SpecError
from tidegate.resilience.quorum import Quorum
from tidegate.testing import Alert, Night, Unplayable

ROOT = Path(__file__).parents[2]
PROJECT = Path(__file__).parent / "project" / "include" / "pipelines"
NIGHTLY = Night.of(ROOT / "include" / "pipelines" / "nightly_sales.yaml")
REGIONS = NIGHTLY.branches["region"]
TAKINGS, TILLS, WAYS, NOTICES = (Night.of(PROJECT / f"{name}.yaml") for name in ("takings", "tills", "ways", "notices"))


def _night(folder: Path, text: str, **options: Any) -> Night:
    path = folder / "include" / "pipelines" / f"{text.partition(chr(10))[0].partition(': ')[2]}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Night.of(path, **options)


EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"


def test_a_good_night_is_complete() -> None:
    """Without a word said, everything succeeds."""
    result = NIGHTLY.play()
    assert (result.outcome, result.state, result.missing, result.alerts) == ("complete", "success", (), ())
    assert result.sentence == "nightly_sales for 2026-01-01 is complete: 10 of 10 regions, 10 rows."
    assert set(result.states.values()) == {"success"}
    assert result.ran == set(NIGHTLY.tasks)
    assert (result.skipped, result.failed, result.given_up) == (frozenset(), frozenset(), frozenset())


def test_a_pipeline_without_a_load_remembers_where_it_names_a_ledger(tmp_path: Path) -> None:
    """What is held counts, and the interval recovers; without a ledger nothing is held. A night that failed behind its barrier is not kept."""
    text = (
        "pipeline: sender\nLEDGER"
        "schedule: {cron: '0 2 * * *', start: 2026-01-01}\n"
        "steps:\n"
        "  extract: {for_each: {region: [north, south, west]}, uses: extract, with: {connection: 'sales_{region}', query: SELECT 1 AS n}}\n"
        "  arrived: {needs: extract, uses: barrier, with: {at_least: 2}}\n"
        f"  sent: {{needs: arrived, uses: {EMPTY}}}\n"
    )
    remembers = _night(tmp_path, text.replace("LEDGER", "ledger: books\n"))
    result = remembers.when(chosen={"region": "west"}, held=["north", "south"]).play()
    assert (result.outcome, result.state) == ("complete", "success")
    assert "west caught up" in result.sentence
    assert {event for alert in result.alerts for event in alert.on} >= {"recovered"}
    assert remembers.when(sent="failed", before="partial").play().outcome == "failed"
    forgets = _night(tmp_path, text.replace("LEDGER", ""))
    assert forgets.when(chosen={"region": "west"}, held=["north", "south"]).play().outcome == "partial"


def test_an_api_is_told_by_its_path(tmp_path: Path) -> None:
    """As the operator tells of it."""
    text = (
        "pipeline: crm\n"
        "schedule: {cron: '0 2 * * *', start: 2026-01-01}\n"
        "steps:\n"
        "  extract: {for_each: {region: [north, south]}, uses: extract, with: {connection: 'crm_{region}', http: {path: '/v1/{region}/orders'}}}\n"
        "  arrived: {needs: extract, uses: barrier, with: {at_least: 1}}\n"
    )
    result = _night(tmp_path, text).when(north="empty").play()
    assert "Missing: north (crm_north, /v1/north/orders, brought 0 rows, and accept: asks for at least 1)." in result.sentence


def test_a_partial_night_says_who_lacks_and_why() -> None:
    """Each in the words of the operator that failed."""
    result = NIGHTLY.when(texas="failed", florida="hangs", plains="empty", because={"texas": "the database is down"}).play()
    assert (result.outcome, result.state, result.needed) == ("partial", "success", 7)
    assert result.missing == ("florida", "plains", "texas")
    assert result.sentence == (
        "nightly_sales for 2026-01-01 is partial: 7 of 10 regions, 7 rows. Missing: florida (timed out after 0:10:00); plains "
        "(sales_plains, sql/sales_of_interval.sql, brought 0 rows, and accept: asks for at least 1); texas (the database is down)."
    )
    assert result.states["load"] == "success"
    assert result.of("extract")["texas"] == "failed"
    assert result.alerts == (Alert(("partial", "failed", "recovered"), "tidegate.notifications.LogNotifier"),)


def test_a_short_night_loads_nothing() -> None:
    """Four of ten are missing where seven are needed; or one that is required."""
    result = NIGHTLY.when(dict.fromkeys(REGIONS[-4:], "failed")).play()
    assert (result.outcome, result.state, result.events) == ("short", "failed", {"failed"})
    assert result.given_up == {"by_product", "load"}
    assert NIGHTLY.when(northeast="failed").play().outcome == "short"


def test_a_branch_that_hangs_is_a_failed_one_that_takes_all_its_time() -> None:
    """It holds the barrier up by each of its tries."""
    quick, slow = NIGHTLY.when(texas="failed").play(), NIGHTLY.when(texas="hangs").play()
    assert slow.run.seconds - quick.run.seconds == 2 * 600 - 60
    assert list(slow.states).index("extract.texas") == len(REGIONS) - 1


def test_a_catch_up_brings_what_is_missing() -> None:
    """What is held counts; the others are not asked for; the interval has recovered."""
    rest = [region for region in REGIONS if region != "texas"]
    result = NIGHTLY.when(chosen={"region": "texas"}, held=rest, texas=12).play()
    assert (result.outcome, result.arrived, result.events) == ("complete", ("texas",), {"complete", "recovered"})
    assert result.sentence.endswith("10 of 10 regions, 21 rows; texas caught up.")
    assert result.skipped == {f"extract.{region}" for region in rest}
    assert len(result.alerts) == 1
    assert NIGHTLY.when(chosen={"region": "texas"}, held=rest, before="complete").play().alerts == ()
    assert NIGHTLY.when(chosen={"region": ["texas"]}, held=rest, texas="failed").play().outcome == "short"
    assert (
        NIGHTLY.when(chosen={"region": "northeast"}, held=["texas"])
        .play()
        .sentence.startswith("nightly_sales for 2026-01-01 is partial: 2 of 10")
    )


def test_a_night_is_never_changed() -> None:
    """Each word makes another night, on top of what was said before."""
    partial = NIGHTLY.when(texas="failed")
    worse = partial.when(florida="failed")
    assert (NIGHTLY.play().outcome, partial.play().missing, worse.play().missing) == ("complete", ("texas",), ("florida", "texas"))
    assert worse.when(texas="arrived").play().missing == ("florida",)


def test_routes_are_told_of_what_they_are_set_on() -> None:
    """Each alert of the file by itself, also one and the same notifier."""
    assert [alert.on for alert in TAKINGS.when(ben="failed").play().alerts] == [("partial",)]
    assert [alert.on for alert in TAKINGS.when(anna="failed").play().alerts] == [("failed", "recovered")]
    assert [alert.on for alert in TAKINGS.when(chosen={"shop": "ben"}, held=["anna", "carl", "dora"]).play().alerts] == [
        ("failed", "recovered")
    ]


def test_a_branch_of_a_group_fails_in_its_extract_or_where_it_is_told() -> None:
    """What befalls a branch befalls its extract; any other task has a name of its own."""
    result = TILLS.when(ben="failed").play()
    assert (result.failed, result.given_up) == ({"shops.ben.extract"}, {"shops.ben.seal"})
    result = TILLS.when({"shops.ben": "failed"}, fails="shops.carl.check").play()
    assert (result.failed & {"shops.ben.extract", "shops.carl.check"}) == {"shops.ben.extract", "shops.carl.check"}
    assert result.outcome == "short"
    assert result.states["shops.carl.tidy"] == "success"
    assert TILLS.when({"shops.seal": "failed"}).play().failed >= {f"shops.{shop}.seal" for shop in ("anna", "ben", "carl")}
    assert TILLS.when(anna="empty").play().outcome == "complete"


def test_ways_and_conditions_are_told() -> None:
    """A choice skips what is not chosen; a condition that does not hold skips its step."""
    night = WAYS.when(choices={"route": "long"})
    assert night.play().skipped == {"quick", "last"}
    assert night.when(conditions={"long.second": False}).play().skipped == {"quick", "long.second", "long.third", "join", "each", "last"}
    assert WAYS.when(choices={"route": None}).play().states["quick"] == "skipped"
    with pytest.raises(Unplayable, match="Nothing says which way route goes"):
        WAYS.play()


def test_a_pipeline_without_an_outcome_has_the_state_of_its_last_tasks() -> None:
    """Nobody is told; what failed is named all the same."""
    result = WAYS.when(choices={"route": "quick"}, fails="each").play()
    assert (result.outcome, result.alerts, result.record, result.needed) == ("failed", (), None, 0)
    assert result.sentence == "ways for 2026-01-01 failed: each (see its log)."


def test_who_ends_first_matters_to_rules_that_do_not_wait(tmp_path: Path) -> None:
    """The rule looks at what has ended by then."""
    night = _night(
        tmp_path,
        f"pipeline: race\nsteps:\n  a: {{uses: {EMPTY}}}\n  b: {{uses: {EMPTY}}}\n  c: {{needs: [a, b], uses: {EMPTY}}}\n",
    ).when(a="skipped", b="failed")
    assert night.when(takes={"b": "2m"}).play().states["c"] == "skipped"
    assert night.when(takes={"a": "2m"}).play().states["c"] == "upstream_failed"


def test_a_short_circuit_skips_all_behind_it(tmp_path: Path) -> None:
    """Whatever their rules say, as Airflow's operator does."""
    uses = "airflow.providers.standard.operators.python.ShortCircuitOperator"
    night = _night(
        tmp_path,
        f"pipeline: gate\nsteps:\n  gate: {{uses: {uses}, with: {{python_callable: {{import: airflow.sdk.timezone.utcnow}}}}}}\n"
        f"  a: {{needs: gate, uses: {EMPTY}}}\n  b: {{needs: a, uses: {EMPTY}, trigger_rule: all_done}}\n",
    )
    assert night.when(choices={"gate": None}).play().skipped == {"a", "b"}
    assert night.when(choices={"gate": "a"}).play().skipped == frozenset()


def test_any_step_may_be_told_to_choose(tmp_path: Path) -> None:
    """An operator that skips those behind it need not be one that the kit knows by its name."""
    uses = "airflow.providers.standard.operators.latest_only.LatestOnlyOperator"
    text = f"pipeline: latest\nsteps:\n  now: {{uses: {uses}}}\n  a: {{needs: now, uses: {EMPTY}}}\n"
    assert _night(tmp_path, text).play().states["a"] == "success"
    assert _night(tmp_path, text).when(choices={"now": None}).play().states["a"] == "skipped"


def test_environments_and_days_are_chosen(tmp_path: Path) -> None:
    """The night is the one of that environment, about that day."""
    text = (
        "pipeline: shops\nvariables: {enough: 2}\nenvironments: {prod: {enough: 1}}\nsteps:\n"
        "  extract: {for_each: {shop: [a, b]}, uses: extract, with: {connection: c, query: SELECT 1}}\n"
        '  arrived: {needs: extract, uses: barrier, with: {at_least: "${enough}"}}\n'
        "  load: {needs: arrived, uses: load, with: {connection: w, table: t, replace: [day, shop]}}\n"
    )
    assert _night(tmp_path, text).when(a="failed").play().outcome == "short"
    result = _night(tmp_path, text, environment="prod", day=date(2026, 3, 4)).when(a="failed").play()
    assert result.sentence.startswith("shops for 2026-03-04 is partial")


@pytest.mark.parametrize(
    ("night", "said", "told"),
    [
        (NIGHTLY, {"texsa": "failed"}, r"no task, step, group or branch 'texsa'. Did you mean 'texas'\?"),
        (NIGHTLY, {"texas": "fialed"}, r"'fialed' is nothing that can become of extract.texas. Did you mean 'failed'\?"),
        (NIGHTLY, {"load": "empty"}, "load is no extract"),
        (NIGHTLY, {"load": True}, "nothing that can become"),
        (WAYS, {"quick": "hangs"}, "quick has no timeout: if it hung, all that waits for it would wait for ever"),
        (NIGHTLY, {"chosen": {"regions": "texas"}}, r"Nothing is repeated over 'regions'. Did you mean 'region'\?"),
        (NIGHTLY, {"chosen": {"region": "texsa"}}, r"There is no branch 'texsa'. Did you mean 'texas'\?"),
        (NIGHTLY, {"held": ["texsa"]}, "There is no branch 'texsa'"),
        (NIGHTLY, {"rows": {"texsa": 1}}, "There is no branch 'texsa'"),
        (NIGHTLY, {"conditions": {"load": True}}, "'load' has no condition"),
        (WAYS, {"choices": {"route": "join"}}, r"'join' is no step right behind route"),
    ],
)
def test_what_cannot_happen_is_refused(night: Night, said: dict[str, Any], told: str) -> None:
    """A misspelt test would else be green for ever."""
    with pytest.raises(Unplayable, match=told):
        night.when(**said)


def test_a_wrong_file_is_told_with_its_findings(tmp_path: Path) -> None:
    """As the command line tells it."""
    with pytest.raises(SpecError, match="unknown key 'need'"):
        _night(tmp_path, f"pipeline: wrong\nsteps:\n  a: {{uses: {EMPTY}, need: b}}\n")
    with pytest.raises(SpecError, match="unknown key 'need'"):
        Night.each(tmp_path / "include" / "pipelines")
    with pytest.raises(SpecError, match="no pipeline file"):
        Night.each(tmp_path / "include" / "nothing")


def test_all_pipelines_of_a_folder_have_a_night() -> None:
    """For tests that hold for each; the name is the test's id."""
    files = sorted(path.stem for path in PROJECT.glob("*.yaml"))
    assert [str(night) for night in Night.each(PROJECT)] == files
    assert len(files) > 9


WORDS = st.dictionaries(st.sampled_from(REGIONS), st.sampled_from(["failed", "hangs", "empty", "skipped", "arrived", 7]))


@given(WORDS)
def test_a_night_is_decided_by_its_quorum_alone(said: dict[str, str | int]) -> None:
    """Whatever becomes of the branches: what is needed, who is missing, whether the load runs, and nobody is forgotten."""
    result = NIGHTLY.when(said).play()
    missing = {region for region, word in said.items() if word not in {"arrived", 7}}
    enough = len(REGIONS) - len(missing) >= Quorum.parse("70%").at_least.of(len(REGIONS)) and "northeast" not in missing
    assert set(result.missing) == missing
    assert result.outcome == ("short" if not enough else "partial" if missing else "complete")
    assert (result.states["load"] == "success") == enough == (result.state == "success")
    assert all(region in result.sentence for region in result.missing[:8])  # the others are counted


@given(WORDS)
def test_a_play_is_the_same_each_time(said: dict[str, str | int]) -> None:
    """Nothing is left from one to the next, and no clock or chance decides."""
    first, second = NIGHTLY.when(said).play(), NIGHTLY.when(said).play()
    assert list(first.states.items()) == list(second.states.items())
    assert first.verdict == second.verdict


@given(WORDS, st.sampled_from(REGIONS))
def test_one_arrival_more_never_makes_a_night_worse(said: dict[str, str | int], region: str) -> None:
    """From short over partial to complete, never back."""
    order = ["short", "partial", "complete"]
    night = NIGHTLY.when(said)
    assert order.index(night.when({region: "arrived"}).play().outcome) >= order.index(night.play().outcome)


def test_a_step_mapped_over_nothing_is_skipped() -> None:
    """As Airflow skips it, and what is behind it by its rule."""
    result = NOTICES.play()
    assert result.skipped == {"nobody", "behind"}
    assert result.states["whatever"] == "success"


def test_a_teardown_that_fails_is_told_and_fails_no_run_unless_it_says_so() -> None:
    """Under an outcome as without one."""
    left = NOTICES.when(fails="close").play()
    assert (left.state, left.outcome, left.published) == ("success", "complete", ("notices",))
    assert left.sentence == "notices for 2026-01-01 is complete. Not taken down: close (see its log)."
    assert NOTICES.when(fails="shut").play().sentence == "notices for 2026-01-01 failed: shut (see its log)."


def test_a_night_may_be_about_no_interval_where_nothing_works_on_rows() -> None:
    """Such as a run by hand of a pipeline without a schedule."""
    path = PROJECT / "notices.yaml"
    assert Night.of(path, day=None).play().sentence == "notices is complete."
    with pytest.raises(Unplayable, match=r"extract\.anna works on the rows of an interval"):
        Night.of(PROJECT / "takings.yaml", day=None).play()
