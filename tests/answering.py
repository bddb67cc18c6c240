"""Answers one after the other, so that Airflow is imported once. A program: JSON a line in and out.

``[[arguments], typed]`` is a ``tidegate`` command; ``{"dag": file}`` runs the DAG of a file by ``dag.test()``, and gives its state and what task ``catch_up`` reports, or
what another one tells: ``{"dag": file, "conf": {…}, "told": [task, key]}``.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from typing import Any

from typer.testing import CliRunner

from tidegate.cli import app


def said(arguments: list[str], typed: str) -> list[Any]:
    """What a command answers."""
    done = CliRunner().invoke(app, arguments, input=typed, catch_exceptions=False)
    return [done.exit_code, done.stdout, done.stderr]


def ran(file: str, conf: dict[str, Any] | None = None, told: tuple[str, str] = ("catch_up", "report")) -> list[Any]:
    """What a DAG does."""
    from airflow.models.xcom import XComModel
    from airflow.settings import Session
    from sqlalchemy import select

    run = runpy.run_path(file)["dag"].test(run_conf=conf)
    asked = select(XComModel.value).where(XComModel.run_id == run.run_id, XComModel.task_id == told[0], XComModel.key == told[1])
    with Session() as session:
        report = session.scalar(asked)
    Session.remove()
    return [str(run.state), json.loads(report) if isinstance(report, str) else report]


answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what tasks print is no answer
for line in sys.stdin:
    asked = json.loads(line)
    answers.write(json.dumps(ran(asked.pop("dag"), **asked) if isinstance(asked, dict) else said(*asked)) + "\n")
    answers.flush()
