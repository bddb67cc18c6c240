"""The run: servers up, tables made, contenders in turns, tables of medians, targets."""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bench import servers
from bench.data import tables
from bench.data.contenders import ADBC, EXTRACTS, FLOOR, FLOORS, OURS, TYPED_OURS, Job
from bench.data.loads import LOADS, as_tsv
from bench.peers import ROOT, move_in
from bench.reporting import claim, odd, show_claims

if TYPE_CHECKING:
    from collections.abc import Iterator

PEERS = ROOT / ".tidegate" / "bench-data-peers"
OWN = ("psycopg", "psycopg-binary", "pymysql", "pgpq")
"""Of Tidegate's extras, as the development environment has them."""
PACKAGES = (
    *(line for line in (ROOT / "requirements-dev.txt").read_text().splitlines() if line.partition("==")[0] in OWN),
    "adbc-driver-postgresql==1.13.0",
    "adbc-driver-sqlite==1.13.0",
    "apache-airflow-providers-postgres==7.1.1",
    "connectorx==0.4.6",
    "dlt[parquet,sql-database]==1.31.0",
    "psycopg2-binary==2.9.13",
)
SETTINGS = {"AIRFLOW_HOME": str(ROOT / ".tidegate" / "bench"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "DO_NOT_TRACK": "1", "TZ": "UTC"}
TITLES = {
    "postgresql": "PostgreSQL",
    "mariadb": "MariaDB",
    "sqlite": "SQLite",
    "duckdb": "DuckDB",
    "load": "into PostgreSQL",
    "load-mariadb": "into MariaDB",
    "load-sqlite": "into SQLite",
    "duckdb-load": "into DuckDB",
}


class FailedError(Exception):
    """A contender did not move the rows, such as one that cannot be installed here."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a suite's contenders move rows."""

    suite: str
    url: str
    folder: Path
    rows: int
    rows_file: str = ""


@contextmanager
def target(at: Setting, *, many: bool) -> Iterator[str]:
    """The table to read; or a new one to load, which must have all rows afterwards."""
    if at.suite not in LOADS:
        yield tables.MANY if many else tables.FEW
        return
    if at.suite == "duckdb-load":
        yield from new_file(at)
        return
    table = f"load_{secrets.token_hex(4)}"
    with tables.autocommitting(sa.make_url(job_url(at))) as connection:
        connection.exec_driver_sql(NEW[at.suite].format(table=table, key=", PRIMARY KEY (id)"))
        yield table
        if (count := connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()) != at.rows:  # noqa: S608  a name from above
            raise FailedError(f"{table} has {count} rows of {at.rows}")
        connection.exec_driver_sql(f"DROP TABLE {table}")


NEW = {"load": tables.POSTGRES, "load-mariadb": tables.MARIADB, "load-sqlite": tables.SQLITE}
"""The table that a suite loads."""


def job_url(at: Setting) -> str:
    """With the driver that Tidegate takes."""
    return Job(url=at.url, table="", folder="").ours


def new_file(at: Setting) -> Iterator[str]:
    """A table of DuckDB, which is let go of for the one that fills it."""
    import duckdb

    path, table = at.url.removeprefix("duckdb:///"), f"load_{secrets.token_hex(4)}"
    with duckdb.connect(path) as connection:
        connection.execute(tables.DUCKDB.format(table=table, key=", PRIMARY KEY (id)"))
    yield table
    with duckdb.connect(path) as connection:
        ((count,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608  a name from above
        if count != at.rows:
            raise FailedError(f"{table} has {count} rows of {at.rows}")
        connection.execute(f"DROP TABLE {table}")


def run_sample(at: Setting, contender: str, *, many: bool, modules: list[str] | None) -> tuple[Any, str]:
    """What a fresh process measured, and what is lost of the rows, in words."""
    with tempfile.TemporaryDirectory(dir=at.folder) as folder, target(at, many=many) as table:
        job = Job(url=at.url, table=table, folder=folder, rows_file=at.rows_file)
        asked = {"suite": at.suite, "contender": contender, "job": asdict(job), "modules": modules}
        command = [sys.executable, "-m", "bench.data.sample"]
        done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            raise FailedError(f"{contender} failed at {at.suite}:\n{done.stderr[-3000:]}")
        return json.loads(done.stdout), losses(job.out, at.rows) if many and Path(job.out).exists() else ""


@cache
def truth(rows: int) -> tuple[Any, ...]:
    """What any copy must add up to: how many rows, and all values of each column."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(tables.DUCKDB.format(table=tables.MANY, key=""))
        connection.execute(tables.DUCKDB_ROWS.format(table=tables.MANY, rows=rows))
        return connection.execute(f"SELECT count(*), {tables.SUMS} FROM {tables.MANY}").fetchall()[0]  # noqa: S608  names from here


def losses(path: str, rows: int) -> str:
    """Which columns of a copy are not what was made."""
    import duckdb

    with duckdb.connect() as connection:
        types = dict(connection.execute("SELECT name, duckdb_type FROM parquet_schema($1)", [path]).fetchall())
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(f"SELECT count(*), {tables.SUMS} FROM read_parquet($1)", [path]).fetchall()[0]  # noqa: S608  names from here
    wrong = [name for name, was, made in zip(("rows", *tables.KINDS), found, truth(rows), strict=True) if was != made]
    floats = [name for name in ("id", "amount", "rate") if types[name] in {"DOUBLE", "FLOAT"}]
    return "; ".join(
        filter(
            None,
            [wrong and f"WRONG {', '.join(wrong)}", floats and f"float {', '.join(floats)}", types["seen"] == "TIMESTAMP" and "no zone"],
        )
    )


def measure(at: Setting, contenders: list[str], samples: int) -> dict[str, Any]:
    """All samples of a suite; a contender that fails is left out, and told."""
    seen: dict[str, Any] = {}
    for name in contenders:
        with told_if_failed(name, seen):
            seen[name] = {"samples": [], "modules": run_sample(at, name, many=False, modules=None)[0]}
    for sample in range(samples):
        turn = sample % len(contenders)
        for name in (*contenders[turn:], *contenders[:turn]):
            if name in seen:
                with told_if_failed(name, seen):
                    took, seen[name]["lost"] = run_sample(at, name, many=True, modules=seen[name]["modules"])
                    seen[name]["samples"].append(took)
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {"rows": at.rows, "contenders": {name: seen[name] for name in contenders if name in seen}}


@contextmanager
def told_if_failed(contender: str, seen: dict[str, Any]) -> Iterator[None]:
    """Go on without a contender that fails; not without the floor or Tidegate."""
    try:
        yield
    except FailedError as error:
        if contender in {FLOOR, OURS}:
            sys.exit(str(error))
        print(f"{error}\nleft out: {contender}", file=sys.stderr)
        seen.pop(contender, None)


def settings(stack: ExitStack, root: Path, suites: list[str], rows: int, load_rows: int) -> list[Setting]:
    """Servers up, and tables made."""
    made = []
    if {"postgresql", "load"} & set(suites):
        url = stack.enter_context(servers.postgres())
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        tables.fill_postgres(url, rows if "postgresql" in suites else load_rows)
        made += [Setting(suite="postgresql", url=plain, folder=root, rows=rows)] if "postgresql" in suites else []
        made += [loading(plain, root, load_rows)] if "load" in suites else []
    if {"mariadb", "load-mariadb"} & set(suites):
        url = stack.enter_context(servers.mariadb(("innodb-buffer-pool-size=1G",)))
        tables.fill_mariadb(url, rows if "mariadb" in suites else load_rows)
        plain = url.set(drivername="mysql").render_as_string(hide_password=False)
        made += [Setting(suite="mariadb", url=plain, folder=root, rows=rows)] if "mariadb" in suites else []
        made += [loading_text("mariadb", plain, plain, root, load_rows)] if "load-mariadb" in suites else []
    if {"sqlite", "load-sqlite"} & set(suites):
        tables.fill_sqlite(root / "source.db", rows if "sqlite" in suites else load_rows)
        plain = f"sqlite:///{root / 'source.db'}"
        made += [Setting(suite="sqlite", url=plain, folder=root, rows=rows)] if "sqlite" in suites else []
        made += [loading_text("sqlite", plain, f"sqlite:///{root / 'house.db'}", root, load_rows)] if "load-sqlite" in suites else []
    if {"duckdb", "duckdb-load"} & set(suites):
        plain = f"duckdb:///{root / 'source.duckdb'}"
        tables.fill_duckdb(root / "source.duckdb", rows if "duckdb" in suites else load_rows)
        made += [Setting(suite="duckdb", url=plain, folder=root, rows=rows)] if "duckdb" in suites else []
        if "duckdb-load" in suites:
            rows_file = loadable("duckdb", plain, root / "duckdb-load", load_rows).out
            made.append(
                Setting(suite="duckdb-load", url=f"duckdb:///{root / 'house.duckdb'}", folder=root, rows=load_rows, rows_file=rows_file)
            )
    return made


def loadable(suite: str, url: str, folder: Path, rows: int, *, by: str = OURS) -> Job:
    """Rows to load, as Parquet with its manifest."""
    folder.mkdir()
    limited = f"(SELECT * FROM {tables.MANY} LIMIT {rows}) AS limited"  # noqa: S608  a name from above
    job = Job(url=url, table=limited, folder=str(folder))
    EXTRACTS[suite][by](job)
    return job


def loading_text(kind: str, source: str, house: str, root: Path, rows: int) -> Setting:
    """The rows to load, as Parquet with its manifest and as text."""
    suite = f"load-{kind}"
    job = loadable(kind, source, root / suite, rows, by=TYPED_OURS if TYPED_OURS in EXTRACTS[kind] else OURS)
    as_tsv(job.out)
    return Setting(suite=suite, url=house, folder=root, rows=rows, rows_file=job.out)


def loading(url: str, root: Path, rows: int) -> Setting:
    """The rows to load, as Parquet with its manifest and in PostgreSQL's own form."""
    folder = root / "load"
    job = loadable("postgresql", url, folder, rows)
    EXTRACTS["postgresql"][FLOOR](job)
    (folder / "rows").rename(folder / "rows.pgcopy")
    return Setting(suite="load", url=url, folder=root, rows=rows, rows_file=job.out)


def medians(suite: str, seen: dict[str, Any]) -> dict[str, Any]:
    """Medians of all figures, and how they compare with the floor."""
    figures = {
        name: {key: statistics.median(sample[key] for sample in told["samples"]) for key in ("wall", "cpu", "import", "peak")}
        for name, told in seen["contenders"].items()
    }
    for name, row in figures.items():
        row |= {"ratio": row["wall"] / figures[FLOOR]["wall"], "lost": seen["contenders"][name]["lost"]}
    return {"suite": suite, "rows": seen["rows"], "floor": FLOORS[suite], "contenders": figures}


def verdicts(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tidegate's targets beside what was measured."""
    claims = []
    for told in figures:
        rows, seen = told["contenders"], told["contenders"].get(OURS)
        if not seen:
            continue
        size = f"{told['rows'] / 1e6:g} M rows"
        match told["suite"]:
            case "postgresql":
                claims.append((f"PostgreSQL extract, × \\copy binary, {size}", 2.0, seen["ratio"]))
            case "mariadb":
                claims.append((f"MariaDB extract, × its CLI's dump, {size}", 3.0, seen["ratio"]))
            case "load":
                claims.append((f"PostgreSQL load, × \\copy binary, {size}", 1.5, seen["ratio"]))
            case "sqlite" if ADBC in rows:
                claims.append((f"SQLite extract, × ADBC, {size}", 1.2, seen["wall"] / rows[ADBC]["wall"]))
                if TYPED_OURS in rows:
                    claims.append((f"SQLite extract with types, × ADBC, {size}", 1.2, rows[TYPED_OURS]["wall"] / rows[ADBC]["wall"]))
        if told["suite"] not in LOADS:
            claims.append((f"{TITLES[told['suite']]} extract, peak MB, {size}", 350, seen["peak"]))
    return [claim(*told) for told in claims]


def show(report: dict[str, Any]) -> None:
    """The tables."""
    print(f"\nmedians of {report['samples']} fresh processes; seconds, without imports; MB with; ×: by the floor's time; {report['on']}")
    for told in report["figures"]:
        title = f"{told['rows']:,} rows, {TITLES[told['suite']]}"
        print(f"\n{title:<30}{'s':>8}{'×':>7}{'CPU s':>8}{'import s':>10}{'MB':>7}  lost")
        for name, row in told["contenders"].items():
            shown = f"{told['floor']} (floor)" if name == FLOOR else name
            print(
                f"{shown:<30}{row['wall']:>8.2f}{row['ratio']:>7.2f}{row['cpu']:>8.2f}{row['import']:>10.2f}{row['peak']:>7.0f}  {row['lost']}"
            )
    show_claims(report["verdicts"])


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.data", description="What moving rows costs, beside what else one would take.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows to extract (1000000)")
    parser.add_argument("--load-rows", type=int, default=200_000, help="rows to load, no more than those to extract (200000)")
    parser.add_argument("--samples", type=odd, default=5, help="fresh processes for each figure, an odd number (5)")
    parser.add_argument("--only", choices=list(TITLES), action="append", help="leave the others out; may be given again")
    parser.add_argument("--contender", action="append", help="leave the others out, the floor and Tidegate apart; may be given again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and all samples here too")
    options = parser.parse_args()
    move_in(PEERS, "bench.data", sys.argv[1:], PACKAGES, SETTINGS)
    began = time.perf_counter()
    chosen = {FLOOR, OURS, *(options.contender or [])}
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-bench-")))
        found = {}
        for at in settings(stack, root, options.only or list(TITLES), options.rows, options.load_rows):
            names = [name for name in {**LOADS, **EXTRACTS}[at.suite] if not options.contender or name in chosen]
            found[at.suite] = measure(at, names, options.samples)
    figures = [medians(suite, seen) for suite, seen in found.items()]
    on = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    report = {"samples": options.samples, "on": on, "figures": figures, "verdicts": verdicts(figures)}
    show(report)
    print(f"\nmeasured in {time.perf_counter() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps({**report, "all_samples": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
