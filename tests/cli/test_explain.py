"""``tidegate explain`` tells of every key what the reference tells."""

from __future__ import annotations

import json

import pytest
from command_line import called, tidegate

from tidegate.cli.reference.keys import keys
from tidegate.cli.reference.lookup import every_key, find
from tidegate.cli.reference.models import documented_models, kinds

TWICE = 2
"""Steps within a group are as steps without."""


def _told(key: str) -> str:
    done = called("explain", key)
    assert done.exit_code == 0, done.stderr
    return str(done.stdout)


def test_a_key_is_told_with_its_type_default_and_example() -> None:
    """As a person types it, on a pipe without colours."""
    done = tidegate("explain", "steps.with.accept.min_rows")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "steps.<step>.with.accept.min_rows\n  Fewer rows than this have not arrived; 0 accepts an empty branch.\n"
    )
    assert "  type      whole number, at least 0\n  default   1\n  kind      extract\n" in done.stdout
    assert done.stdout.endswith(
        "    steps:\n      extract:\n        uses: extract\n        with:\n          accept:\n            min_rows: 1\n"
    )


@pytest.mark.parametrize(
    "words",
    ["schedule.cron", "cron", "schedule.cron[]", "schedule.cron[0]"],
)
def test_a_key_is_found_by_its_path_and_by_its_end(words: str) -> None:
    """Whatever is the least to type."""
    assert _told(words).startswith("schedule.cron\n")


@pytest.mark.parametrize(
    "words",
    ["steps.with.at_least", "steps.<step>.with.at_least", "steps.arrived.with.at_least", "barrier.at_least", "at_least", "with.at_least"],
)
def test_the_names_of_steps_may_stand_in_a_path(words: str) -> None:
    """A path copied from a finding, from the reference page, or from memory."""
    assert _told(words).startswith("steps.<step>.with.at_least\n")


@pytest.mark.parametrize("words", ["alerts.notify.uses", "alerts[].notify.uses", "alerts.0.notify.uses", "alerts[0].notify.uses"])
def test_the_numbers_of_a_list_may_stand_in_a_path(words: str) -> None:
    """As they do in findings."""
    assert _told(words).startswith("alerts[].notify.uses\n")


def test_a_key_of_several_places_is_told_once_with_all_of_them() -> None:
    """And two keys of one name are told both."""
    told = _told("retries")
    assert told.count("Tries after the first") == 1
    assert "steps.<step>.retries" in told
    assert _told("timezone").count("  type ") >= 2


def test_a_kind_is_told_with_its_settings() -> None:
    """By the word that ``uses`` takes."""
    told = _told("barrier")
    assert told.startswith("uses: barrier\n  Decides whether what arrived is enough: all branches, ")
    assert "\n  at_least " in told
    assert told.endswith("    steps:\n      arrived:\n        needs: extract\n        uses: barrier\n        with: {at_least: 50%}\n")


def test_an_unknown_key_is_answered_by_the_nearest() -> None:
    """It ends in 2: the call was wrong."""
    done = called("explain", "steps.with.at_leas")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "There is no key 'steps.with.at_leas'. Did you mean 'steps.with.at_least'?\n"
    assert called("explain", "schedule.crn").stderr.endswith("Did you mean 'schedule.cron'?\n")
    assert called("explain", "bariier").stderr.endswith("Did you mean 'barrier'?\n")
    assert called("explain", "zzzzzzzz").stderr.endswith("tidegate explain lists every key.\n")


def test_json_holds_the_same() -> None:
    """For programs."""
    (key,) = json.loads(called("explain", "steps.with.accept.min_rows", "--json").stdout)["keys"]
    assert {name: key[name] for name in ("key", "kinds", "type", "required", "default", "schema")} == {
        "key": "steps.<step>.with.accept.min_rows",
        "kinds": ["extract"],
        "type": "whole number",
        "required": False,
        "default": "1",
        "schema": {"type": "integer", "minimum": 0},
    }
    told = json.loads(called("explain", "barrier", "--json").stdout)
    assert (told["kind"]["kind"], told["keys"]) == ("barrier", [])


def test_the_overview_has_every_key_of_every_model() -> None:
    """With the first sentence of its meaning; JSON has them by path."""
    text = called("explain").stdout
    by_path = {key["key"]: key for key in json.loads(called("explain", "--json").stdout)}
    for model in documented_models():
        for key in keys(model):
            assert f"  {key.name} " in text, f"{model.__name__}.{key.name}"
            assert key.gist in text, f"{model.__name__}.{key.name}"
    assert by_path["schedule.cron"]["meaning"].startswith("Five fields")


def test_every_key_is_found_by_its_path() -> None:
    """The path of the reference leads to the key, with names and without."""
    by_path = {found.path: found.key for found in every_key() if found.path.count("<step>") < TWICE}
    for path, key in by_path.items():
        assert key.name in {places[0].key.name for places in find(path)}, path
        assert path in {one.path for places in find(path) for one in places}, path


def test_every_key_and_kind_can_be_told() -> None:
    """In text and in JSON; what it finds includes what was asked."""
    for word in dict.fromkeys([*kinds(), *(found.key.name for found in every_key())]):
        assert word in _told(word)
        assert json.loads(called("explain", word, "--json").stdout)
