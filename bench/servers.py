"""Database servers of one's own: on loopback, on a free port, in a folder under /tmp, without fsync, gone when the block ends."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

START_SECONDS = 60.0
"""A fresh server answers within a second or three; a busy machine may take longer."""


class NoServer(Exception):
    """A server that cannot be had here, and what to do about it."""


@contextmanager
def postgres(settings: Sequence[str] = ("synchronous_commit=off", "full_page_writes=off", "max_connections=200")) -> Iterator[URL]:
    """An empty database on a PostgreSQL.

    :raises NoServer: its programs are not installed.
    """
    initdb, program = _program("initdb"), _program("postgres")
    with _home_of("postgres") as (home, owner):
        url = _url("postgresql+psycopg")
        password = home / "password"
        password.write_text(f"{url.password}\n")
        initialise = [initdb, "-D", f"{home}/data", "-U", f"{url.username}", f"--pwfile={password}"]
        _run_as(owner, [*initialise, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
        server = [program, "-D", f"{home}/data", "-h", f"{url.host}", "-p", f"{url.port}", "-k", f"{home}", "-F"]
        for setting in settings:
            server += ["-c", setting]
        with _serving(server, home, owner, url.set(database="postgres"), stop=signal.SIGINT) as execute:  # SIGINT: a "fast" shutdown
            execute(f"CREATE DATABASE {url.database}")
            yield url


_REVIVE = "trap 'kill -TERM $server; wait $server; exit' TERM; while :; do \"$@\" & server=$!; wait $server; done"
"""Start a program again whenever it ends, until this shell is ended."""


@contextmanager
def mariadb(settings: Sequence[str] = ("innodb-buffer-pool-size=64M",), *, revived: bool = False) -> Iterator[URL]:
    """An empty database on a MariaDB.

    :param revived: it is started again when it dies, and keeps then what was committed.
    :raises NoServer: its programs are not installed.
    """
    install, program = _program("mariadb-install-db"), _program("mariadbd")
    with _home_of("mysql") as (home, owner):
        url = _url("mysql+pymysql")
        first = home / "first.sql"
        first.write_text(
            f"CREATE DATABASE IF NOT EXISTS {url.database} CHARACTER SET utf8mb4;\n"
            f"CREATE USER IF NOT EXISTS '{url.username}'@'{url.host}' IDENTIFIED BY '{url.password}';\n"
            f"GRANT ALL ON *.* TO '{url.username}'@'{url.host}';\n"
        )
        _run_as(owner, [install, "--no-defaults", f"--datadir={home}/data", "--auth-root-authentication-method=normal", "--skip-test-db"])
        server = [program, "--no-defaults", f"--datadir={home}/data", f"--socket={home}/socket", f"--pid-file={home}/pid"]
        server += [f"--port={url.port}", f"--bind-address={url.host}", "--skip-name-resolve", f"--init-file={first}"]
        server.append(f"--tmpdir={home}")  # a server that starts deletes the temporary tables of others
        server += ["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", *(f"--{setting}" for setting in settings)]
        if revived:
            server = ["/bin/sh", "-c", _REVIVE, "sh", *server, "--innodb-flush-log-at-trx-commit=2"]
        with _serving(server, home, owner, url, stop=signal.SIGTERM):
            yield url


def _program(name: str) -> str:
    """Where a server program stands. Debian keeps PostgreSQL's out of the PATH, and MariaDB's out of the PATH of plain users."""
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    folders = [os.environ.get("PATH", os.defpath), *map(str, newest_first), "/usr/sbin"]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        raise NoServer(f"{name} is not installed: run `make servers`")
    return found


def _url(driver: str) -> URL:
    """Choose a URL on a port that was free a moment ago, with a password that no log may show."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return URL.create(driver, "tidegate", secrets.token_hex(16), "127.0.0.1", port, "tidegate_test")


@contextmanager
def _home_of(account: str) -> Iterator[tuple[Path, str | None]]:
    """Give a folder and the account to run under: database servers refuse root, so root hands them to Debian's account for each."""
    home = Path(tempfile.mkdtemp(prefix=f"tidegate-{account}-"))  # not below the caller's: another account cannot enter those
    owner = None
    if os.geteuid() == 0:
        try:
            owner = pwd.getpwnam(account).pw_name
        except KeyError as error:
            raise NoServer(f"root needs the account {account} to run it: run `make servers`") from error
        shutil.chown(home, owner)
    try:
        yield home, owner
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run_as(owner: str | None, command: list[str]) -> None:
    done = subprocess.run(command, user=owner, extra_groups=_no_groups(owner), cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _no_groups(owner: str | None) -> list[str] | None:
    """Root's own groups are left behind together with root; nobody else may set theirs."""
    return None if owner is None else []


@contextmanager
def _serving(command: list[str], home: Path, owner: str | None, url: URL, *, stop: signal.Signals) -> Iterator[Callable[[str], None]]:
    """Run a server while the block runs; gives a function that executes one statement there."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def execute(statement: str) -> None:
        with engine.connect() as connection:
            connection.execute(text(statement))

    log = home / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(command, user=owner, extra_groups=_no_groups(owner), cwd="/", stdout=out, stderr=out)
    try:
        give_up = time.monotonic() + START_SECONDS
        while True:
            try:
                execute("SELECT 1")
                break
            except OperationalError as error:
                if server.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError(f"{command[0]} does not answer: {error}\n{log.read_text(errors='replace')}") from error
                time.sleep(0.05)
        yield execute
    finally:
        server.send_signal(stop)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
