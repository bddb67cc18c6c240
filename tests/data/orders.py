"""An API of orders, and short ways to read it."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tidegate.data.apis import Api, api_at
from tidegate.data.extract import extract_http
from tidegate.model.accept import Accept
from tidegate.model.http import Http

if TYPE_CHECKING:
    from apis import Shop
    from nights import Night

    from tidegate.data.stopping import Stop
    from tidegate.errors import TidegateError

ORDERS = [{"id": number, "amount": Decimal(number) / 4} for number in range(1, 8)]


LOGIN = {
    "login": "reader",
    "password": "pa55-word",
    "extra": {
        "X-Api-Key": "k3y-of-header",
        "X-Auth": 'Token token="t0ken/of+word=="',
        "params": {"api_key": "k3y-of-param", "sig": 's1g/of+é&=%21"<'},
        "verify": False,
    },
}
SECRETS = ("pa55-word", "k3y-of-header", "k3y-of-param", "t0ken/of+word==", 's1g/of+é&=%21"<', "cmVhZGVyOnBhNTUtd29yZA==")


def closed(shop: Shop, **more: Any) -> Api:
    """An API that wants a login."""
    return api_at(**{"conn_id": "crm", "conn_type": "http", "host": shop.url, **LOGIN, **more})


def read(night: Night, api: Api | Shop, *, accept: Any = None, stop: Stop | None = None, **asked: Any) -> list[dict[str, Any]]:
    """The rows that an extract stages."""
    manifest = extract_http(
        api if isinstance(api, Api) else api_at(conn_id="crm", conn_type="http", host=api.url),
        Http.model_validate({"path": "/v1/orders", **asked}), key=night.key(), staging=night.staging, accept=Accept.model_validate(accept or {}),
        attempt="a", correlation_id="c-1", connection_name="crm", batch_rows=4, timezone="Europe/Berlin", stop=stop,
    )  # fmt: skip
    with night.staging.local_file(manifest) as path:
        found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    assert len(found) == manifest.rows
    return found


def refused(night: Night, api: Api | Shop, kind: type[TidegateError], said: str, **asked: Any) -> TidegateError:
    """Expect a refusal that leaves nothing in staging."""
    with pytest.raises(kind) as caught:
        read(night, api, **asked)
    assert said in str(caught.value), str(caught.value)
    assert not [path for path in night.staging.root.rglob("*") if path.is_file()]
    assert not [thread for thread in threading.enumerate() if thread.name == "tidegate-stop"]
    return caught.value


def cut(start: int, size: int = 2) -> list[dict[str, Any]]:
    """Some of the orders, as JSON has them."""
    return [{"id": row["id"], "amount": float(row["amount"])} for row in ORDERS[start : start + size]]


def by_next(_: str, params: dict[str, list[str]]) -> Any:
    """Lead to the next page by its address."""
    start = int(params.get("from", ["0"])[0])
    more = start + 2 < len(ORDERS)
    return {"data": {"orders": cut(start)}, "links": {"next": f"/v1/orders?from={start + 2}" if more else None}}


def by_number(_: str, params: dict[str, list[str]]) -> Any:
    """Number the pages."""
    return cut((int(params["page"][0]) - 1) * 2)
