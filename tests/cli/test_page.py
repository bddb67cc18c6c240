"""The page of the command line says what the commands say."""

from __future__ import annotations

import re

import pytest
import typer.main
from command_line import ROOT, called

from tidegate.cli import app

PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
GROUP = typer.main.get_group(app)
COMMANDS = {
    f"{name} {inner}".strip(): found
    for name, command in GROUP.commands.items()
    for inner, found in getattr(command, "commands", {"": command}).items()
}
"""Every command by what is typed for it, those of a group too."""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command_is_on_the_page(name: str) -> None:
    """In the section of the command, and no other option is."""
    (section,) = re.findall(rf"^## `tidegate {name}\b(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")}
    assert options - {"--help"} <= set(re.findall(r"`(--[a-z-]+)", section))
    assert set(re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE)) <= options | {"--help"}


def test_what_the_page_shows_of_a_key_is_what_is_told() -> None:
    """To the letter."""
    shown = re.search(r"^```text\n(steps\.<step>\.with\.accept\.min_rows\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert shown
    assert called("explain", "steps.with.accept.min_rows").stdout == shown[1]
