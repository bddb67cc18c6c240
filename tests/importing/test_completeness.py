"""The importer knows every argument that Airflow has, and every path that has moved."""

from __future__ import annotations

import importlib
import importlib.util
import inspect

import airflow.operators
import airflow.sensors
import pytest

from tidegate.importing import effort, objects, pipeline, steps
from tidegate.model import moved_names
from tidegate.model.airflow_names import DAG_ARGUMENTS, OPERATOR_ARGUMENTS, Elsewhere

NOT_OPERATORS = {"get_current_context", "ExternalDagLink", "ExternalTaskMarker"}


def moved() -> list[tuple[str, str]]:
    """Airflow's own table of what it has moved."""
    tables = [("operators", vars(airflow.operators)), ("sensors", vars(airflow.sensors))]
    return [
        (f"airflow.{package}.{module}.{name}", target)
        for package, names in tables
        for module, classes in names["__deprecated_classes"].items()
        for name, target in classes.items()
        if name not in NOT_OPERATORS
    ]


@pytest.mark.parametrize(("old", "new"), moved())
def test_what_airflow_has_moved_is_found(old: str, new: str) -> None:
    """Under the path that Airflow itself sends people to."""
    assert moved_names.today(old) == new


def test_moved_modules_are_there() -> None:
    """Those of packages that are installed here."""
    installed = ("airflow.sdk", "airflow.providers.standard", "airflow.providers.common.sql", "airflow.providers.smtp")
    targets = sorted({target for target in moved_names.MOVED.values() if target.startswith(installed)})
    assert len(targets) > 15
    assert [target for target in targets if importlib.util.find_spec(target) is None] == []


def test_every_argument_of_an_operator_is_said_or_told() -> None:
    """None of them ends under ``with``, where the language refuses it."""
    known = effort.KEYS | steps._OWN | steps._REFUSED.keys()
    assert OPERATOR_ARGUMENTS.keys() - known == set()


@pytest.mark.parametrize("key", sorted(key for key, said in OPERATOR_ARGUMENTS.items() if isinstance(said, str)))
def test_arguments_have_the_names_of_the_language(key: str) -> None:
    """Each is said by the key that the language has for it."""
    said, wanted = effort._SAID.get(key, (key,))[0], str(OPERATOR_ARGUMENTS[key])
    assert wanted.startswith("retry.") or said == wanted


def test_every_argument_of_a_dag_is_said_or_told() -> None:
    """What the language has a key for is read, and not left out as unknown."""
    read = pipeline._TOP.keys() | pipeline._ELSEWHERE | pipeline._UNSAYABLE.keys() | {"dag_id"}
    assert {key for key, said in DAG_ARGUMENTS.items() if not isinstance(said, Elsewhere)} - read == set()


@pytest.mark.parametrize("path", [path for path in objects._POSITIONAL if path.startswith(("airflow.", "datetime."))])
def test_positional_arguments_have_their_names(path: str) -> None:
    """By name they mean what they mean by position."""
    names = objects._POSITIONAL[path]
    if path == "datetime.timedelta":  # written in C, without a signature
        from datetime import timedelta

        assert timedelta(**dict.fromkeys(names, 1)) == timedelta(*[1] * len(names))
        return
    module, _, name = path.rpartition(".")
    parameters = list(inspect.signature(getattr(importlib.import_module(module), name).__init__).parameters)
    assert tuple(parameters[1 : len(names) + 1]) == names
