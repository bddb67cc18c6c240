"""What an editor says of the keys of groups."""

from __future__ import annotations

import jsonschema
import pytest

from tidegate.cli.reference.schema import json_schema

SCHEMA = jsonschema.Draft7Validator(json_schema())
KEYS = {"defaults": {"retries": 1}, "tooltip": "x", "ui_color": "#fff", "ui_fgcolor": "#000", "prefix_group_id": False}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("uses", ["unloading", "unloading@2"])
def test_a_step_that_uses_a_template_takes_the_keys_of_a_group(key: str, uses: str) -> None:
    """For it becomes one."""
    assert SCHEMA.is_valid({"pipeline": "one", "steps": {"go": {"uses": uses, key: KEYS[key]}}})


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "step", [{"uses": "pipeline", "with": {"pipeline": "other"}}, {"uses": "airflow.sdk.BaseOperator"}, {"python": "a:b"}]
)
def test_no_other_step_does(key: str, step: dict[str, object]) -> None:
    """The editor marks them as the loader would."""
    assert SCHEMA.is_valid({"pipeline": "one", "steps": {"go": step}})
    assert not SCHEMA.is_valid({"pipeline": "one", "steps": {"go": {**step, key: KEYS[key]}}})
