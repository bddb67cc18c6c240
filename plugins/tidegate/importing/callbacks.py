"""Callbacks in their four forms: a path, a path with arguments, a name and a file, a list of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.importing import code, objects

if TYPE_CHECKING:
    from tidegate.importing.desk import Desk
    from tidegate.importing.source import Value

OF_TASKS = ("on_execute_callback", "on_failure_callback", "on_success_callback", "on_retry_callback", "on_skipped_callback")
OF_RUNS = ("on_success_callback", "on_failure_callback")


def keys_of(names: tuple[str, ...]) -> set[str]:
    """Every key that speaks of one of these callbacks."""
    return {f"{name}{ending}" for name in names for ending in ("", "_name", "_file")}


def callbacks(names: tuple[str, ...], config: dict[str, Value], desk: Desk) -> dict[str, Any]:
    """Callback → what is called, for those of ``names`` that a mapping of dag-factory's gives."""
    said: dict[str, Any] = {}
    for name in names:
        if found := code.in_file(name, config, desk):
            said[name] = found
        value = config.get(name)
        if value is None or value.plain is None or name in said:
            continue
        several = [one for one in (_one(item, desk) for item in value.items) if one is not None]
        if several:
            said[name] = several[0] if len(several) == 1 else several
    return said


def _one(value: Value, desk: Desk) -> Any:
    """One callback: a path alone, ``{uses: class, with: …}`` or ``{import: function, with: …}``."""
    if value.text is not None:
        return code.function(value, desk)
    if "__type__" in value.mapping:
        made = objects.made(value, desk)
        return made if isinstance(made, dict) else None
    called = value.mapping.get("callback")
    if called is None:
        desk.lost(value, "it names no 'callback'", "Write the import path of a function, or {uses: notifier, with: {…}}.")
        return None
    notifier = _is_notifier(called.text or "")
    path = code.imported(called, desk) if notifier else code.function(called, desk)
    arguments = objects.mapping({key: item for key, item in value.mapping.items() if key != "callback"}, desk)
    if path is None or not (arguments or notifier):
        return path
    return {"uses" if notifier else "import": path, **({"with": arguments} if arguments else {})}


def _is_notifier(path: str) -> bool:
    """Whether the path leads to a notifier, which is made once, and not to a function: by its name alone."""
    return ".notifications." in path or code.class_name(path)[:1].isupper()
