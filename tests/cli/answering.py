"""Answers ``tidegate`` commands one after the other, so that Airflow is imported once. A program: a JSON list of what is said and typed a line in, the answer out."""

from __future__ import annotations

import json
import sys

from typer.testing import CliRunner

from tidegate.cli import app

for line in sys.stdin:
    arguments, typed = json.loads(line)
    done = CliRunner().invoke(app, arguments, input=typed, catch_exceptions=False)
    sys.stdout.write(json.dumps([done.exit_code, done.stdout, done.stderr]) + "\n")
    sys.stdout.flush()
