"""``python -m demo``: three nights in which things go wrong, and the proof that no number did.

Ends by itself with exit code 0, or with 1 and a list of all that was not as it must be.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import signal
import sys
import time
from datetime import date
from typing import TYPE_CHECKING

from demo import place, show
from demo.acts import PIPELINE, Expected, Stage
from demo.audit import audit, audit_ledger
from demo.data import REGIONS, Databases, build, fresh_warehouse
from demo.faults import Gone, Silent, Slow
from tidegate.errors import TidegateError
from tidegate.testing import stop_leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from rich.console import Console

    from demo.faults import Fault

NIGHTS = (date(2017, 12, 22), date(2017, 12, 23), date(2017, 12, 24))
DOWN_ON_CHRISTMAS_EVE = ("northeast", "mid_atlantic", "florida", "texas", "northwest")

_LISTED = 30
_KILLED_BY = 128  # as shells count it: 130 after Ctrl-C, 143 after SIGTERM


def main() -> int:
    """Play all acts and return the exit code."""
    signal.signal(signal.SIGTERM, _interrupted)
    out = show.console()
    began = time.monotonic()
    try:
        with _alone():
            wrong = _play(out, began)
    except KeyboardInterrupt as interrupt:
        shutil.rmtree(place.DEMO / "airflow", ignore_errors=True)
        out.print("\nInterrupted; everything has been stopped and put back.")
        return _KILLED_BY + int(interrupt.args[0] if interrupt.args else signal.SIGINT)
    except (TidegateError, TimeoutError) as error:
        out.print(str(error), markup=False, style="red")
        wrong = [f"The demo could not go on: {type(error).__name__}"]
    if not wrong:
        shutil.rmtree(place.DEMO / "airflow", ignore_errors=True)
        return 0
    report = place.DEMO / "airflow" / "not_as_expected.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("\n".join(wrong) + "\n")
    out.print(f"[bold red]{len(wrong):,} not as expected[/], the whole list is in {report}:")
    for line in wrong[:_LISTED]:
        out.print(f"  {line}", markup=False)
    out.print(f"The logs are kept in {place.DEMO / 'airflow' / 'logs'}.")
    return 1


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Keep a second demo out of the same folder, and end what a killed one left running there."""
    place.DEMO.mkdir(parents=True, exist_ok=True)
    with (place.DEMO / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TidegateError("The demo is already running in this folder.", hint="Wait for it to end.") from None
        stop_leftovers(place.DEMO / "airflow")
        yield


def _play(out: Console, began: float) -> list[str]:
    shutil.rmtree(place.DEMO / "airflow", ignore_errors=True)
    databases = Databases(place.DEMO / "data")
    built = build(databases.folder)
    fresh_warehouse(databases.folder)
    out.print(f"{'Built' if built else 'Found'} ten regional databases of real till lines ({time.monotonic() - began:.1f} s).")
    with place.local_airflow(place.DEMO) as airflow:
        airflow.wait_for_dag(PIPELINE)
        out.print(f"Airflow is up at {airflow.url}, {airflow.user}/{airflow.password} ({time.monotonic() - began:.1f} s).")
        stage = Stage(airflow, databases, out)
        _all_well(stage)
        _three_in_trouble(stage)
        _too_few(stage)
    _finale(stage)
    out.print(f"Done in {time.monotonic() - began:.0f} s; Airflow is stopped.")
    return stage.wrong


def _all_well(stage: Stage) -> None:
    day = NIGHTS[0]
    _title(stage, f"Act 1. The night of {day}: all ten regions answer")
    run_id = stage.night(day)
    stage.follow(run_id, day, Expected(state="success", outcome="complete", branches={}, says=["complete", "10 of 10"], alert=None))


def _three_in_trouble(stage: Stage) -> None:
    day = NIGHTS[1]
    gone, silent = Gone(stage.databases.region("plains")), Silent(stage.databases.region("texas"), day)
    slow = Slow(stage.databases.region("midwest"), seconds=12)
    _title(stage, f"Act 2. The night of {day}: one region gone, one silent, one slow")
    with _befall(stage, gone, silent, slow):
        run_id = stage.night(day)
        partial = Expected(
            state="success",
            outcome="partial",
            branches={"failed": "plains texas"},
            says=["partial", "8 of 10", "plains (", "texas ("],
            alert="PARTIAL",
        )
        stage.follow(run_id, day, partial, faults=[slow])
    _title(stage, f"Act 3. Both are back: a run for the two, pinned to {day}")
    run_id = stage.catch_up(day, ["texas", "plains"])
    held = " ".join(region for region in REGIONS if region not in {"plains", "texas"})
    stage.follow(
        run_id,
        day,
        Expected(
            state="success", outcome="complete", branches={"held": held}, says=["complete", "10 of 10", "caught up"], alert="RECOVERED"
        ),
    )


def _too_few(stage: Stage) -> None:
    day = NIGHTS[2]
    _title(stage, f"Act 4. The night of {day}: five regions gone, too few for a report")
    with _befall(stage, *(Gone(stage.databases.region(region)) for region in DOWN_ON_CHRISTMAS_EVE)):
        run_id = stage.night(day)
        says = ["short", "5 of 10", *(f"{region} (" for region in DOWN_ON_CHRISTMAS_EVE)]
        failed = {"failed": " ".join(DOWN_ON_CHRISTMAS_EVE)}
        stage.follow(run_id, day, Expected(state="failed", outcome="short", branches=failed, says=says, alert="FAILED"))
    _title(stage, "Act 5. They are back: the failed tasks of the same run are cleared, the five that had arrived are not read again")
    stage.airflow.clear(PIPELINE, run_id, only_failed=True)
    stage.follow(run_id, day, Expected(state="success", outcome="complete", branches={}, says=["complete", "10 of 10"], alert="RECOVERED"))
    stage.judge_read_once(run_id, [region for region in REGIONS if region not in DOWN_ON_CHRISTMAS_EVE])


def _finale(stage: Stage) -> None:
    _title(stage, "The proof")
    found = audit(stage.databases.warehouse, dict.fromkeys(NIGHTS, REGIONS))
    findings = [*found.findings, *audit_ledger(stage.databases.warehouse, NIGHTS, REGIONS)]
    stage.wrong.extend(findings)
    stage.out.print(
        f"  {found.agreed:,} numbers of {found.rows:,} rows in the warehouse agree with the same numbers computed from the original file."
    )
    if findings:
        stage.out.print(f"  [bold red]{len(findings):,} findings[/]; they are listed below.")
    else:
        stage.out.print("  [bold green]No number differs; no row is missing, doubled or extra; the ledger says so, too.[/]")


@contextlib.contextmanager
def _befall(stage: Stage, *faults: Fault) -> Iterator[None]:
    """Let the faults happen for the length of the block; they are healed whatever happens in it."""
    with contextlib.ExitStack() as healing:
        for fault in faults:
            healing.callback(fault.heal)
            fault.strike()
            stage.out.print(f"  {fault.region}: {fault.told}", style="yellow")
        yield


def _title(stage: Stage, text: str) -> None:
    stage.out.rule(f"[bold]{text}", align="left")


def _interrupted(number: int, _frame: FrameType | None) -> None:
    """Treat SIGTERM as Ctrl-C: every ``with`` block gets to clean up."""
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
