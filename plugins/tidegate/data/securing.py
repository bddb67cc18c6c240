"""What an Airflow connection's extra says about encryption, passed on to the driver or refused: never left out, for the login would go in the clear."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tidegate.errors import ConnectionUnknown

if TYPE_CHECKING:
    from collections.abc import Mapping

_ABOUT = ("ssl", "tls", "gss", "krb", "channel_binding", "require_auth", "requirepeer", "requiressl", "min_tls", "encrypt")
"""How settings begin that say who may listen."""
_POSTGRES = (
    "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "sslnegotiation", "sslcertmode", "sslcompression",
    "ssl_min_protocol_version", "ssl_max_protocol_version", "channel_binding", "require_auth", "requirepeer", "gssencmode", "krbsrvname", "gsslib",
    "gssdelegation",
)  # fmt: skip
_MYSQL = ("ca", "cert", "key", "capath", "cipher", "check_hostname")
_CHECKED = {"required": "false", "verify_ca": "false", "verify_identity": "true"}
"""``ssl_mode`` → whether the server's name must be that of its certificate."""


def secured(family: str, extra: Mapping[str, Any], *, conn_id: str) -> dict[str, str]:
    """Of an Airflow connection's extra what is about encryption, as the driver takes it.

    :param family: of the database, such as ``mysql``.
    :raises ConnectionUnknown: something of it cannot be passed on.
    """
    said = {name: value for name, value in extra.items() if name.lower().startswith(_ABOUT) and value not in (None, "", {})}
    if family == "postgresql":
        taken = {name: str(said.pop(name)) for name in _POSTGRES if name in said}
    elif family in {"mysql", "mariadb"}:
        taken = _of_mysql(said, conn_id=conn_id)
    else:
        taken = {}
    for name in said:
        raise _refused(conn_id, name, "Take it out, or write the whole URL as sqlalchemy_url, with what its driver calls it.")
    return taken


def _of_mysql(said: dict[str, Any], *, conn_id: str) -> dict[str, str]:
    """PyMySQL's words for those of PyMySQL, of mysqlclient and of the server's own programs. What is taken is gone from ``said``."""
    nested = said.pop("ssl", {})
    try:
        nested = json.loads(nested) if isinstance(nested, str) else nested
    except ValueError:
        nested = None
    if nested is True:
        nested = {"check_hostname": "false"}
    if not isinstance(nested, dict):
        raise _refused(conn_id, "ssl", 'Write it as {"ca": "/path/ca.pem"}.')
    said |= {f"ssl_{name}": value for name, value in nested.items()}
    taken = {f"ssl_{name}": str(said.pop(f"ssl_{name}")) for name in _MYSQL if f"ssl_{name}" in said}
    mode = str(said.pop("ssl_mode", "")).lower()
    if mode == "disabled" and not taken:
        return {"ssl_disabled": "true"}
    if mode and mode not in _CHECKED:
        raise _refused(conn_id, f"ssl_mode {mode.upper()}", f"Write {', '.join(known.upper() for known in _CHECKED)}, or DISABLED alone.")
    if mode.startswith("verify") and not taken.keys() & {"ssl_ca", "ssl_capath"}:
        raise _refused(conn_id, f"ssl_mode {mode.upper()}", "Say by ssl_ca whose certificates are good.")
    if mode:
        taken.setdefault("ssl_check_hostname", _CHECKED[mode])
    return taken


def _refused(conn_id: str, name: str, hint: str) -> ConnectionUnknown:
    message = f'Connection "{conn_id}" says {name} in its extra, which Tidegate does not pass on: what is sent would be less protected than it says.'
    return ConnectionUnknown(message, hint=hint)
