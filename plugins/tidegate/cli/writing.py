"""How commands say things: to a terminal or a pipe, into a file, and why they stop."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path


def console() -> Console:
    """Where text goes: coloured on a terminal, plain on a pipe, and never broken in the middle of a line."""
    return Console(highlight=False, soft_wrap=True)


def save(path: Path, text: str) -> None:
    """Write a file, and the folders above it; a path that cannot be written ends the command as wrongly called."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        refuse(f"{path} cannot be written: {error.strerror}.", code=2)


def for_people() -> AbstractContextManager[object]:
    """While a project's own code may run: what it prints goes to standard error, for standard output may be read by a program."""
    return redirect_stdout(sys.stderr)


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines whose cells stand below each other, for lists so long that nobody waits for a drawn table."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def refuse(message: str, *, code: int = 1) -> NoReturn:
    """End the command with a sentence on standard error."""
    typer.echo(message, err=True)
    raise typer.Exit(code)
