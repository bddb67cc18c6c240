"""What a connection says about encryption holds, or the connection is refused: no login goes in the clear that was not to."""

from __future__ import annotations

import ipaddress
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from servers import or_skipped

from bench import servers
from tidegate.data.engines import database_url, reading
from tidegate.errors import ConnectionUnknown, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

MYSQL = "mysql+pymysql://h?charset=utf8mb4"


def made(kind: str, extra: dict[str, Any], **more: Any) -> sa.URL:
    """Give the URL of an Airflow connection."""
    return database_url(**{"conn_id": "sales", "conn_type": kind, "host": "h", "extra": extra, **more})


@pytest.mark.parametrize(
    ("kind", "extra", "query"),
    [
        ("mysql", {"ssl": {"ca": "/ca.pem"}}, {"ssl_ca": "/ca.pem"}),
        ("mysql", {"ssl": '{"ca": "/ca.pem", "cert": "/c.pem", "key": "/k.pem"}'}, {"ssl_ca": "/ca.pem", "ssl_cert": "/c.pem", "ssl_key": "/k.pem"}),
        ("mysql", {"ssl": {"ca": "/ca.pem"}, "ssl_mode": "REQUIRED"}, {"ssl_ca": "/ca.pem", "ssl_check_hostname": "false"}),
        ("mariadb", {"ssl_mode": "required"}, {"ssl_check_hostname": "false"}),
        ("mysql", {"ssl": True}, {"ssl_check_hostname": "false"}),
        ("mysql", {"ssl_ca": "/ca.pem", "ssl_mode": "VERIFY_IDENTITY"}, {"ssl_ca": "/ca.pem", "ssl_check_hostname": "true"}),
        ("mysql", {"ssl_mode": "DISABLED"}, {"ssl_disabled": "true"}),
        ("mysql", {"ssl": {}, "ssl_ca": ""}, {}),
        ("postgres", {"sslmode": "verify-full", "sslcrl": "/x", "channel_binding": "require"}, {"sslmode": "verify-full", "sslcrl": "/x", "channel_binding": "require"}),
        ("postgres", {"gssencmode": "disable", "x": 1}, {"gssencmode": "disable"}),
    ],
)  # fmt: skip
def test_what_is_said_is_passed_on(kind: str, extra: dict[str, Any], query: dict[str, str]) -> None:
    """By the driver's own words, whoever's words they were."""
    assert {name: value for name, value in made(kind, extra).query.items() if name != "charset"} == query


@pytest.mark.parametrize(
    ("kind", "extra", "told"),
    [
        ("mysql", {"ssl_mode": "PREFERRED"}, "says ssl_mode PREFERRED in its extra, which Tidegate does not pass on"),
        ("mysql", {"ssl_mode": "VERIFY_CA"}, "Say by ssl_ca whose certificates are good."),
        ("mysql", {"ssl_mode": "DISABLED", "ssl_ca": "/ca.pem"}, "says ssl_mode DISABLED"),
        ("mysql", {"ssl": {"ca": "/ca.pem", "crl": "/x"}}, "says ssl_crl in its extra"),
        ("mysql", {"ssl": "yes"}, 'says ssl in its extra, which Tidegate does not pass on: what is sent would be less protected than it says. Write it as {"ca"'),
        ("mysql", {"tls_version": "TLSv1.3"}, "says tls_version in its extra"),
        ("postgres", {"sslpassword": "zz"}, "says sslpassword in its extra"),
        ("generic", {"sqlalchemy_url": "postgresql+psycopg://h/db", "sslmode": "require"}, "says sslmode in its extra"),
    ],
)  # fmt: skip
def test_what_cannot_be_passed_on_is_refused(kind: str, extra: dict[str, Any], told: str) -> None:
    """By name, before anything is sent."""
    with pytest.raises(ConnectionUnknown) as caught:
        made(kind, extra)
    assert told in str(caught.value)
    assert "zz" not in str(caught.value)


@pytest.fixture(scope="module")
def certificate() -> Iterator[Path]:
    """Give a folder, which a server may read, of a certificate of 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        (place / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (place / "key.pem").write_bytes(pem)
        for file in place.iterdir():
            os.chmod(file, 0o644)  # noqa: PTH101
        yield place


@pytest.fixture(scope="module")
def encrypting(certificate: Path) -> Iterator[sa.URL]:
    """Give a MariaDB that has TLS."""
    with or_skipped(servers.mariadb([f"ssl-cert={certificate}/cert.pem", f"ssl-key={certificate}/key.pem"])) as url:
        yield url


def cipher(url: sa.URL, extra: dict[str, Any]) -> str:
    """With what a session is encrypted; nothing for none."""
    said = {"host": url.host, "login": url.username, "password": url.password, "schema": url.database, "port": url.port}
    with reading(made("mysql", extra, **said)) as connection:
        return str(connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Ssl_cipher'").one()[1])


@pytest.mark.server
def test_sessions_of_mysql_are_encrypted(encrypting: sa.URL, certificate: Path) -> None:
    """As the connection says, and with whom it says."""
    ca = {"ca": f"{certificate}/cert.pem"}
    for extra in ({"ssl": ca}, {"ssl": ca, "ssl_mode": "VERIFY_IDENTITY"}, {"ssl": ca, "ssl_mode": "VERIFY_CA"}, {"ssl_mode": "REQUIRED"}):
        assert cipher(encrypting, extra)
    assert not cipher(encrypting, {"ssl_mode": "DISABLED"})
    other = {"ca": f"{certificate}/cert.pem", "check_hostname": True}
    with pytest.raises(TidegateError, match="certificate"):
        cipher(encrypting.set(host="localhost"), {"ssl": other})


def test_a_server_without_tls_is_no_server_with_it(mariadb_url: sa.URL) -> None:
    """Nothing is read in the clear."""
    with pytest.raises(TidegateError, match=r"SSL|TLS"):
        cipher(mariadb_url, {"ssl_mode": "REQUIRED"})
