"""A night as a picture: what each task did when, when it was decided, and what came after; drawn from a run that has ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from demo.nights.village import Seen

_COLOURS = {
    "arrived": "#3a8f5c", "late": "#d9822b", "failed": "#c23b3b", "not_started": "#9aa3ad", "open": "#7a5195", "waits": "#e9d8a6",
    "decides": "#b8860b", "success": "#4c78a8", "skipped": "#9aa3ad",
}  # fmt: skip
_LEFT, _WIDTH, _ROW, _TOP = 190, 620, 24, 46
_WHOLE = _LEFT + _WIDTH + 170


@dataclass(frozen=True, slots=True)
class _Bar:
    name: str
    start: float
    end: float
    word: str
    """What became of it."""


def svg(title: str, runs: Sequence[Seen]) -> str:
    """A timeline of one or several runs of the same night, one below the other, as SVG."""
    bars = [_bars(seen) for seen in runs]
    zero = min(bar.start for rows in bars for bar in rows)
    length = max(bar.end for rows in bars for bar in rows) - zero
    parts, y = [f'<text x="10" y="22" font-weight="bold">{escape(title)}</text>'], _TOP

    def x(moment: float) -> float:
        return _LEFT + _WIDTH * (moment - zero) / length

    for seen, rows in zip(runs, bars, strict=True):
        parts.append(
            f'<text x="10" y="{y + 12}" fill="#666">{escape(seen.run_id.partition("__")[0].replace("_", "-"))}: {seen.state}</text>'
        )
        first, y = y, y + 20
        for bar in rows:
            width = max(x(bar.end) - x(bar.start), 2)
            colour = _COLOURS.get(bar.word, "#4c78a8")
            parts.append(f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(bar.name)}</text>')
            parts.append(f'<rect x="{x(bar.start):.1f}" y="{y + 3}" width="{width:.1f}" height="{_ROW - 8}" rx="3" fill="{colour}"/>')
            parts.append(f'<text x="{x(bar.end) + 6:.1f}" y="{y + 14}" fill="#555">{escape(bar.word.replace("_", " "))}</text>')
            y += _ROW
        for moment, word, dash in _moments(seen):
            here = x(moment)
            if _LEFT <= here <= _LEFT + _WIDTH:
                line = f'<line x1="{here:.1f}" x2="{here:.1f}" y1="{first + 16}" y2="{y}" stroke="#333" stroke-dasharray="{dash}"/>'
                parts += [line, f'<text x="{here:.1f}" y="{first + 12}" text-anchor="middle" fill="#333">{word}</text>']
        y += 16
    parts.append(f'<text x="{_LEFT}" y="{y + 6}" fill="#666">0 s</text>')
    parts.append(f'<text x="{_LEFT + _WIDTH}" y="{y + 6}" text-anchor="end" fill="#666">{length:.0f} s</text>')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WHOLE} {y + 16}" width="{_WHOLE}" font-family="sans-serif" font-size="12">'
    )
    return "\n".join([head, f'<rect width="{_WHOLE}" height="{y + 16}" fill="#fff"/>', *parts, "</svg>", ""])


def _bars(seen: Seen) -> list[_Bar]:
    """One for each task that began or was skipped by the barrier, in the order of the pipeline."""
    became = {branch["name"]: branch["state"] for branch in seen.record["branches"]}
    found = []
    for task in seen.tasks:
        name, span = task["task_id"], _span(task)
        branch = name.removeprefix("extract.")
        if span is None or became.get(branch) in {"excluded", "held"}:
            continue
        if name == "arrived":
            decided = _instant(seen.record["decided_at"])
            found += [
                _Bar("arrived waits", span[0], min(decided, span[1]), "waits"),
                _Bar("arrived decides", min(decided, span[1]), span[1], "decides"),
            ]
        else:
            found.append(_Bar(name, *span, became.get(branch, task["state"])))
    order = {
        name: number
        for number, name in enumerate((*(f"extract.{name}" for name in became), "arrived waits", "arrived decides", "load", "outcome"))
    }
    return sorted(found, key=lambda bar: order.get(bar.name, len(order)))


def _moments(seen: Seen) -> Iterator[tuple[float, str, str]]:
    if seen.record["deadline"]:
        yield _instant(seen.record["deadline"]), "decide_by", "4 3"


def _span(task: object) -> tuple[float, float] | None:
    start, end = (task.get(key) for key in ("start_date", "end_date"))  # type: ignore[attr-defined]
    return (_instant(start), _instant(end)) if start and end else None


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
