"""Whether the tests of the pure decisions notice when a decision is another: ``make mutants``.

mutmut changes one thing at a time in ``resilience/`` (``<`` to ``<=``, a number by one, ``and`` to ``or``, an argument to None), and runs the tests
of ``tests/resilience`` that come by. A change that no test notices survives; those that change nothing stand in ``mutants_equal.toml``, with the reason.

It works in a folder of its own, with two changes to what it copies: properties are written ``name = property(name)``, for mutmut leaves alone what is
decorated; hypothesis tries examples in one and the same order, and shrinks none.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).parent.parent
PLACE = ROOT / ".tidegate" / "mutants"
EQUAL = Path(__file__).with_name("mutants_equal.toml")
FLOOR = 99.5
"""Percent of the changes that matter which the tests notice."""
NOTICED = {"killed", "timeout"}
SETTINGS = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["ONLY"]
also_copy = ["tests"]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = ["tests/resilience"]
track_dependencies = false
use_git_change_detection = false
timeout_constant = 5.0

[tool.pytest.ini_options]
addopts = "--import-mode=importlib"
"""
CONFTEST = """
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

sys.path.insert(0, str(Path(__file__).parent))
settings.register_profile(
    "mutants", max_examples=40, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutants")
"""
PROPERTY = re.compile(r"^    @property\n    def (\w+)\(.*\n(?:(?:     .*)?\n)*?(?=\n*(?:    \S|\S|\Z))", re.MULTILINE)


def undecorated(source: str) -> str:
    """A module in which no property is decorated."""
    return PROPERTY.sub(
        lambda found: found[0].replace("    @property\n", "", 1).rstrip("\n") + f"\n\n    {found[1]} = property({found[1]})\n", source
    )


def lay_out(module: str) -> None:
    """Make the folder anew, with what is to be changed and the tests that are to notice."""
    shutil.rmtree(PLACE, ignore_errors=True)
    no_cache = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "plugins" / "tidegate", PLACE / "src" / "tidegate", ignore=no_cache)
    shutil.copytree(ROOT / "tests" / "resilience", PLACE / "tests" / "resilience", ignore=no_cache)
    shutil.copy(ROOT / "tests" / "records.py", PLACE / "tests")
    (PLACE / "tests" / "conftest.py").write_text(CONFTEST)
    (PLACE / "pyproject.toml").write_text(SETTINGS.replace("ONLY", f"src/tidegate/resilience/{module}.py"))
    for path in (PLACE / "src" / "tidegate" / "resilience").glob("*.py"):
        source = undecorated(path.read_text())
        if "@property" in source:
            sys.exit(f"{path.name}: a property that could not be rewritten; see `undecorated` in {Path(__file__).name}")
        path.write_text(source)


def run(processes: str) -> None:
    """Let mutmut change things."""
    program = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", processes]
    done = subprocess.run(program, cwd=PLACE, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"mutmut failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


def results() -> dict[str, str]:
    """Change → what became of it, by mutmut's word."""
    metas = [json.loads(path.read_text()) for path in sorted((PLACE / "mutants" / "src" / "tidegate" / "resilience").glob("*.meta"))]
    return {name: status_by_exit_code[code] for meta in metas for name, code in meta["exit_code_by_key"].items()}


def change(name: str) -> tuple[str, str, str]:
    """What a mutant changes: the function, what stands there, what stands there then."""
    path = "/".join(name.split(".")[:3])
    with contextlib.chdir(PLACE):
        lines = get_diff_for_mutant(name, path=f"src/{path}.py").splitlines()
    was, became = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign) and not line.startswith(3 * sign)) for sign in ("-", "+")
    )
    function = name.rpartition("__mutmut_")[0].removeprefix("tidegate.resilience.").replace("xǁ", "").replace("ǁ", ".").replace(".x_", ".")
    return function, was, became


def said_equal() -> set[tuple[str, str]]:
    """The changes that change nothing: the function, and what stands there then."""
    listed = tomllib.loads(EQUAL.read_text())["equal"]
    return {(function, became) for entry in listed for function, lines in entry.items() if function != "why" for became in lines}


def judge(found: dict[str, str], *, whole: bool) -> bool:
    """Tell the score and what survives; whether it is enough."""
    equal = said_equal()
    unnoticed = {name: change(name) for name, state in found.items() if state not in NOTICED}
    survivors = {name: (function, was, became) for name, (function, was, became) in unnoticed.items() if (function, became) not in equal}
    for name, (function, was, became) in survivors.items():
        print(f"{function} ({found[name]})\n  - {was}\n  + {became}")
    if whole:
        for function, became in sorted(equal - {(function, became) for function, _, became in unnoticed.values()}):
            print(f"{EQUAL.name} names what does not survive any more: {function}\n  + {became}")
    same = len(unnoticed) - len(survivors)
    matter = max(1, len(found) - same)
    score = 100 * (matter - len(survivors)) / matter
    states = ", ".join(f"{number:,} {state}" for state, number in Counter(found.values()).most_common())
    print(f"{len(found):,} changes ({states}), of which {same} change nothing")
    print(f"score {score:.2f} %: {matter - len(survivors):,} of {matter:,} changes that matter are noticed; the floor is {FLOOR:g} %")
    return score >= FLOOR


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--module", default="*", help="one module of resilience/, such as quorum")
    arguments.add_argument("--processes", default="2")
    arguments.add_argument("--last", action="store_true", help="judge the last run again, as after a line more in mutants_equal.toml")
    said = arguments.parse_args()
    if not said.last:
        lay_out(said.module)
        run(said.processes)
    sys.exit(not judge(results(), whole=said.module == "*"))


if __name__ == "__main__":
    main()
