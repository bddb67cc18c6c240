"""An extract of an HTTP API: as a task does it, in a whole night by Airflow's ``dag.test()``, and for whoever probes what it reads."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from airflow.sdk import Asset
from apis import Shop, serving
from gapped import SCHEDULE, Place, gap
from operators.by_hand import context, placed

from tidegate import ExtractOperator
from tidegate.errors import AuthRefused, BreakerOpen, ConnectionUnknown, ErrorClass, QueryRefused, Refused, Unreachable
from tidegate.resilience.breaker import Breaker, Stance
from tidegate.resilience.faults import classify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHIPPED = Path(__file__).parents[2] / "dags" / "tidegate_catch_up.py"
DAY = {"interval_start": "2026-03-01T23:00:00+00:00", "interval_end": "2026-03-02T23:00:00+00:00"}
"""The second of March in Berlin."""
TOKEN = "t0ken-of-crm"
ASKED = {
    "path": "/v1/orders", "params": {"from": ":interval_start", "to": ":interval_end"}, "records": "orders", "page": {"cursor": "next", "param": "after"},
}  # fmt: skip


class Crm:
    """An API of orders that can be told what is wrong with it."""

    def __init__(self) -> None:
        self.status = 200
        self.shop: Shop | None = None

    def answer(self, path: str, params: dict[str, list[str]]) -> Any:
        """Three orders a region, two on a page, to who shows the token."""
        assert self.shop
        headers = self.shop.asked[-1][2]
        if self.status != 200 or headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.status if self.status != 200 else 401, {}, {"error": f"{path} is closed to {headers.get('Authorization')}"}
        if path == "/":
            return {}
        first = int(params.get("after", ["0"])[0])
        day = params["from"][0][:10]
        orders = [
            {"id": first + number, "amount": 0.1, "day": day, "region": path.split("/")[2]} for number in (1, 2) if first + number < 4
        ]
        return {"orders": orders, "next": first + 2 if first == 0 else None}


@pytest.fixture(scope="module")
def server() -> Iterator[Crm]:
    """Give an API for all tests."""
    crm = Crm()
    with serving(crm.answer) as crm.shop:
        yield crm


@pytest.fixture
def crm(server: Crm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Crm:
    """Give the API behind the Airflow connection ``crm``, open and not asked yet."""
    assert server.shop
    server.status = 200
    server.shop.asked.clear()
    monkeypatch.setenv("AIRFLOW_CONN_CRM", connection(server.shop, TOKEN))
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))
    return server


def connection(shop: Shop, token: str) -> str:
    """An Airflow connection to it."""
    return json.dumps({"conn_type": "http", "host": "127.0.0.1", "schema": "http", "port": shop.server.server_port, "password": token})


@pytest.fixture
def read(crm: Crm, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """The rows that an extract of the API stages."""

    def work(**arguments: Any) -> list[dict[str, Any]]:
        accept = {"columns": {"id": "int", "amount": "decimal(12,2)", "day": "date"}}
        given = {"source_conn_id": "crm", "http": ASKED, "branch": "north", "dimension": "region", "accept": accept}
        task = placed(ExtractOperator, tmp_path, step="extract", **{**given, **arguments})
        done = task.execute(context(task, conf={**DAY, "correlation_id": "c-7"}))
        rows: list[dict[str, Any]] = pq.read_table(tmp_path / "staging" / done["manifest"]["path"]).to_pylist()
        assert done["branch"]["rows"] == len(rows)
        return rows

    return work


def test_the_records_of_the_interval_are_read(read: Callable[..., Any], crm: Crm) -> None:
    """All pages of them, with the login of the connection and the run's correlation id."""
    assert [row["id"] for row in read()] == [1, 2, 3]
    assert crm.shop
    assert crm.shop.paths == [
        "/v1/orders?from=2026-03-01T23%3A00%3A00Z&to=2026-03-02T23%3A00%3A00Z",
        "/v1/orders?from=2026-03-01T23%3A00%3A00Z&to=2026-03-02T23%3A00%3A00Z&after=2",
    ]
    assert {headers["X-Correlation-ID"] for _, _, headers in crm.shop.asked} == {"c-7"}


def test_what_no_retry_mends_is_told_apart(read: Callable[..., Any], crm: Crm) -> None:
    """A login that is not good enough, a path that nobody knows; what a retry may mend is another matter."""
    for status, kind, fault in ((403, AuthRefused, "auth"), (404, QueryRefused, "bug"), (503, Unreachable, "unreachable")):
        crm.status = status
        with pytest.raises(kind, match=rf"^crm, /v1/orders, page 1 .*{status}") as caught:
            read()
        assert classify(caught.value) is ErrorClass(fault)
        assert TOKEN not in str(caught.value)


def test_an_api_without_a_login_may_be_named_by_its_url(read: Callable[..., Any], crm: Crm) -> None:
    """One that wants a login is told by it; a connection of another kind, or none, is as well."""
    assert crm.shop
    with pytest.raises(AuthRefused, match=rf"^{crm.shop.url}, /v1/orders, page 1 is not for this login: 401"):
        read(source_conn_id=crm.shop.url)
    with pytest.raises(ConnectionUnknown, match="There is no Airflow connection 'nowhere'"):
        read(source_conn_id="nowhere")


def test_an_operator_is_given_what_a_file_could_say(read: Callable[..., Any]) -> None:
    """Nothing else."""
    with pytest.raises(Refused, match=r"http\.page: give both|http\.page: cursor is where the mark stands"):
        read(http={"path": "/v1", "page": {"cursor": "next"}})


def test_an_open_breaker_probes_the_api(read: Callable[..., Any], crm: Crm, tmp_path: Path) -> None:
    """It stays away from one that is down, by one request, and reads from one that is up."""
    asset = Asset("breakers")
    stored = Breaker(nights=3, stance=Stance.OPEN).as_dict()
    task = placed(
        ExtractOperator, tmp_path, step="extract", source_conn_id="crm", http=ASKED, branch="north", dimension="region", breakers=asset
    )
    known = {**context(task, conf=DAY), "asset_state_store": {asset: {"north": stored}}}
    crm.status = 503
    assert crm.shop
    with pytest.raises(BreakerOpen, match="tonight's probe: crm cannot be had now: 503"):
        task.execute(known)
    assert [(method, path) for method, path, _ in crm.shop.asked] == [("HEAD", "/")]
    crm.status = 200
    assert task.execute(known)["branch"]["rows"] == 3


# -- whole nights ----------------------------------------------------------------------------------------------------

STEPS = """
steps:
  extract:
    for_each: {region: [texas, plains, ohio]}
    uses: extract
    retries: 0
    with:
      connection: "crm_{region}"
      http: {path: "/v1/{region}/orders", params: {from: ":interval_start"}, records: orders, page: {cursor: next, param: after}}
      accept: {columns: {id: int, amount: "decimal(12,2)", day: date}}
  arrived: {needs: extract, uses: barrier, with: {at_least: 2}}
  load: {needs: arrived, uses: load, with: {connection: warehouse, table: orders, replace: [day, region]}}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, server: Crm) -> Iterator[Place]:
    """A project that reads three APIs, one of them with a token that is not good any more."""
    assert server.shop
    place = Place(tmp_path_factory.mktemp("project"))
    pipelines = place.folder / "include" / "pipelines"
    pipelines.mkdir(parents=True)
    (pipelines / "nightly.yaml").write_text(f"pipeline: nightly\n{SCHEDULE}\n{STEPS}")
    (place.folder / "dags").mkdir()
    shutil.copy(SHIPPED, place.folder / "dags")
    (place.folder / "dags" / "nightly.py").write_text(
        f'from tidegate import build_dags  # airflow dag\n\ndag = build_dags("{pipelines}")["nightly"]\n'
    )
    tokens = {"TEXAS": TOKEN, "PLAINS": TOKEN, "OHIO": "s3cret-of-old"}
    place.more = {f"AIRFLOW_CONN_CRM_{name}": connection(server.shop, token) for name, token in tokens.items()}
    place.airflow("db", "migrate")
    place.airflow("dags", "reserialize")
    with closing(sqlite3.connect(place.folder / "airflow.db")) as airflow, airflow:
        airflow.execute("UPDATE dag SET is_paused = 0 WHERE dag_id = 'nightly'")
    yield place
    place.close()


def test_a_night_of_apis(place: Place, server: Crm) -> None:
    """From the APIs' pages to the warehouse's rows; the one that lets nobody in is missed, and says why."""
    server.status = 200
    bounds = {"interval_start": "2026-01-04T23:00:00+00:00", "interval_end": "2026-01-05T23:00:00+00:00"}
    told = {"dag": str(place.folder / "dags" / "nightly.py"), "conf": bounds, "told": ["outcome", "record"]}
    state, record = place.asked(told)
    assert state == "success", (place.folder / "answering.log").read_text()[-3000:]
    assert (record["outcome"], record["failed"]) == ("partial", ["ohio"])
    (ohio,) = (branch for branch in record["branches"] if branch["name"] == "ohio")
    assert ohio["reason"].startswith("crm_ohio, /v1/ohio/orders, page 1 is not for this login: 401 Unauthorized: ")
    with closing(sqlite3.connect(place.folder / "warehouse.db")) as warehouse:
        rows = warehouse.execute("SELECT region, id, amount, day FROM orders ORDER BY 1, 2").fetchall()
    assert rows == [(region, number, "0.1", "2026-01-04") for region in ("plains", "texas") for number in (1, 2, 3)]
    log = (place.folder / "answering.log").read_text()
    assert "crm_ohio" in log
    assert TOKEN not in log
    assert "s3cret-of-old" not in log


def test_a_catch_up_probes_the_apis(place: Place, server: Crm) -> None:
    """One that is down costs no run; one that answers gets one."""
    server.status = 503
    place.put(gap(7, "ohio"), gap(7, "texas"))
    _, report = place.look()
    assert [(row["branches"], row["did"]) for row in report] == [(["ohio", "texas"], "down")]
    assert "crm_ohio cannot be had now: 503" in report[0]["why"]
    server.status = 200
    place.put(gap(7, "ohio"), gap(7, "texas"))
    _, report = place.look()
    assert [(row["branches"], row["did"]) for row in report] == [(["ohio"], "down"), (["texas"], "started")]


def test_the_doctor_probes_the_apis(place: Place, server: Crm) -> None:
    """And says of each that does not let it in what to do."""
    server.status = 200
    found = json.loads(place.say("doctor", "--format", "json").stdout)["notes"]
    notes = [note for note in found if note["check"] == "connections"]
    assert [(note["standing"], note["what"].partition(":")[0], note["where"]) for note in notes] == [
        ("wrong", "crm_ohio is not for this login", "nightly.extract"), ("fine", "1 database answers", ""), ("fine", "2 APIs answer", ""),
    ]  # fmt: skip
    assert notes[0]["mend"].startswith("Check login, password, headers")
