"""``python -m demo.down``: stop what ``python -m demo.up`` started."""

from __future__ import annotations

import sys

from demo import place
from tidegate.testing import stop_leftovers


def main() -> int:
    """Stop it; that nothing runs is fine, too."""
    stopped = stop_leftovers(place.UP / "airflow")
    print(f"Stopped Airflow ({stopped} processes). Its runs and databases stay in {place.UP}." if stopped else "Airflow is not up.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
