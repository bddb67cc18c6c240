"""VS Code's settings with the schema of the pipeline file in them, and everything else as it was."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tidegate.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePath

PIPELINES = ("include/pipelines/**/*.yaml", "include/pipelines/**/*.yml")
TEMPLATES = ("include/templates/**/*.yaml", "include/templates/**/*.yml")
_KEY = "yaml.schemas"


class SettingsRefused(Refused):
    """The settings cannot be changed without losing something; the hint is what to write by hand."""


def settings_with(text: str, schemas: Mapping[PurePath, tuple[str, ...]]) -> str:
    """The text of ``settings.json`` in which files have their schemas.

    :param text: What the file holds now; empty where there is none.
    :param schemas: Where a schema lies, from the folder that VS Code opens → the files that it is for.
    :raises SettingsRefused: the text is no plain JSON, or ``yaml.schemas`` holds something else than a mapping.
    """
    wanted = {path.as_posix() if path.is_absolute() else f"./{path.as_posix()}": list(files) for path, files in schemas.items()}
    by_hand = f'Add this to it by hand: "{_KEY}": {json.dumps(wanted)}'
    try:
        settings = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise SettingsRefused(f"It is no plain JSON ({error}); comments and trailing commas would be lost.", hint=by_hand) from None
    if not isinstance(settings, dict):
        raise SettingsRefused("It is no mapping.", hint=by_hand)
    already = settings.get(_KEY, {})
    if not isinstance(already, dict):
        raise SettingsRefused(f"Its '{_KEY}' is no mapping.", hint=by_hand)
    settings[_KEY] = {**already, **{name: _together(already.get(name), files) for name, files in wanted.items()}}
    return json.dumps(settings, indent=_indent(text), ensure_ascii=False) + "\n"


def _together(already: object, wanted: list[str]) -> list[str]:
    listed = already if isinstance(already, list) else [already] if isinstance(already, str) else []
    return list(dict.fromkeys([*listed, *wanted]))


def _indent(text: str) -> int | str:
    """As the file is indented already: by so many spaces, or by a tab."""
    found = re.search(r"^([ \t]+)\"", text, re.MULTILINE)
    return (found[1] if "\t" in found[1] else len(found[1])) if found else 2
