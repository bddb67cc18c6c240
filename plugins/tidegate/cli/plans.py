"""Plans for the commands that show them: read, laid out, or told why not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console

from tidegate.cli.formats import text
from tidegate.cli.writing import for_people, refuse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.table import Table

    from tidegate.cli.reading import Reading
    from tidegate.model import Loaded
    from tidegate.plan import Plan

_WIDEST = 400


def one_plan(path: Path, reading: Reading) -> tuple[Plan, Loaded]:
    """The plan of a pipeline file; a file that is wrong ends the command with its findings, a folder as wrongly called."""
    from tidegate.plan import plan

    if path.is_dir():
        refuse(f"{path} is a folder; name one pipeline file.", code=2)
    (loaded,) = reading.load([path])
    if loaded.findings:
        stop([loaded], code=1)
    with for_people():
        return plan(loaded.require()), loaded


def stop(wrong: Sequence[Loaded], *, code: int) -> NoReturn:
    """End the command with the findings of files, on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text(wrong))
    raise typer.Exit(code)


def save_bytes(path: Path, content: bytes) -> None:
    """Write a file, and the folders above it; a path that cannot be written ends the command as wrongly called."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        refuse(f"{path} cannot be written: {error.strerror}.", code=2)


def print_table(table: Table) -> None:
    """A table as wide as the terminal; on a pipe as wide as its texts, for nobody reads broken lines with grep."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(table)
    else:
        typer.echo(plain_table(table), nl=False)


def plain_table(table: Table) -> str:
    """A table as text, as wide as it likes, without spaces at the ends of lines."""
    console = Console(width=_WIDEST, highlight=False, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def send_bytes(content: bytes, hint: str) -> None:
    """Bytes to standard output, but never to a terminal."""
    if sys.stdout.isatty():
        refuse(hint, code=2)
    sys.stdout.buffer.write(content)
