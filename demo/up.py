"""``python -m demo.up``: Airflow with the UI and the demo's pipelines, left running."""

from __future__ import annotations

import socket
import sys

from demo import place
from demo.data import Databases, build, fresh_warehouse
from tidegate.errors import TidegateError
from tidegate.testing import LocalAirflow, address_of, stop_leftovers

FIRST_PORT = 8080
HINT = """The data is of 2017. In the UI, Trigger takes its last night; for another give an interval, such as 2017-12-22 00:00 to 2017-12-23 00:00,
or Backfill from 2017-12-22 to 2017-12-24."""


def main() -> int:
    """Start it unless it runs, and say where it is."""
    if url := address_of(place.UP / "airflow"):
        print(f"Airflow is already up: {url}  user {LocalAirflow.user}, password {LocalAirflow.password}  (make down stops it)")
        return 0
    stop_leftovers(place.UP / "airflow")  # of an Airflow that lost one of its processes
    databases = Databases(place.UP / "data")
    if build(databases.folder):
        print("Built ten regional databases of real till lines, 2017-01-01 to 2018-01-01.")
    if not databases.warehouse.exists():
        fresh_warehouse(databases.folder)
    airflow = place.local_airflow(place.UP, port=_port())
    print("Starting Airflow …", flush=True)
    try:
        airflow.start()
    except TidegateError as error:
        print(error, file=sys.stderr)
        return 1
    airflow.leave_running()
    print(f"Airflow is up: {airflow.url}  user {airflow.user}, password {airflow.password}  (make down stops it)")
    print(HINT)
    return 0


def _port() -> int:
    """Find the first free port from 8080 on."""
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise TidegateError(f"No free port from {FIRST_PORT} to {FIRST_PORT + 99}.")


if __name__ == "__main__":
    sys.exit(main())
