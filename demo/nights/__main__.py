"""``python -m demo.nights``: bad nights on a real scheduler, in a table; exit code 1 when one of them was not as it must be.

A picture of each is drawn into ``.tidegate/pictures``.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from demo import place, show
from demo.nights.picture import svg
from demo.nights.scenarios import SCENARIOS
from demo.nights.stage import play, scenery
from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from demo.nights.stage import Played
    from demo.nights.village import Seen

_NOT_THERE = ("late", "failed", "open", "not_started")


def main(names: Sequence[str]) -> int:
    """Play the nights of these names, or all, and return the exit code."""
    out = show.console()
    root = place.ROOT / ".tidegate" / "nights"
    wanted = [scenario for scenario in SCENARIOS if not names or scenario.pipeline in names]
    began = time.monotonic()
    try:
        with scenery(root, wanted) as airflow:
            out.print(f"Airflow is up at {airflow.url} ({time.monotonic() - began:.0f} s); {len(wanted)} nights, some minutes.")
            played = play(airflow, root, wanted, lambda one: out.print(f"  {one.seconds:5.0f} s  {one.scenario.title}"))
    except (TidegateError, TimeoutError) as error:
        out.print(str(error), markup=False, style="red")
        return 1
    out.print(_table(played))
    folder = place.ROOT / ".tidegate" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for one in played:
        if one.village.seen:
            (folder / f"{one.scenario.pipeline}.svg").write_text(svg(one.scenario.title, one.village.seen))
    wrong = [line for one in played for line in one.village.wrong]
    for line in wrong:
        out.print(f"  {line}", markup=False, style="red")
    told = f"{len(wrong)} not as they must be" if wrong else "every state, record, gap and number as it must be"
    out.print(f"{len(played)} nights, {sum(len(one.village.seen) for one in played)} runs: {told} ({time.monotonic() - began:.0f} s).")
    return 1 if wrong else 0


def _table(played: Sequence[Played]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for heading in ("night", "run", "interval", "arrived", "not there", "decided, since", "after", "numbers"):
        table.add_column(heading, overflow="fold")
    for one in played:
        for number, seen in enumerate(one.village.seen):
            right = Text("as sold", "green") if not one.village.wrong else Text("WRONG", "bold red")
            state = Text(seen.state, "green" if seen.state == "success" else "red")
            record = seen.record
            table.add_row(
                one.scenario.title if not number else "",
                state,
                str(record["outcome"]),
                f"{len(record['arrived'])} of {len(record['expected'])}",
                "; ".join(f"{word}: {' '.join(record[word])}" for word in _NOT_THERE if record[word]),
                str(record["decided_by"]),
                _after(seen),
                right if not number else "",
            )
    return table


def _after(seen: Seen) -> str:
    """How long after what brought it about the decision was taken: after its time, or after the end of the last branch."""
    record: Mapping[str, Any] = seen.record
    ends = [branch["ended"] for branch in record["branches"] if branch["ended"] and branch["state"] in {"arrived", "failed"}]
    cause = record["deadline"] if record["decided_by"] == "its time had come" else max(ends, default="")
    if not cause or not record["decided_at"]:
        return ""
    seconds = (datetime.fromisoformat(record["decided_at"]) - datetime.fromisoformat(cause)).total_seconds()
    return f"{seconds:.1f} s" if seconds >= 0 else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
