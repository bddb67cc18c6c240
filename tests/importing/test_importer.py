"""The importer's promises: it runs nothing, it is exact about places, it takes any file, and its pieces keep their laws."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.importing import Imported, import_dag_factory
from tidegate.importing.assets import expression
from tidegate.importing.desk import Desk
from tidegate.importing.moments import human
from tidegate.importing.objects import LOST
from tidegate.importing.remarks import Remarks
from tidegate.importing.source import Place, UnreadableError, Value, parse
from tidegate.model.durations import LONGEST, parse_duration

TODAY = date(2026, 3, 1)
EMPTY = "airflow.operators.empty.EmptyOperator"


def of_text(folder: Path, text: str) -> Imported:
    """What becomes of a file with this text."""
    path = folder / "dags" / "some.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return import_dag_factory([path], today=TODAY, folder=folder / "include" / "pipelines")


# -- It runs nothing ------------------------------------------------------------------------------------------------


def test_nothing_that_a_file_names_is_imported_or_called(tmp_path: Path) -> None:
    """Neither by ``__type__``, nor by a callable's path or file, nor by a tag, a macro, a callback, or an operator."""
    (tmp_path / "dags").mkdir()
    mark = tmp_path / "it_ran"
    for name in ("loaded.py", "dags/loaded.py"):
        (tmp_path / name).write_text(f"open({str(mark)!r}, 'w')\n\ndef run():\n    pass\n\nclass Thing:\n    pass\n", encoding="utf-8")
    text = f"""
loaded:
  schedule: {{__type__: loaded.Thing}}
  user_defined_macros: {{run: loaded.run}}
  on_failure_callback: {{callback: loaded.run, a: 1}}
  doc_md_python_callable_name: run
  doc_md_python_callable_file: {tmp_path}/loaded.py
  tasks:
    one: {{operator: loaded.Thing, thing: {{__type__: os.mkdir, __args__: [{tmp_path}/made]}}}}
    two: {{operator: airflow.operators.python.PythonOperator, python_callable: loaded.run}}
    three: {{decorator: loaded.Thing, python_callable_name: run, python_callable_file: {tmp_path}/loaded.py}}
    four: {{operator: {EMPTY}, on_success_callback: !!python/name:loaded.run , path: {{__type__: os.path.join, a: b}}}}
    five: {{operator: airflow.providers.http.sensors.http.HttpSensor, response_check_lambda: "open('{mark}', 'w')"}}
    six: {{operator: {EMPTY}, object: !!python/object/apply:os.mkdir ["{tmp_path}/made"]}}
"""
    sys.path.insert(0, str(tmp_path))
    try:
        found = of_text(tmp_path, text)
    finally:
        sys.path.remove(str(tmp_path))
    assert [pipeline.name for pipeline in found.pipelines] == ["loaded"]
    assert not mark.exists()
    assert not (tmp_path / "made").exists()
    assert "loaded" not in sys.modules


def test_the_environment_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that dag-factory would put into the DAG never reaches the file."""
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    found = of_text(tmp_path, f"a:\n  tasks:\n    one: {{operator: {EMPTY}, token: $SECRET_TOKEN}}\n")
    assert "hunter2" not in found.pipelines[0].text
    assert "token: ${SECRET_TOKEN}" in found.pipelines[0].text.replace('"', "")


def test_importing_needs_no_airflow() -> None:
    """The package, and a whole import, in a fresh interpreter."""
    corpus = Path(__file__).parent / "corpus" / "nightly" / "dags" / "stores.yml"
    code = (
        "import sys; from pathlib import Path; from datetime import date; from tidegate.importing import import_dag_factory\n"
        f"assert import_dag_factory([Path({str(corpus)!r})], today=date(2026, 3, 1), folder=Path('x')).pipelines\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'airflow', 'sqlalchemy', 'pandas', 'duckdb', 'pyarrow'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# -- It takes any file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a: [", "is no valid YAML"),
        ("a: &x [*x]", "too deep"),
        ("\x01", "is no valid YAML"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)),
            "too much",
        ),
        ("[" * 100 + "]" * 100, "too deep"),
    ],
)
def test_a_file_that_is_no_yaml_is_a_trouble(tmp_path: Path, text: str, message: str) -> None:
    """It is told with what to do, and never raises."""
    found = of_text(tmp_path, text)
    assert found.pipelines == ()
    assert message in found.troubles[0].message
    assert found.troubles[0].hint


def test_bytes_that_are_no_text_are_a_trouble(tmp_path: Path) -> None:
    """And so is a file that is not there."""
    path = tmp_path / "a.yml"
    path.write_bytes(b"a: \xff\n")
    found = import_dag_factory([path, tmp_path / "b.yml"], today=TODAY, folder=tmp_path)
    assert [trouble.message for trouble in found.troubles] == ["is not UTF-8", "cannot be read: No such file or directory"]


@pytest.mark.parametrize(
    "text", ["- a", "just text", "a: 1", "a: {tasks: 1}", "a: {tasks: {x: 1}}", "a: {tasks: [1, x]}", "default: 7\na: {tasks: {}}"]
)
def test_a_file_of_another_shape_is_told(tmp_path: Path, text: str) -> None:
    """YAML that is nothing of dag-factory's ends in remarks."""
    assert of_text(tmp_path, text).lost


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["a", "+a", "1 day", "$X", "a.b", "@daily", "{{ ds }}", ""])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["__type__", "__args__", "__or__", "__and__", "__join__", "a", "items", "name", "uri", "callback"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)
KEYS = st.sampled_from([
    "schedule", "default_args", "tags", "params", "start_date", "end_date", "timezone", "catchup", "task_groups", "on_failure_callback",
    "on_success_callback_name", "user_defined_macros", "doc_md_file_path", "dagrun_timeout", "description", "concurrency",
])  # fmt: skip
TASK_KEYS = st.sampled_from([
    "operator", "decorator", "dependencies", "task_group_name", "python_callable", "python_callable_name", "python_callable_file", "op_kwargs",
    "expand", "partial", "retries", "retry_delay", "email", "params", "outlets", "inlets", "variables_as_arguments", "execution_timeout", "x",
    "trigger_rule", "on_retry_callback", "response_check_lambda", "retry_exponential_backoff", "sla", "executor_config",
])  # fmt: skip


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(TASK_KEYS, VALUES, max_size=5))
def test_no_file_makes_it_raise(tmp_path_factory: pytest.TempPathFactory, dag: dict[str, Any], task: dict[str, Any]) -> None:
    """Whatever stands in the keys that dag-factory knows."""
    import yaml

    folder = tmp_path_factory.mktemp("any")
    task = {"operator": EMPTY, **task}
    found = of_text(folder, yaml.safe_dump({"a": {**dag, "tasks": {"a": {"operator": EMPTY}, "b": task}}}))
    assert not found.troubles
    for pipeline in found.pipelines:
        yaml.safe_load(pipeline.text)


# -- It is exact ----------------------------------------------------------------------------------------------------


def test_remarks_have_the_place_of_the_key(tmp_path: Path) -> None:
    """Line and column of the key, its path, and the line itself."""
    found = of_text(tmp_path, f"etl:\n  tasks:\n    load:\n      operator: {EMPTY}\n      sla: 60\n")
    finding = found.lost[0].finding
    assert (finding.line, finding.column, finding.path, finding.excerpt) == (5, 7, "etl.tasks.load.sla", "      sla: 60")


def test_what_a_default_block_says_is_told_there(tmp_path: Path) -> None:
    """Once, though it reaches two DAGs; each of their files has the comment."""
    found = of_text(tmp_path, f"default:\n  sla_miss_callback: a.b\n  tasks: {{x: {{operator: {EMPTY}}}}}\none: {{}}\ntwo: {{}}\n")
    assert [(remark.finding.line, remark.finding.path) for remark in found.lost] == [(2, "default.sla_miss_callback")]
    assert all("# sla_miss_callback (some.yml:2) cannot be said" in pipeline.text for pipeline in found.pipelines)
    assert len(found.pipelines) == 2


def test_two_dags_of_one_name_are_a_trouble(tmp_path: Path) -> None:
    """One of them would be written over."""
    paths = [tmp_path / "a.yml", tmp_path / "b.yml"]
    for path in paths:
        path.write_text(f"same: {{tasks: {{x: {{operator: {EMPTY}}}}}}}\n", encoding="utf-8")
    found = import_dag_factory(paths, today=TODAY, folder=tmp_path)
    assert len(found.pipelines) == 1
    assert "is called same too" in found.troubles[0].message


def test_defaults_count_from_the_folder_that_is_given(tmp_path: Path) -> None:
    """By default from the nearest folder called dags; a defaults.yml by itself is no DAG."""
    folder = tmp_path / "config" / "dags" / "team"
    folder.mkdir(parents=True)
    for place, owner in ((tmp_path / "config", "all"), (folder.parent, "dags")):
        (place / "defaults.yml").write_text(f"default_args: {{owner: {owner}, queue: of_{owner}}}\n", encoding="utf-8")
    (folder / "defaults.yaml").write_text("default_args: {owner: team}\n", encoding="utf-8")
    (folder / "a.yml").write_text(f"a: {{tasks: {{x: {{operator: {EMPTY}}}}}}}\n", encoding="utf-8")

    def text(defaults: Path | None) -> str:
        files = sorted(folder.glob("*.y*ml"))
        return import_dag_factory(files, today=TODAY, folder=tmp_path, defaults=defaults).pipelines[0].text

    assert "owner: team\n" in text(None)
    assert "queue: of_dags" in text(None)
    (folder.parent / "defaults.yml").write_text("", encoding="utf-8")
    (folder.parent / "defaults.yml").unlink()
    assert "queue: of_all" in text(tmp_path / "config")
    assert "queue" not in text(folder)


# -- Its pieces -----------------------------------------------------------------------------------------------------


@given(st.integers(1, int(LONGEST.total_seconds())))
def test_a_duration_reads_back(seconds: int) -> None:
    """parse(human(x)) = x."""
    assert parse_duration(human(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_a_part_of_a_second_is_kept() -> None:
    """As a decimal number."""
    assert human(timedelta(minutes=1, milliseconds=250)) == "1m0.25s"


def term(text: str) -> Any:
    """What an expression of assets says."""
    place = Place("a.yml", 1, 1, text)
    return expression(Value(text, ("schedule",), place), {}, Desk(Path("a.yml"), Remarks(), TODAY))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "a"),
        ("a & b", {"all": ["a", "b"]}),
        ("a | b & c", {"any": ["a", {"all": ["b", "c"]}]}),
        ("(a | b) & c", {"all": [{"any": ["a", "b"]}, "c"]}),
        ("a & b & (c & d)", {"all": ["a", "b", "c", "d"]}),
        ("((s3://k/a-1.csv))", "s3://k/a-1.csv"),
        *[(text, LOST) for text in ("", "a &", "& a", "(a", "a)", "a b", "()", "a | | b")],
    ],
)
def test_expressions_of_assets(text: str, said: Any) -> None:
    """``&`` binds before ``|``, as in Python, and anything else is told of."""
    assert term(text) == said


@pytest.mark.parametrize(
    ("written", "read"),
    [("yes", "True"), ("0x1F", "31"), ("1_000", "1000"), ("~", "None"), ("'yes'", "yes"), ("2026-01-31", "2026-01-31")],
)
def test_scalars_are_read_as_dag_factory_reads_them(written: str, read: str) -> None:
    """By YAML 1.1."""
    assert str(parse(f"a: {written}", "a.yml", Remarks()).mapping["a"].plain) == read


def test_merge_keys_and_anchors_are_followed() -> None:
    """The mapping's own keys win over merged ones, the first merged over the next."""
    value = parse("a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], y: 3}\n", "a.yml", Remarks()).mapping["c"]
    assert {key: item.plain for key, item in value.mapping.items()} == {"x": 1, "z": 2, "y": 3}
    assert value.mapping["z"].place.line == 2


def test_a_file_that_is_too_large_is_refused() -> None:
    """An alias bomb ends in a sentence."""
    with pytest.raises(UnreadableError, match="too much"):
        parse("a: &a [" + "1," * 1000 + "]\nb: [" + "*a," * 1000 + "]\n", "a.yml", Remarks())
