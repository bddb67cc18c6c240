"""The documentation says what the code does: what is generated is up to date, what is shown works, what is linked to is there."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pages import DOCS, PAGES, ROOT, blocks, loaded, path_of, pipelines

from tidegate import errors
from tidegate.cli import reference
from tidegate.cli.vscode import SettingsRefused
from tidegate.errors import SpecError
from tidegate.model.yaml_source import read_source
from tidegate.render import DrawingUnavailable
from tidegate.resilience.retry import why_not
from tidegate.testing import Unplayable

REFERENCE = DOCS / "reference"
CORPUS = ROOT / "tests" / "model" / "corpus"
GOOD = sorted([*(CORPUS / "good").glob("*.yaml"), *(ROOT / "include" / "pipelines").glob("*.yaml")])
STRUCTURAL = [
    *(
        "a_list",
        "bad_branches",
        "bad_effort",
        "append_by_key",
        "bad_quorum",
        "http_and_query",
        "http_of_nobody",
        "http_words",
        "load_in_two_ways",
        "load_without_replace",
        "merge_without_key",
        "no_steps",
        "schedule_is_text",
        "sql_and_python",
    ),
    *("taken_param", "typo_in_needs", "unknown_column_type", "unknown_event", "unknown_key", "unknown_step_key", "wrong_type"),
]
"""Files of the corpus whose mistake stands in one place and needs no look at anything else."""

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def _plain(value: Any) -> Any:
    """YAML's dates as the text that an editor sees."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    """What the source says today."""
    return dict(reference.pages())


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft7Validator:
    """The schema as it lies in the repository."""
    content = json.loads((REFERENCE / "pipeline.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(content)
    return jsonschema.Draft7Validator(content)


# -- What is generated ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pipeline.md", "pipeline.schema.json", "operators.md", "airflow-arguments.md"])
def test_what_is_generated_is_up_to_date(generated: dict[str, str], name: str) -> None:
    """`make docs` would change nothing."""
    assert (REFERENCE / name).read_text() == generated[name], "run `make docs`"


def test_every_key_stands_in_the_reference_with_a_meaning() -> None:
    """Each key of each model has a row with a type and a sentence."""
    page = (REFERENCE / "pipeline.md").read_text()
    for model in reference.documented_models():
        for key in reference.keys(model):
            row = re.search(rf"^\| `(?:[^`]*\.)?{re.escape(key.name)}` \| (.+?) \| (.*?) \| (.+?) \|$", page, re.MULTILINE)
            assert row, f"{model.__name__}.{key.name}"
            assert key.meaning.endswith("."), f"{model.__name__}.{key.name}: {key.meaning}"


def test_no_model_is_left_out() -> None:
    """Every model of the language that has keys is among the documented, or lends its keys to one that is."""
    from tidegate.cli.reference.models import bases, own_fields
    from tidegate.model.parts import Part

    found, left = set(), [Part]
    while left:
        heirs = [heir for heir in left.pop().__subclasses__() if heir.__module__.startswith("tidegate.model.")]
        found |= {heir for heir in heirs if own_fields(heir)}
        left += heirs
    documented = set(reference.documented_models())
    lent = {base for model in documented for base in bases(model)}
    assert {model.__name__ for model in found - documented - lent} == set()
    assert len(found) >= len(documented) > 10


def test_a_key_without_a_meaning_ends_the_generation() -> None:
    """A new field cannot slip in undocumented."""
    from tidegate.model.parts import Part

    class Silent(Part):
        colour: str = "red"

    Silent.__annotations__ = {"colour": str}
    with pytest.raises(errors.TidegateError, match=r"Silent\.colour says nothing"):
        reference.keys(Silent)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_schema_accepts_what_is_right(schema: jsonschema.Draft7Validator, path: Path) -> None:
    """An editor marks nothing in a good file."""
    assert [error.message for error in schema.iter_errors(_plain(read_source(path).value))] == []


@pytest.mark.parametrize("name", STRUCTURAL)
def test_the_schema_rejects_what_an_editor_can_see(schema: jsonschema.Draft7Validator, name: str) -> None:
    """Mistakes of structure are marked while the file is written."""
    value = _plain(read_source(CORPUS / "bad" / f"{name}.yaml").value)
    assert not schema.is_valid(value)


@pytest.mark.parametrize("line", ["with: {at_least: 120%}", "for_each: {region: [a]}", "with: {decide_by: '24:30'}", "timeout: 45"])
def test_the_schema_knows_what_a_barrier_takes(schema: jsonschema.Draft7Validator, tmp_path: Path, line: str) -> None:
    """`with` and `for_each` depend on the kind."""
    path = tmp_path / "night.yaml"
    text = "pipeline: night\nsteps:\n  extract: {uses: extract, with: {connection: c, query: q}}\n  arrived:\n    uses: barrier\n    needs: extract\n"
    path.write_text(text)
    assert schema.is_valid(read_source(path).value)
    path.write_text(f"{text}    {line}\n")
    assert not schema.is_valid(read_source(path).value)


def test_an_operator_takes_any_settings(schema: jsonschema.Draft7Validator) -> None:
    """`with` is free where `uses` is an import path."""
    step = {"uses": "airflow.providers.standard.operators.bash.BashOperator", "with": {"bash_command": "ls", "env": {"a": [1, None]}}}
    assert schema.is_valid({"pipeline": "p", "steps": {"s": step}})
    assert not schema.is_valid({"pipeline": "p", "steps": {"s": {**step, "uses": "Bash Operator"}}})


# -- What is written by hand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "CHANGELOG.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file that exists, and a heading that it has."""
    for link in _LINK.findall(page.read_text()):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target), f"{link} names no heading"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_on_the_map() -> None:
    """`docs/index.md` leads to each page."""
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in _LINK.findall((DOCS / "index.md").read_text())}
    assert {page for page in PAGES if page.name != "index.md"} <= linked


PIPELINES = [pytest.param(page, block, id=f"{page.stem}-{number}") for page in PAGES for number, block in enumerate(pipelines(page))]


@pytest.mark.parametrize(("page", "block"), PIPELINES)
def test_every_pipeline_that_is_shown_is_right(schema: jsonschema.Draft7Validator, tmp_path: Path, page: Path, block: str) -> None:
    """A reader may copy it with what stands beside it: the loader and the schema find nothing wrong, and Airflow takes the DAG."""
    from airflow.serialization.serialized_objects import DagSerialization

    from tidegate.factory import build_dag
    from tidegate.factory.durations import with_durations
    from tidegate.plan import plan

    spec = loaded(page, block, tmp_path)
    assert [error.message for error in schema.iter_errors(_plain(read_source(path_of(tmp_path, block)).value))] == []
    dag = build_dag(with_durations(plan(spec)), tmp_path / "include")
    assert DagSerialization.to_dict(dag)["dag"]["dag_id"] == spec.name


README = {
    "include/bases/nightly.yaml": "owner: analytics\n",
    "include/jobs/checks.py": "def rows(region, copied): ...\ndef files(): ...\ndef read(path): ...\n",
    **{f"include/sql/{path.name}": path.read_text() for path in (ROOT / "include" / "sql").glob("*.sql")},
}
"""What the README's pipelines name and do not show."""


@pytest.mark.parametrize("block", pipelines(ROOT / "README.md"), ids=["first", "second"])
def test_the_readmes_pipelines_are_right(schema: jsonschema.Draft7Validator, tmp_path: Path, block: str) -> None:
    """As those of the pages are."""
    for name, text in README.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    test_every_pipeline_that_is_shown_is_right(schema, tmp_path, ROOT / "README.md", block)


def test_every_make_command_that_is_named_is_there() -> None:
    """And the tests that ``make test`` leaves out are those that ``make test-slow`` runs, as the README says."""
    makefile = (ROOT / "Makefile").read_text()
    targets = dict(re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)*)", makefile, re.MULTILINE))
    named = {word for page in [ROOT / "README.md", *PAGES] for word in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)}
    assert named
    assert named - targets.keys() == set()
    assert "-m slow" in targets["test-slow"]
    assert "-m " not in targets["test"]
    assert "-m 'not slow and not nights'" in (ROOT / "pyproject.toml").read_text()


def test_there_are_pipelines_to_try() -> None:
    """The collection above finds what it looks for."""
    assert len(PIPELINES) >= 25


def test_the_pages_use_every_key() -> None:
    """Each key of the language stands somewhere outside the generated table, in an example or a sentence."""
    prose = "\n".join(page.read_text() for page in PAGES if page.name not in {"pipeline.md", "operators.md", "airflow-arguments.md"})
    prose += "\n".join(path.read_text() for path in GOOD)
    for model in reference.documented_models():
        for key in reference.keys(model):
            assert re.search(rf"\b{re.escape(key.name)}\b", prose), f"{model.__name__}.{key.name}"


def test_every_argument_of_airflow_is_told() -> None:
    """Those that the installed Airflow takes have a row each, with a key or a reason, and no other has."""
    from inspect import Parameter, signature

    from airflow.sdk import DAG, BaseOperator

    page = (REFERENCE / "airflow-arguments.md").read_text()
    for heading, owner in (("Of a DAG", DAG), ("Of an operator", BaseOperator)):
        (section,) = re.findall(rf"^## {heading}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        named = {
            parameter.name
            for parameter in signature(owner).parameters.values()
            if parameter.kind not in {Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL}
        }
        assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)).keys() == named


def test_every_error_is_told_with_its_class_and_retries() -> None:
    """`errors.md` has a row for each error, and says what becomes of it where nobody says anything."""
    page = (REFERENCE / "errors.md").read_text()
    told = {name: (kind, retried) for name, kind, retried in re.findall(r"^\| `(\w+)` \| .+ \| (\w+) \| (yes|no) \|$", page, re.MULTILINE)}
    every = [*(getattr(errors, name) for name in errors.__all__ if name != "ErrorClass"), DrawingUnavailable, SettingsRefused, Unplayable]
    one = {error: error([]) if error is SpecError else error("said") for error in every}
    assert told == {kind.__name__: (kind.error_class, "no" if why_not(error, tried=1) else "yes") for kind, error in one.items()}


def test_every_operators_key_is_told() -> None:
    """Each XCom key that an operator module declares stands on the operators' page."""
    from tidegate.operators import barrier, base, load, outcome

    page = (REFERENCE / "operators.md").read_text()
    for module in (base, barrier, load, outcome):
        for name, value in vars(module).items():
            if name.endswith("_KEY"):
                assert f"`{value}`" in page, name


def test_the_ledgers_page_has_every_table_and_column() -> None:
    """What a reader finds in the warehouse is on the page, and nothing else is."""
    from tidegate.data.completeness import view
    from tidegate.data.ledger import metadata, versions

    sections = re.split(r"^## ", (REFERENCE / "ledger.md").read_text(), flags=re.MULTILINE)
    told = {
        section.partition("\n")[0].strip("`"): set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
        for section in sections
        if "| column |" in section
    }
    assert told == {table.name: {column.name for column in table.columns} for table in (*metadata.sorted_tables, versions, view)}


def test_the_ledgers_queries_answer() -> None:
    """The SQL on the page runs, tells complete nights from others, and finds the gaps."""
    from dataclasses import replace
    from datetime import UTC, datetime

    import sqlalchemy as sa

    from tidegate.data import ledger
    from tidegate.data.gaps import write_gaps
    from tidegate.resilience.gap import Gap, Status
    from tidegate.resilience.interval import Interval

    complete, lacking, gaps = blocks(REFERENCE / "ledger.md", "sql")
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        ledger.ensure(connection)
        connection.exec_driver_sql("CREATE TABLE sales_by_product (day DATE, cents INTEGER)")
        for day, outcome, arrived in ((22, "complete", 10), (23, "partial", 8)):
            connection.exec_driver_sql(f"INSERT INTO sales_by_product VALUES ('2017-12-{day}', {day})")
            row = ledger.IntervalRow(
                pipeline="nightly_sales",
                interval_start=f"2017-12-{day}T00:00:00+00:00",
                interval_end=f"2017-12-{day + 1}T00:00:00+00:00",
                outcome=outcome,
                sentence="…",
                expected=10,
                arrived=arrived,
                missing=(),
                record={},
                run_id="r",
                correlation_id="c",
                decided_at="",
            )
            ledger.write_interval(connection, row)
        assert connection.exec_driver_sql(complete).all() == [("2017-12-22", 22)]
        assert [row[1:3] for row in connection.exec_driver_sql(lacking)] == [("partial", 2)]
        night = Interval(datetime(2017, 12, 23, tzinfo=UTC), datetime(2017, 12, 24, tzinfo=UTC))
        gap = Gap(
            pipeline="nightly_sales", interval=night, branch="texas", dimension="region", state="failed", reason="down", owner="a",
            opened_at=night.end, expires_at=night.end,
        )  # fmt: skip
        write_gaps(connection, [gap, replace(gap, branch="plains", status=Status.CLOSED)])
        assert [row[1:3] for row in connection.exec_driver_sql(gaps)] == [("texas", "down")]
    engine.dispose()


@pytest.mark.parametrize("server", ["sqlite", "duckdb", "postgres_url", "mariadb_url"])
def test_the_queries_that_join_the_ledger_answer(request: pytest.FixtureRequest, tmp_path: Path, server: str) -> None:
    """Those of the how-to, word by word, on each kind of database."""
    from datetime import UTC, datetime

    from servers import emptied

    from tidegate.data import ledger
    from tidegate.data.engines import FILES, database_url, writing
    from tidegate.data.gaps import write_gaps
    from tidegate.resilience.gap import Gap
    from tidegate.resilience.interval import Interval

    joined, lacking, counted = blocks(DOCS / "how-to" / "read-only-what-is-complete.md", "sql")
    file = {"conn_id": "warehouse", "conn_type": server, "host": str(tmp_path / "warehouse.db")}
    url = database_url(**file) if server in FILES else emptied(request.getfixturevalue(server))
    night = Interval(datetime(2017, 12, 23, tzinfo=UTC), datetime(2017, 12, 24, tzinfo=UTC))
    with writing(url) as connection:
        ledger.ensure(connection)
        connection.exec_driver_sql("CREATE TABLE sales_by_product (day DATE, region VARCHAR(20), cents INTEGER)")
        connection.exec_driver_sql("INSERT INTO sales_by_product VALUES ('2017-12-23', 'plains', 7)")
        bounds = {"interval_start": night.start.isoformat(), "interval_end": night.end.isoformat()}
        row = ledger.LoadRow(
            pipeline="nightly_sales", target="sales_by_product", **bounds, branch="plains", attempt="a", fence="f", run_id="r",
            correlation_id="c", rows=1, partitions=(), loaded_at="",
        )  # fmt: skip
        ledger.write_load(connection, row)
        gap = Gap(
            pipeline="nightly_sales", interval=night, branch="texas", dimension="region", state="failed", reason="down", owner="a",
            opened_at=night.end, expires_at=night.end,
        )  # fmt: skip
        write_gaps(connection, [gap])
        assert [tuple(found)[1:] for found in connection.exec_driver_sql(joined)] == [("plains", 7, "loaded", None)]
        assert [tuple(found)[:3] for found in connection.exec_driver_sql(lacking)] == [("texas", "missing", "down")]
        assert [tuple(found)[:3] for found in connection.exec_driver_sql(counted)] == [("2017-12-23", 1, 2)]


def test_staging_lies_where_the_page_says() -> None:
    """Without configuration, staged files go to a folder in AIRFLOW_HOME."""
    import os

    from tidegate.operators.surroundings import staging_root

    assert staging_root() == Path(os.environ["AIRFLOW_HOME"]) / "staging"
