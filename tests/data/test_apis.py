"""HTTP APIs behind connections: a login that goes to no other host, errors that say what a retry mends, reads that are let go."""

from __future__ import annotations

import html
import json
import logging
import socket
import ssl
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from orders import LOGIN, ORDERS, SECRETS, by_next, by_number, closed, cut, read, refused

from tidegate.data import apis
from tidegate.data.apis import api_at
from tidegate.data.stopping import Stop
from tidegate.errors import AuthRefused, ConnectionUnknown, DataRefused, QueryRefused, Stopped, TidegateError, TimedOut, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from apis import Shop
    from nights import Night

# -- other hosts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [{"next": "next"}, {"link": "next"}, None])
def test_a_login_goes_to_no_other_host(night: Night, serve: Any, page: dict[str, str] | None) -> None:
    """Neither by a next page, nor by a redirect."""
    other = serve(lambda *_: {"rows": cut(2)})
    link = f"{other.url}/v1/orders?token=t0ken"
    body = {"rows": cut(0), "next": link}
    shop = serve(lambda *_: (200 if page else 302, {"Link": f'<{link}>; rel="next"', "Location": link}, body))
    error = refused(night, closed(shop), DataRefused, f"page 1 leads to {other.url}, and not to {shop.url}.", records="rows", page=page)
    assert "t0ken" not in str(error)
    assert other.asked == []
    assert len(shop.asked) == 1


def test_a_login_goes_with_every_page(night: Night, serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Header, login and key, through redirects on the same host too; and no log shows one of them."""
    caplog.set_level(logging.DEBUG)
    shop = serve(
        lambda path, params: (302, {"Location": f"/v2/orders?from={params.get('from', ['0'])[0]}"}, b"") if path == "/v1/orders" else by_next(path, params)
    )  # fmt: skip
    read(night, closed(shop), records="data.orders", page={"next": "links.next"})
    assert len(shop.asked) == 8
    for _, path, headers in shop.asked:
        assert headers["Authorization"] == "Basic cmVhZGVyOnBhNTUtd29yZA=="
        assert headers["X-Api-Key"] == "k3y-of-header"
        assert ("api_key=k3y-of-param" in path) == path.startswith("/v1/")
    assert "v1/orders" in caplog.text
    assert not [secret for secret in SECRETS if secret in caplog.text]


def test_redirects_end(night: Night, serve: Any) -> None:
    """A circle of them is refused."""
    shop = serve(lambda *_: (307, {"Location": "/v1/orders"}, b""))
    refused(night, shop, QueryRefused, "page 1 leads from one address to the next")


# -- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthRefused), (403, AuthRefused), (408, TimedOut), (504, TimedOut), (429, Unreachable), (500, Unreachable), (502, Unreachable),
        (503, Unreachable), (400, QueryRefused), (404, QueryRefused), (422, QueryRefused), (410, QueryRefused),
    ],
)  # fmt: skip
def test_a_status_is_told_in_the_servers_words(night: Night, serve: Any, status: int, kind: type[TidegateError]) -> None:
    """On any page, cut at some length, and without what lets one in."""
    words = {"error": "no such thing", "you_sent": " ".join(SECRETS), "long": "x" * 5000}
    shop = serve(lambda _, params: cut(0) if params["page"] == ["1"] else (status, {}, words))
    error = refused(night, closed(shop), kind, "crm, /v1/orders, page 2 ", page={"number": "page"})
    assert type(error) is kind
    assert f"{status} " in error.message
    assert '"error": "no such thing"' in error.message
    assert len(str(error)) < 600
    assert not [secret for secret in SECRETS if secret in str(error)]


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "a URL": lambda secret: quote(secret, safe=""),
    "a path": quote,
    "a form": quote_plus,
    "a form in small letters": lambda secret: quote_plus(secret).lower(),
    "a URL in a URL": lambda secret: quote(quote(secret, safe=""), safe=""),
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON of PHP": lambda secret: json.dumps(secret)[1:-1].replace("/", r"\/"),
    "JSON of Go": lambda secret: json.dumps(secret)[1:-1].replace("&", r"\u0026").replace("<", r"\u003c"),
    "JSON in JSON": lambda secret: json.dumps(json.dumps(secret))[3:-3],
    "HTML": html.escape,
}
TOKEN = "ya29.a0/Af+H6'SMB token=="


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("fields", "secret"),
    [
        *((LOGIN, secret) for secret in SECRETS),
        ({"password": TOKEN}, TOKEN),
        ({"extra": {"Authorization": f"Token {TOKEN}"}}, TOKEN),
        ({"extra": {"Authorization": 'Digest username="u", response="d1ge5t-of-it"'}}, "d1ge5t-of-it"),
        ({"host": "https://hooks.example/bot4711:AAFm-sWqX_9zT0ken"}, "bot4711:AAFm-sWqX_9zT0ken"),
        ({"host": "https://hooks.example/bot4711:AAFm-sWqX_9zT0ken"}, "AAFm-sWqX_9zT0ken"),
    ],
)
def test_what_lets_one_in_is_not_told_in_any_form(fields: dict[str, Any], secret: str, form: str) -> None:
    """Nor is a token without the word before it; other words are."""
    said = FORMS[form](secret)
    told = api_at(**{"conn_id": "crm", "conn_type": "http", "host": "api.example", **fields}).told(f"Bearer '{said}' of v1/orders is bad")
    assert told == "Bearer '***' of v1/orders is bad"


def test_a_key_that_stands_in_the_file_is_not_repeated(night: Night, serve: Any) -> None:
    """Of parameters those that are called like secrets; what else is asked is told."""
    shop = serve(lambda _, params: (400, {}, {"bad": params}))
    params = {"api_key": "k3y-of-file", "access_token": ["t0ken-1", "t0ken-2"], "status": "opened"}
    error = refused(night, shop, QueryRefused, "crm, /v1/orders, page 1 was refused: 400", params=params)
    assert str(error).endswith(
        '"bad": {"api_key": ["***"], "access_token": ["***", "***"], "status": ["opened"]}}. Check path and params against what the API knows.'
    )


def test_a_token_is_not_told(night: Night, serve: Any) -> None:
    """By a server that says which it does not take."""
    shop = serve(lambda *_: (401, {}, {"error": "invalid credential 'ya29.a0AfH6SMB'"}))
    api = api_at(conn_id="crm", conn_type="http", host=shop.url, password="ya29.a0AfH6SMB")
    refused(night, api, AuthRefused, """401 Unauthorized: {"error": "invalid credential '***'"}.""")


def test_no_log_shows_a_path_that_may_be_a_key(night: Night, serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Of an address it has the host."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "httpx")  # which Airflow keeps quiet
    shop = serve(lambda *_: cut(0))
    read(night, api_at(conn_id="crm", conn_type="http", host=f"{shop.url}/bot4711:AAFm"))
    assert shop.paths == ["/bot4711:AAFm/v1/orders"]
    assert f"GET {shop.url} " in caplog.text
    assert "AAFm" not in caplog.text


def test_a_page_for_people_is_not_told(night: Night, serve: Any) -> None:
    """Of HTML only the status is."""
    shop = serve(lambda *_: (503, {"Content-Type": "text/html"}, b"<html>" + b"x" * 5000))
    refused(night, shop, Unreachable, "crm, /v1/orders, page 1 cannot be had now: 503 Service Unavailable. It is tried again")


def test_an_api_that_asks_for_time_gets_it(night: Night, serve: Any) -> None:
    """By seconds or by a date, page by page; one that asks for too much is told of to who tries again."""
    shop = serve(lambda *_: (503, {"Retry-After": "3600"}, {}))
    refused(night, shop, Unreachable, "503 Service Unavailable: {}. It asks to be left alone for 3600 s.")
    shop = serve(lambda *_: (429, {"Retry-After": "0"}, {}))
    refused(night, shop, Unreachable, "429 Too Many Requests")
    assert len(shop.asked) == apis.WAITS + 1
    waits = iter(["0", format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True), None, "0", None])
    shop = serve(lambda _, params: (429, {"Retry-After": said}, {}) if (said := next(waits, None)) is not None else by_number("", params))
    assert read(night, shop, page={"number": "page"}) == ORDERS
    assert len(shop.asked) == 8


def test_a_page_that_breaks_in_its_middle_leaves_nothing(night: Night, serve: Any) -> None:
    """By its length, by its chunks, or, where the API says no length, by JSON that has no end: all are tried again."""
    for headers, body in [
        ({"Content-Length": "500"}, b'[{"id": 1'),
        ({"Content-Length": None, "Transfer-Encoding": "chunked"}, b"ff\r\n[{"),
        ({"Content-Length": None}, b'[{"id": 1}, {"id"'),
        ({"Content-Encoding": "gzip"}, b"no gzip"),
    ]:
        answer = (200, {**headers, "Connection": "close"}, body)
        shop = serve(lambda _, params, answer=answer: cut(0) if params["page"] == ["1"] else answer)
        refused(night, shop, Unreachable, "crm, /v1/orders, page 2 ", page={"number": "page"})


def test_nobody_at_the_port(night: Night) -> None:
    """Is tried again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    api = api_at(conn_id="crm", conn_type="http", host="127.0.0.1", port=port)
    refused(night, api, Unreachable, "crm, /v1/orders, page 1 cannot be had now:")


def test_an_answer_that_does_not_come(night: Night, serve: Any) -> None:
    """Ends at the connection's own time-out."""
    shop = serve(lambda *_: shop.hangs())
    refused(night, closed(shop, extra={"timeout": 0.2}), TimedOut, "crm, /v1/orders, page 1 did not come in time")


def test_stopped_while_the_api_thinks(night: Night, serve: Any) -> None:
    """Whoever waits for an answer is let go, and so is who waits because the API asked for time."""
    for thinks in (True, False):
        shop: Shop = serve(lambda *_, thinks=thinks: shop.hangs() if thinks else (429, {"Retry-After": "50"}, {}))  # noqa: B023  this one
        stop = Stop(asked=lambda shop=shop: "stopped at 04:30" if shop.asked else None, every=0.05)
        refused(night, shop, Stopped, "crm was stopped at 04:30.", stop=stop)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Give a certificate of this address, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path / "shop.pem"
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(pem) + secret)
    return path


def test_an_api_shows_who_it_is(night: Night, serve: Any, certificate: Path) -> None:
    """By a certificate that the connection believes; over TLS a read is let go as well."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    shop = serve(lambda *_: shop.hangs() if shop.paths[-1].endswith("hang") else cut(0), tls)
    refused(night, shop, Unreachable, "certificate verify failed")
    believed = closed(shop, extra={"verify": str(certificate), "cert": str(certificate)})
    stop = Stop(asked=lambda: "stopped at 04:30" if shop.asked else None, every=0.05)
    refused(night, believed, Stopped, "crm was stopped at 04:30.", stop=stop, path="/hang")
    assert len(read(night, believed)) == len(read(night, closed(shop, extra={"verify": False}))) == 2


def test_stopped_between_pages(night: Night, serve: Any) -> None:
    """Nothing more is asked."""
    stop = Stop()

    def answer(_: str, params: dict[str, list[str]]) -> Any:
        if params["page"] == ["3"]:
            stop.now("overtaken")
        return cut(int(params["page"][0]) * 2)

    shop = serve(answer)
    refused(night, shop, Stopped, "crm was overtaken.", stop=stop, page={"number": "page"})
    assert len(shop.asked) == 3


# -- connections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "base"),
    [
        ({"host": "api.example.com"}, "http://api.example.com"),
        ({"host": "api.example.com", "schema": "https", "port": 8443}, "https://api.example.com:8443"),
        ({"host": "api.example.com", "conn_type": "https"}, "https://api.example.com"),
        ({"host": "https://reader:pw@api.example.com/v1/"}, "https://api.example.com/v1/"),
    ],
)
def test_where_an_api_is(fields: dict[str, Any], base: str) -> None:
    """As Airflow's own hook reads a connection."""
    api = api_at(**{"conn_id": "crm", "conn_type": "http", **fields})
    assert str(api.base) == base
    assert api.auth == (("reader", "pw") if "pw" in str(fields) else None)


def test_how_an_api_lets_one_in() -> None:
    """A password alone is a token; the extra holds headers, and words that are none."""
    extra = {"X-Team": "sales", "headers": {"X-Key": "k"}, "params": {"key": 7}, "timeout": "5", "check_response": False, "verify": True}
    api = api_at(conn_id="crm", conn_type="http", host="api", password="t0ken", extra=extra)
    assert api.headers == {"Authorization": "Bearer t0ken", "X-Key": "k", "X-Team": "sales"}
    assert (api.params, api.timeout, api.verify, api.auth) == ({"key": "7"}, 5.0, True, None)
    assert "t0ken" not in repr(api)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"conn_type": "postgres", "host": "db"}, 'Connection "crm" is of type "postgres", and an HTTP API is read from it'),
        ({}, "gives no address"),
        ({"host": "api", "schema": "public"}, "gives no address"),
        ({"host": "https://us:s3cret@api:port", "schema": "https"}, "gives no address"),
        (
            {"host": "https://api.example.com/v1?api_key=s3cret"},
            (
                'Connection "crm" has more than an address of an HTTP API: parameters behind a ? or a #. '
                "Put them under params in the extra of an Airflow connection, which are sent with each request and shown nowhere."
            ),
        ),
        ({"host": "api?api_key=s3cret"}, 'Connection "crm" has more than an address'),
        ({"host": "https://api#s3cret"}, 'Connection "crm" has more than an address'),
        (
            {"conn_id": "https://api?api_key=s3cret", "host": "https://api?api_key=s3cret"},
            'Connection "https://api" has more than an address of an HTTP API',
        ),
        ({"host": "api", "extra": {"X-Key": "s3cret\nX-Other: 1"}}, "has a header 'X-Key' that no request can carry"),
        ({"host": "api", "extra": {"X-Key": "s3crét"}}, "has a header 'X-Key' that"),
        ({"host": "api", "extra": {"X Key": "s3cret"}}, "has a header 'X Key' that"),
        ({"host": "api", "password": "s3cret\n"}, "has a header 'Authorization' that"),
        ({"host": "api", "extra": {"X-Key": {"a": "s3cret"}}}, 'has "X-Key" in its extra, which is no text'),
        ({"host": "api", "extra": {"params": "s3cret"}}, "has an extra that is no mapping"),
        ({"host": "api", "extra": {"timeout": "s3cret"}}, "has a timeout that is no number"),
        ({"host": "api", "extra": {"verify": "/no/such/file"}}, "names certificates that cannot be read"),
        ({"host": "api", "extra": {"cert": ["/no/such/file", "/neither"]}}, "names certificates that cannot be read"),
    ],
)
def test_a_connection_that_leads_to_no_api(fields: dict[str, Any], said: str) -> None:
    """Says what is wrong with it, and shows no secret."""
    with pytest.raises(ConnectionUnknown) as caught:
        api_at(**{"conn_id": "crm", "conn_type": "http", **fields})
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, None), (302, None), (403, None), (404, None), (405, None), (501, None), (401, AuthRefused), (503, Unreachable), (504, TimedOut)],
)
def test_a_probe_asks_for_an_answer_alone(serve: Any, status: int, kind: type[TidegateError] | None) -> None:
    """What there is at the address itself it does not mind, for nobody reads that."""
    shop = serve(lambda *_: (status, {"Location": "http://other.example"}, b""))
    with pytest.raises(kind, match=r"^crm ") if kind else nullcontext():
        apis.probe(closed(shop), correlation_id="c-1", connection_name="crm")
    ((method, path, headers),) = shop.asked
    assert (method, path, headers["X-Correlation-ID"]) == ("HEAD", "/", "c-1")


def test_a_correlation_id_fits_into_a_header(serve: Any) -> None:
    """Whatever a trigger gives."""
    shop = serve(lambda *_: {})
    apis.probe(closed(shop), correlation_id="nächtlich 7\r\nX-Other: 1", connection_name="crm")
    ((_, _, headers),) = shop.asked
    assert headers["X-Correlation-ID"] == "n?chtlich_7__X-Other:_1"
