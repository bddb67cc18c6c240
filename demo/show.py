"""How the demo tells what happens: lines while it works, a table when a run has ended."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate.testing import TaskView

_BAR = 28
_COLOURS = {
    "arrived": "green",
    "held": "cyan",
    "excluded": "bright_black",
    "failed": "red",
    "success": "green",
    "running": "yellow",
    "skipped": "bright_black",
    "upstream_failed": "red",
    "up_for_retry": "magenta",
}
_TOLD_STATES = frozenset({"running", "success", "failed", "skipped", "upstream_failed", "up_for_retry", "deferred"})


def console() -> Console:
    """Return the console: at least wide enough for a table with a bar and a reason, also where output is no terminal."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=140)


class Progress:
    """Prints one line for each new state, with the tasks that came to it since the last look."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._began = time.monotonic()
        self._seen: dict[str, str | None] = {}

    def __call__(self, views: Sequence[TaskView]) -> None:
        """Look at all tasks of the run."""
        news: dict[str, list[str]] = defaultdict(list)
        for view in views:
            if self._seen.get(view.key) != view.state:
                self._seen[view.key] = view.state
                if view.state in _TOLD_STATES:
                    news[str(view.state)].append(view.key)
        for state, keys in news.items():
            names = ", ".join(_short(keys))
            self._out.print(Text(f"  {time.monotonic() - self._began:5.1f} s  ", "bright_black"), end="")
            self._out.print(Text(f"{state:<15} ", _COLOURS.get(state, "")), Text(names), sep="", soft_wrap=False)


def _short(keys: Sequence[str]) -> list[str]:
    """Name a group's tasks together, ``extract: texas plains``, and count mapped ones, ``by_product × 8``."""
    mapped = Counter(key.partition("[")[0] for key in keys if key.endswith("]"))
    groups: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        if not key.endswith("]"):
            group, _, name = key.rpartition(".")
            groups[group].append(name)
    named = [f"{group}: {' '.join(names)}" if group else ", ".join(names) for group, names in groups.items()]
    return [*named, *(f"{name} × {count}" if count > 1 else name for name, count in mapped.items())]


def branches(record: Mapping[str, Any]) -> Table:
    """Draw the branches of a record: what became of each, and when it ran, as offsets from the first start and as a bar."""
    spans = {branch["name"]: _span(branch) for branch in record["branches"]}
    known = [span for span in spans.values() if span]
    zero = min((start for start, _ in known), default=0.0)
    length = max((end for _, end in known), default=1.0) - zero or 1.0
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for heading, justify in (("region", "left"), ("state", "left"), ("rows", "right"), ("seconds", "right"), ("started → ended", "right")):
        table.add_column(heading, justify="right" if justify == "right" else "left", no_wrap=True)
    table.add_column(f"0 … {length:.1f} s", no_wrap=True)
    table.add_column("why not", overflow="fold")
    for branch in record["branches"]:
        colour = _COLOURS.get(branch["state"], "")
        span = spans[branch["name"]]
        when = f"{span[0] - zero:.1f} → {span[1] - zero:.1f}" if span else ""
        table.add_row(
            branch["name"],
            Text(branch["state"], colour),
            f"{branch['rows']:,}" if branch["rows"] else "",
            f"{branch['seconds']:.1f}" if span else "",
            when,
            Text(_bar(span, zero, length), colour),
            Text(branch["reason"], "bright_black"),
        )
    return table


def most_at_once(record: Mapping[str, Any]) -> int:
    """Count how many branches ran at the same moment, at most."""
    spans = [span for branch in record["branches"] if (span := _span(branch))]
    return max((sum(start <= moment < end for start, end in spans) for moment, _ in spans), default=0)


def note(text: str) -> Padding:
    """Show the run's note, as it stands in the UI beside the run's state."""
    return Padding(Text.assemble(("note of the run: ", "bright_black"), text or "(none)"), (0, 0, 0, 2))


def alert(lines: Sequence[str]) -> Panel:
    """Frame the alert as people get it."""
    return Panel(Text("\n".join(lines)), title="alert", title_align="left", border_style="yellow", padding=(0, 1))


def _span(branch: Mapping[str, Any]) -> tuple[float, float] | None:
    if not branch["started"] or not branch["ended"]:
        return None
    return datetime.fromisoformat(branch["started"]).timestamp(), datetime.fromisoformat(branch["ended"]).timestamp()


def _bar(span: tuple[float, float] | None, zero: float, length: float) -> str:
    if span is None:
        return ""
    first = min(int((span[0] - zero) / length * _BAR), _BAR - 1)
    last = max(int((span[1] - zero) / length * _BAR), first + 1)
    return " " * first + "█" * (last - first)
