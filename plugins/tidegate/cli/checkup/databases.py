"""The databases and APIs that pipelines read and write: whether they answer, and whether their ledgers are of this version."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.cli.checkup.notes import counted, fine, note, wrong
from tidegate.cli.ledgers import url_behind
from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL

    from tidegate.cli.checkup.asked import Asked, Users
    from tidegate.cli.checkup.notes import Note

CONNECTIONS, LEDGERS = "connections", "ledgers"
_AT_ONCE = 8


def connections(asked: Asked) -> Iterator[Note]:
    """Whether every connection is there, has its driver, and answers a ``SELECT 1``, or a request for nothing but an answer."""
    answering = {"database": 0, "API": 0}
    probed = [*((each, "database") for each in asked.databases.items()), *((each, "API") for each in asked.apis.items())]
    with ThreadPoolExecutor(_AT_ONCE) as probes:
        asks = [(conn_id, kind == "database" and conn_id in asked.written) for (conn_id, _), kind in probed]
        for ((conn_id, users), kind), error in zip(probed, probes.map(_probed, asks), strict=True):
            if error is None:
                answering[kind] += 1
            else:
                yield wrong(CONNECTIONS, _sentence(conn_id, error), where=str(users), mend=error.hint)
    for conn_id, users in asked.others.items():
        if conn_id not in asked.databases and (error := _unknown(conn_id)) is not None:
            yield wrong(CONNECTIONS, error.message, where=str(users), mend=error.hint)
    for kind, number in answering.items():
        if number:
            yield fine(CONNECTIONS, counted(number, f"{kind} answers", f"{kind}s answer"))
    for conn_id, users in asked.rendered.items():
        yield note(CONNECTIONS, f"{conn_id} is known in a run only, and was not looked at", where=str(users))


def ledgers(asked: Asked) -> Iterator[Note]:
    """Whether every ledger answers, and is what this Tidegate reads and writes."""
    current = 0
    for conn_id, users in asked.ledgers.items():
        found = _ledger(conn_id, users)
        if found is None:
            current += 1
        else:
            yield found
    if current:
        from tidegate.data.ledger import VERSION

        yield fine(LEDGERS, f"{counted(current, 'ledger has', 'ledgers have')} version {VERSION}")


def _probed(ask: tuple[str, bool]) -> TidegateError | None:
    """Why a database or an API does not answer; a database that is a file need not be there before it is written."""
    from airflow.models import Connection

    from tidegate.operators.surroundings import probe_of

    conn_id, written = ask
    try:
        if not (written and _is_to_be_made(url_behind(conn_id))):
            probe_of(conn_id, Connection.get_connection_from_secrets)()  # noqa: AIR311  as below
    except TidegateError as error:
        return error
    return None


def _is_to_be_made(url: URL) -> bool:
    """Whether a database is a file that is not there yet, in a folder that is."""
    from tidegate.data.engines import FILES

    file = Path(url.database or "")
    return url.get_backend_name() in FILES and file.parent.is_dir() and not file.exists()


def _sentence(conn_id: str, error: TidegateError) -> str:
    """Its message; with the connection's name, where it does not say that itself."""
    told = " ".join(error.message.split()).rstrip(".")
    return told if conn_id in told else f"{conn_id}: {told}"


def _unknown(conn_id: str) -> TidegateError | None:
    """Why Airflow does not know a connection that may be of any kind."""
    from airflow.models import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    from tidegate.operators.surroundings import no_connection

    try:
        Connection.get_connection_from_secrets(conn_id)  # noqa: AIR311  not the SDK's, which asks a task's API or the environment alone
    except AirflowNotFoundException:
        return no_connection(conn_id)
    return None


def _ledger(conn_id: str, users: Users) -> Note | None:
    """What there is to say of a ledger; None where it is current."""
    from tidegate.data.engines import reading
    from tidegate.data.gaps import there
    from tidegate.data.ledger import VERSION, version_of

    try:
        url = url_behind(conn_id)
        version, is_there = None, False
        if not _is_to_be_made(url):
            with reading(url, connection_name=conn_id) as connection:
                version, is_there = version_of(connection), there(connection)
    except TidegateError as error:
        return wrong(LEDGERS, _sentence(conn_id, error), where=str(users), mend=error.hint)
    if version == VERSION:
        return None
    what = f"the ledger behind {conn_id} is older than this Tidegate" if is_there else f"{conn_id} has no ledger yet"
    mend = f"The next night that writes it {'brings it up' if is_there else 'makes it'}; `tidegate ledger upgrade` does so now."
    return note(LEDGERS, what, where=str(users), mend=mend)
