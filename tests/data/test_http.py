"""HTTP APIs as sources: every record of every page once and exactly, or a refusal that names the page."""

from __future__ import annotations

import gzip
import json
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from apis import serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from orders import ORDERS, by_next, by_number, cut, read, refused

from tidegate.data import apis
from tidegate.data.sources import http
from tidegate.errors import DataRefused, QueryRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from nights import Night

    Answer = Callable[[str, dict[str, list[str]]], Any]


OWNER = "Look at that page of the API, and tell its owner."


def by_odata(_: str, params: dict[str, list[str]]) -> Any:
    """Do so by an address that is relative, at a key with dots, which the last page lacks."""
    start = int(params.get("$skiptoken", ["0"])[0])
    more = {"@odata.nextLink": f"orders?$skiptoken={start + 2}"} if start + 2 < len(ORDERS) else {}
    return {"value": cut(start), **more}


def by_header(_: str, params: dict[str, list[str]]) -> Any:
    """Do so in a header."""
    start = int(params.get("from", ["0"])[0])
    link = f'<http://127.0.0.1:{params["port"][0]}/v1/orders?from={start + 2}&port={params["port"][0]}>; rel="next", </>; rel="first"'
    return 200, {"Link": link if start + 2 < len(ORDERS) else None}, cut(start)


def by_cursor(_: str, params: dict[str, list[str]]) -> Any:
    """Give a mark of the next page."""
    assert params["limit"] == ["2"]
    start = int(params.get("after", ["0"])[0])
    return {"data": cut(start), "meta": {"next": start + 2 if start + 2 < len(ORDERS) else ""}}


def by_last_id(_: str, params: dict[str, list[str]]) -> Any:
    """Let the last record's id be the mark."""
    return {"data": cut(int(params.get("starting_after", ["0"])[0]))}


def by_offset(_: str, params: dict[str, list[str]]) -> Any:
    """Leave out as many records as one asks for."""
    return cut(int(params["offset"][0]))  # two, whatever the limit


@pytest.mark.parametrize(
    ("answer", "asked", "requests"),
    [
        (by_next, {"records": "data.orders", "page": {"next": "links.next"}}, 4),
        (by_odata, {"records": "value", "page": {"next": "@odata.nextLink"}}, 4),
        (by_header, {"page": {"link": "next"}}, 4),
        (by_cursor, {"records": "data", "params": {"limit": 2}, "page": {"cursor": "meta.next", "param": "after"}}, 4),
        (by_last_id, {"records": "data", "page": {"cursor": "data.-1.id", "param": "starting_after"}}, 5),
        (by_number, {"page": {"number": "page"}}, 5),
        (by_offset, {"params": {"limit": 500}, "page": {"offset": "offset"}}, 5),
    ],
)
def test_every_page_is_read_once(night: Night, serve: Any, answer: Answer, asked: dict[str, Any], requests: int) -> None:
    """However an API says which is the next; a server that gives fewer records than it was asked for loses none."""
    shop = serve(answer)
    if answer is by_header:
        asked = {**asked, "params": {"port": shop.server.server_port}}
    assert read(night, shop, **asked) == ORDERS
    assert len(shop.asked) == requests


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 3), min_size=1, max_size=8), way=st.sampled_from(["next", "link", "cursor", "number", "offset"]))
def test_however_an_api_cuts_its_pages(night: Night, sizes: list[int], way: str) -> None:
    """All records come, once and in order. Where we count, there is an empty page behind the last and none before."""
    counts = way in {"number", "offset"}
    sizes = [*(size for size in sizes if size), 0] if counts else sizes
    ends = list(accumulate(sizes))

    def answer(_: str, params: dict[str, list[str]]) -> Any:
        given = int(params["p"][0]) if "p" in params else 0
        at = (
            next(at for at, end in enumerate(ends) if end - sizes[at] == given and (sizes[at] or end == ends[-1]))
            if way == "offset"
            else given
        )
        rows = [{"id": number} for number in range(ends[at] - sizes[at], ends[at])]
        more = at + 1 if at + 1 < len(sizes) else None
        link = f"/v1/orders?p={more}" if more is not None else None
        return (
            200,
            {"Link": f"<{link}>; rel=next" if link and way == "link" else None},
            {"rows": rows, "next": more if way == "cursor" else link},
        )

    page = {
        "next": {"next": "next"},
        "link": {"link": "next"},
        "cursor": {"cursor": "next", "param": "p"},
        "number": {"number": "p", "first": 0},
    }
    with serving(answer) as shop:
        found = read(night, shop, records="rows", page=page.get(way, {"offset": "p"}), accept={"min_rows": 0, "columns": {"id": "int"}})
    assert [row["id"] for row in found] == list(range(ends[-1]))


def test_pages_may_begin_at_nought(night: Night, serve: Any) -> None:
    """By ``first``; and without ``page`` there is one."""
    shop = serve(lambda _, params: cut(int(params.get("page", ["0"])[0]) * 2))
    assert read(night, shop, page={"number": "page", "first": 0}) == ORDERS
    assert len(read(night, shop)) == 2


def test_a_link_is_followed_letter_for_letter(night: Night, serve: Any) -> None:
    """For a mark in it may be signed; the connection's parameters come behind it, in place of what the API says of them."""
    mark = "c=a%2Fb%20c+d~!*'()&c=%2fB&flag"
    shop = serve(lambda _, params: {"rows": cut(0), "next": f"/v1/orders?{mark}&key=***&api%5Fkey=7" if "c" not in params else None})
    for params, more in (({}, "&key=***&api%5Fkey=7"), ({"key": "k 1", "api_key": "é"}, "&key=k+1&api_key=%C3%A9")):
        api = apis.api_at(conn_id="crm", conn_type="http", host=shop.url, extra={"params": params})
        read(night, api, records="rows", page={"next": "next"})
        assert shop.paths[-1] == f"/v1/orders?{mark}{more}"


def test_an_address_that_is_none(night: Night, serve: Any) -> None:
    """Refused as such, whatever was filled in."""
    shop = serve(lambda *_: cut(0))
    refused(night, shop, QueryRefused, "is no address that can be asked: Invalid non-printable ASCII character", path="/v1/\torders")
    refused(night, shop, QueryRefused, "is no address that can be asked: ", params={"q": "\ud800"})
    assert not shop.asked


def test_the_interval_is_asked_for(night: Night, serve: Any) -> None:
    """Encoded, in the path and in parameters, as the API wants it; every request says who asks."""
    shop = serve(lambda *_: cut(0))
    text = "a&b=c d/ü?#%20"
    read(
        night,
        shop,
        path="v1/days/:interval_start/x",
        params={"from": ":interval_start", "q": [text, "sold:>:interval_end"], "all": True, "n": 2},
    )
    (_, path, headers) = shop.asked[0]
    assert path.startswith("/v1/days/2026-01-01T00%3A00%3A00Z/x?")
    assert parse_qs(urlsplit(path).query) == {
        "from": ["2026-01-01T00:00:00Z"], "q": [text, "sold:>2026-01-02T00:00:00Z"], "all": ["true"], "n": ["2"],
    }  # fmt: skip
    assert (headers["X-Correlation-ID"], headers["User-Agent"].partition("/")[0], headers["Accept"]) == (
        "c-1",
        "tidegate",
        "application/json",
    )
    assert "Authorization" not in headers
    for how, bounds in {"%Y-%m-%d %H": "2026-01-01+01", "epoch": "1767225600", "epoch_ms": "1767225600000"}.items():
        read(night, shop, params={"from": ":interval_start"}, time=how)
        assert shop.paths[-1] == f"/v1/orders?from={bounds}"


def test_values_are_exact(night: Night, serve: Any) -> None:
    """No number goes through a float; null, a key that is missing, and the empty text are told apart from all else."""
    body = """{"rows": [
        {"id": 9007199254740993, "big": 123456789012345678901234567890, "price": 0.1000000000000000055, "name": "🌊 \\u00fc", "more": {"a": [1, 0.12345678901234567890], "b": null}},
        {"id": null, "big": 1, "price": 1e2, "name": "", "more": []},
        {"big": -1, "price": -0.0, "day": "2026-01-31", "more": null}
    ]}""".encode()
    shop = serve(lambda *_: (200, {"Content-Type": "text/plain"}, b"\xef\xbb\xbf" + body))
    columns = {"id": "int", "big": "decimal(38,0)", "price": "decimal(38,19)", "day": "date"}
    assert read(night, shop, records="rows", accept={"columns": columns}) == [
        {
            "id": 9007199254740993, "big": Decimal(123456789012345678901234567890), "price": Decimal("0.1000000000000000055"), "name": "🌊 ü",
            "more": '{"a": [1, "0.12345678901234567890"], "b": null}', "day": None,
        },
        {"id": None, "big": Decimal(1), "price": Decimal(100), "name": "", "more": "[]", "day": None},
        {"id": None, "big": Decimal(-1), "price": Decimal(0), "name": None, "more": None, "day": date(2026, 1, 31)},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (
            [{"id": 8}, {"id": 1.5}],
            'crm, /v1/orders, page 2 has in column "id", row 2, 1.5, which int cannot hold exactly: it is not whole',
        ),
        ([{"id": 8}, {"id": 2**63}], 'page 2 has in column "id", row 2'),
        (
            b'[{"id": 8}, {"id": 1' + b"0" * 5000 + b"}]",
            'page 2 has in column "id", row 2, 1000000000000000000000000000000000000000…, which int cannot hold exactly: it is beyond 64 bits',
        ),
        ([{"id": "8x"}], 'page 2 has in column "id", row 1, "8x", which int cannot hold exactly: it is no number'),
        ([{"id": {"deep": 1}}], 'page 2 has in column "id", row 1, an object, which int'),
        ([{"id": 8, "amount": "\ud800"}], 'page 2 has column "amount" as text, and the first page had it as decimal'),
        ([{"id": 8}, None], "page 2 holds null where an object should be, in row 2"),
        ([[1]], "page 2 holds a list where an object should be, in row 1"),
        (
            [{"id": 8, "odd": 1}],
            (
                "page 2 has objects with a key that the first page had not: odd. "
                "Name all keys under accept: columns; with accept: drift: ignore_extra those that it does not name are left out."
            ),
        ),
        (
            b'[{"id": 1, "id": 2}]',
            f'crm, /v1/orders, page 2 is no JSON that can be read exactly: an object has the key "id" twice. {OWNER}',
        ),
        (b'[{"id": NaN}]', f"page 2 is no JSON that can be read exactly: NaN is no number. {OWNER}"),
        (b'[{"id": 1}', f"page 2 breaks off at character 10. {OWNER}"),
        (b'[{"id": "1', f"page 2 breaks off at character 10. {OWNER}"),
        (b'[{"id": 1]', f"page 2 is no JSON at character 10: Expecting ',' delimiter. {OWNER}"),
        (b"", f"page 2 is empty. {OWNER}"),
        (b"[" * 100_000, f"page 2 is nested too deep. {OWNER}"),
        (b'[{"id": "\xff"}]', f"page 2 is no JSON, which is UTF-8: invalid start byte at byte 10. {OWNER}"),
        ({"error": "no"}, "page 2 has an object as its answer, and no list"),
        (
            (200, {"Content-Type": "text/html"}, b"<html>log in</html>"),
            "page 2 is no JSON but text/html. Is it the path of the API, and not of a page for people, such as a login?",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_page_and_record(night: Night, serve: Any, page: Any, said: str) -> None:
    """With the field, where there is one; and nothing of the pages before stays."""
    data = page if isinstance(page, bytes | tuple) else json.dumps(page).encode()
    shop = serve(lambda _, params: cut(0) if params["page"] == ["1"] else data)
    error = refused(night, shop, DataRefused, said, page={"number": "page"}, accept={"columns": {"id": "int"}})
    assert "\n" not in str(error)


def test_the_list_is_where_it_is_said_to_be(night: Night, serve: Any) -> None:
    """Null is none; an answer of 204 too; what has no such key is refused."""
    shop = serve(lambda *_: {"data": {"orders": None, "count": 0}})
    assert read(night, shop, records="data.orders", accept={"min_rows": 0}) == []
    assert read(night, serve(lambda *_: (204, {"Content-Length": None}, b"")), accept={"min_rows": 0}) == []
    with pytest.raises(DataRefused, match=r"page 1 has nothing at data.order; it has data"):
        read(night, shop, records="data.order")
    with pytest.raises(DataRefused, match=r"page 1 has a number at data.count, and no list"):
        read(night, shop, records="data.count")


def test_a_column_must_be_there_at_least_once(night: Night, serve: Any) -> None:
    """One that an API leaves out where it has no value is NULL; one that it has nowhere any more is refused, and an unknown one may be ignored."""
    rows = [[{"id": 1}], [{"id": 2, "note": "x", "odd": 5}], []]
    shop = serve(lambda _, params: rows[int(params["page"][0]) - 1])
    columns = {"id": "int", "note": "text"}
    accept = {"columns": columns, "drift": "ignore_extra"}
    assert read(night, shop, page={"number": "page"}, accept=accept) == [{"id": 1, "note": None}, {"id": 2, "note": "x"}]
    with pytest.raises(DataRefused, match='has no column "gone"'):
        read(night, shop, page={"number": "page"}, accept={**accept, "columns": {**columns, "gone": "int"}})


def test_records_that_do_not_fit_are_set_aside(night: Night, serve: Any) -> None:
    """Through all pages, by their numbers in the whole."""
    pages = [[{"id": 1}, {"id": "x"}], [{"id": 3}, {"id": "y"}, {"id": 5}], []]
    shop = serve(lambda _, params: pages[int(params["page"][0]) - 1])
    found = read(night, shop, page={"number": "page"}, accept={"columns": {"id": "int"}, "quarantine": True})
    assert [row["id"] for row in found] == [1, 3, 5]


# -- ends ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "page", "said"),
    [
        (lambda *_: {"rows": cut(0), "next": "/v1/orders?p=1"}, {"next": "next"}, "page 2 leads back to a page that was read before"),
        (lambda *_: {"rows": cut(0), "next": "same"}, {"cursor": "next", "param": "c"}, "page 2 leads back to a page"),
        (lambda *_: {"rows": cut(0)}, {"number": "page"}, "page 2 has the records of the page before it again"),
        (lambda *_: {"rows": cut(0)}, {"offset": "skip"}, "page 2 has the records of the page before it again"),
        (lambda *_: {"rows": cut(0), "next": True}, {"next": "next"}, "page 1 has true where it says what the next page is"),
        (lambda *_: {"rows": cut(0), "next": 5}, {"next": "next"}, "page 1 has a number where"),
        (lambda *_: {"rows": cut(0), "next": "http://x:y/"}, {"next": "next"}, "page 1 leads to what is no address"),
        (
            lambda _, params: {"rows": [], "next": int(params.get("c", ["0"])[0]) + 1},
            {"cursor": "next", "param": "c"},
            "page 100 leads to another page, but the 100 before it had no record",
        ),
    ],
)
def test_what_would_have_no_end_is_refused(night: Night, serve: Any, answer: Answer, page: dict[str, Any], said: str) -> None:
    """A next page that was read before, a parameter that the API does not know, pages without a record for ever."""
    refused(night, serve(answer), DataRefused, said, records="rows", page=page)


def test_a_bound_on_pages(night: Night, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each has something new, the number alone tells that there is no end."""
    monkeypatch.setattr(http, "MOST_PAGES", 3)
    shop = serve(lambda _, params: [{"id": int(params["page"][0])}])
    refused(night, shop, DataRefused, "page 3 leads to another page, but that many are taken", page={"number": "page"})


def test_an_empty_page_with_a_next_one_is_passed_over(night: Night, serve: Any) -> None:
    """An API that filters gives such; one that leads back to itself is the last."""
    pages = {"0": (cut(0), "1"), "1": ([], "2"), "2": (cut(2), "3"), "3": ([], "3")}
    shop = serve(lambda _, params: dict(zip(("rows", "next"), pages[params.get("c", ["0"])[0]], strict=True)))
    assert [row["id"] for row in read(night, shop, records="rows", page={"cursor": "next", "param": "c"})] == [1, 2, 3, 4]


def test_an_answer_of_any_length_is_not_taken(night: Night, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even when it is packed; what is read is counted as it comes."""
    monkeypatch.setattr(apis, "PAGE_BYTES", 1 << 20)
    packed = gzip.compress(b"[" + b" " * (8 << 20) + b"]")
    shop = serve(lambda *_: (200, {"Content-Encoding": "gzip"}, packed))
    refused(night, shop, DataRefused, "crm, /v1/orders, page 1 is longer than 1 MB")


@pytest.mark.parametrize(
    "told",
    [
        (
            {"rows": cut(0), "links": {"self": "/v1", "next": "/v1/orders?p=2"}},
            {"next": "links.nxt"},
            (
                "crm, /v1/orders, page 1 has nothing at links.nxt, and so is taken for the last; it has links.self, links.next. "
                "Correct page:, if one of these leads on"
            ),
        ),
        (
            {"count": 25, "rows": cut(0), "meta": {}, "next_cursor": "abc"},
            {"cursor": "meta.next", "param": "c"},
            (
                "crm, /v1/orders, page 1 has nothing at meta.next, and so is taken for the last; it has next_cursor, count, rows, meta. "
                "Correct page:, if one of these leads on"
            ),
        ),
        ({"rows": cut(0), "next": None}, {"next": "next"}, None),
        ({"rows": [], "odd": 1}, {"next": "next"}, None),
        ({"rows": []}, {"cursor": "rows.-1.id", "param": "c"}, None),
    ],
)
def test_a_key_that_leads_nowhere_is_said_aloud(
    night: Night, serve: Any, caplog: pytest.LogCaptureFixture, told: tuple[Any, Any, str | None]
) -> None:
    """Where the first page has none such: nothing else would tell that others were to come."""
    answer, page, said = told
    read(night, serve(lambda *_: answer), records="rows", page=page, accept={"min_rows": 0})
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == ([said] if said else [])


def test_a_link_of_another_name_is_said_aloud(night: Night, serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    """With those that there are."""
    read(night, serve(lambda *_: (200, {"Link": '</v1/orders?p=2>; rel="nxt"'}, cut(0))), page={"link": "next"})
    assert "page 1 has no link next, and so is taken for the last; it has nxt. Correct page:, if one of these leads on" in caplog.text


def test_an_api_that_refuses_what_lies_behind_its_last_page(night: Night, serve: Any) -> None:
    """Is told apart from one that does not know the path."""
    shop = serve(lambda _, params: cut(int(params["page"][0]) * 2 - 2) if params["page"][0] < "4" else (404, {}, {"error": "no page"}))
    error = refused(night, shop, QueryRefused, "crm, /v1/orders, page 4 was refused: 404", page={"number": "page"})
    assert error.hint == (
        "6 rows came before. An API that answers so behind its last page cannot be read by page: page by next, link or cursor."
    )
