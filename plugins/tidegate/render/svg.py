"""A plan as a drawing: tasks in layers from left to right, groups as boxes, edges as arrows."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from tidegate.render.arrangement import Arrangement, Box, Point, Sizes, arrange
from tidegate.render.lettering import fitted, text_width
from tidegate.render.plain import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate.plan.layout import Edge, Plan, PlannedTask

MARGIN, TITLE = 24.0, 54.0
NAME, SMALL, HEAD = 13.0, 10.5, 17.0
"""Sizes of letters: a task's name; its operator, and labels; the pipeline's name."""
HEIGHT, INDENT, WIDEST = 42.0, 12.0, 260.0
"""Of a task: its height, the space beside its texts, and the most that these may take."""
POINTED = 8.0
"""How long an arrow's head is."""
STACKED = 4.0
"""How far the second box of a mapped task stands out."""

# Every colour is readable on white and on near black, for the background is the page's.
LINE, GROUP = "#7d8997", "#74808e"
PALETTE = (
    ("#e3eefc", "#4c7dbd"),
    ("#fdf0d5", "#c08a1e"),
    ("#e2f4e6", "#46935a"),
    ("#efe7fb", "#8561bd"),
    ("#e0f3f4", "#34919a"),
    ("#fbe6e9", "#c0566b"),
)
INK, PALE_INK = "#172233", "#44536a"
DASHES = {"data": "", "rule": "", "resource": "2 4"}
BECAUSE = {"data": "hands data on", "rule": "a rule wants it so", "resource": "shares a resource"}
FONT = "Roboto, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"


def to_svg(plan: Plan) -> str:
    """The drawing's text: self-contained, without scripts, on the page's own background.

    Tasks of one operator share a colour, mapped ones are stacked. Where edges have other reasons than data, a legend says which line is which.
    Pointing at a task shows its id and its operator's path.
    """
    colours = _colours(plan)
    arranged = arrange(plan, sizes(plan)).moved(MARGIN, TITLE + MARGIN)
    legend = sorted({edge.because for edge in plan.edges}, key=list(BECAUSE).index)
    legend = legend if set(legend) - {"data"} else []
    wide = max(arranged.width, text_width(plan.name, HEAD, bold=True), sum(_legend_width(because) for because in legend)) + 2 * MARGIN
    high = arranged.height + TITLE + 2 * MARGIN + (26 if legend else 0)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" viewBox="0 0 {wide:.0f} {high:.0f}"'
            f' role="img" aria-label={quoteattr(f"Tasks of the pipeline {plan.name}")} font-family="{FONT}">'
        ),
        (
            f'<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0.5,0.8 L7.5,4 L0.5,7.2 Z" fill="{LINE}"/></marker></defs>'
        ),
        _text(MARGIN, MARGIN + HEAD, plan.name, HEAD, GROUP, weight=700),
        _text(MARGIN, MARGIN + HEAD + 18, _counted(plan), SMALL + 1, GROUP),
        *_groups(plan, arranged),
        *(_edge(edge, arranged) for edge in plan.edges),
        *(line for task in plan.tasks for line in _task(task, arranged.tasks[task.task_id], colours)),
        *_labels(plan, arranged),
        *_legend(legend, high - MARGIN - 4),
        "</svg>",
    ]
    return "\n".join([*parts, ""])


def _counted(plan: Plan) -> str:
    tasks, edges = len(plan.tasks), len(plan.edges)
    return f"{tasks} task{'s' * (tasks != 1)}, {edges} edge{'s' * (edges != 1)}"


def _colours(plan: Plan) -> dict[str, tuple[str, str]]:
    """Operator → fill and outline, in the order of their appearance."""
    operators = dict.fromkeys(task.call.path for task in plan.tasks)
    return {path: PALETTE[number % len(PALETTE)] for number, path in enumerate(operators)}


def _name(task: PlannedTask) -> str:
    return task.label or task.task_id


def _under(task: PlannedTask) -> str:
    """The line below a task's name: its operator, and what is special."""
    special = ["mapped"] * task.mapped + ["setup"] * task.setup + ["teardown"] * (task.teardown is not None)
    return " · ".join([task.function or last_name(task.call.path), *special])


def sizes(plan: Plan) -> Sizes:
    """How much room everything in a drawing takes."""
    tasks = {}
    for task in plan.tasks:
        letters = max(text_width(_name(task), NAME, bold=True), text_width(_under(task), SMALL))
        tasks[task.task_id] = (min(letters, WIDEST) + 2 * INDENT, HEIGHT)
    labels = {(edge.upstream, edge.downstream): 0.0 for edge in plan.edges}
    for edge in plan.edges:
        ends = (edge.upstream, edge.downstream)
        labels[ends] = max(labels[ends], min(text_width(edge.label, SMALL), WIDEST) + 16 if edge.label else 0.0)
    groups = {group.group_id: text_width(group.label or group.group_id, SMALL + 1, bold=True) for group in plan.groups}
    return Sizes(tasks, groups, labels)


def _groups(plan: Plan, arranged: Arrangement) -> Iterator[str]:
    """Boxes, the outer ones first; a group without a task has none."""
    for group in plan.groups:
        box = arranged.groups.get(group.group_id)
        if box is None:
            continue
        yield _rectangle(box, 10, f'fill="{GROUP}" fill-opacity="0.09" stroke="{GROUP}" stroke-opacity="0.55"')
        yield _text(box.x + 14, box.y + 19, group.label or group.group_id, SMALL + 1, GROUP, weight=700)


def _task(task: PlannedTask, box: Box, colours: dict[str, tuple[str, str]]) -> Iterator[str]:
    fill, stroke = colours[task.call.path]
    paint = f'fill="{fill}" stroke="{stroke}" stroke-width="1.3"'
    yield f"<g><title>{escape(f'{task.task_id}: {task.function or task.call.path}')}</title>"
    if task.mapped:
        yield _rectangle(box.moved(STACKED, STACKED), 7, paint)
    yield _rectangle(box, 7, paint)
    room = box.width - 2 * INDENT
    yield _text(box.x + INDENT, box.y + 18, fitted(_name(task), NAME, room + 1, bold=True), NAME, INK, weight=600)
    yield _text(box.x + INDENT, box.y + 33, fitted(_under(task), SMALL, room + 1), SMALL, PALE_INK)
    yield "</g>"


def _edge(edge: Edge, arranged: Arrangement) -> str:
    way = arranged.ways[edge.upstream, edge.downstream]
    dashes = f' stroke-dasharray="{DASHES[edge.because]}" stroke-linecap="round"' if DASHES[edge.because] else ""
    width = 2.4 if edge.because == "rule" else 1.4
    return f'<path d="{_curve(way)}" fill="none" stroke="{LINE}" stroke-width="{width}"{dashes} marker-end="url(#arrow)"/>'


def _curve(way: list[Point]) -> str:
    """Level pieces, and between heights curves that begin and end level; a level piece for the arrow's head."""
    x, y = way[-1]
    drawn = [f"M{way[0][0]:.1f},{way[0][1]:.1f}"]
    for (from_x, from_y), (to_x, to_y) in pairwise([*way[:-1], (x - POINTED, y), (x, y)]):
        if abs(from_y - to_y) < 0.05 and from_x < to_x:  # noqa: PLR2004  less than anybody sees
            drawn.append(f"L{to_x:.1f},{to_y:.1f}")
        else:
            reach = (to_x - from_x) / 2 if from_x < to_x else 2 * POINTED  # back to the left, where groups lead to each other
            drawn.append(f"C{from_x + reach:.1f},{from_y:.1f} {to_x - reach:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}")
    return " ".join(drawn)


def _labels(plan: Plan, arranged: Arrangement) -> Iterator[str]:
    """The edges' labels; where several would stand at one place, one below the other, each text once."""
    places: dict[tuple[int, int], tuple[Point, list[str]]] = {}
    for edge in plan.edges:
        if edge.label:
            x, y = arranged.labels[edge.upstream, edge.downstream]
            _, texts = places.setdefault((round(x / 12), round(y / 12)), ((x, y), []))
            if edge.label not in texts:
                texts.append(edge.label)
    for (x, y), texts in places.values():
        for number, text in enumerate(texts):
            told = fitted(text, SMALL, WIDEST)
            wide = text_width(told, SMALL) + 12
            box = Box(x - wide / 2, y - 9 + 20 * (number - (len(texts) - 1) / 2), wide, 18)
            yield _rectangle(box, 9, f'fill="#ffffff" stroke="{LINE}"')
            yield _text(x, box.y + 12.7, told, SMALL, PALE_INK, anchor="middle")


def _legend_width(because: str) -> float:
    return 34 + text_width(BECAUSE[because], SMALL) + 24


def _legend(reasons: Sequence[str], y: float) -> Iterator[str]:
    x = MARGIN
    for because in reasons:
        dashes = f' stroke-dasharray="{DASHES[because]}" stroke-linecap="round"' if DASHES[because] else ""
        width = 2.4 if because == "rule" else 1.4
        yield f'<path d="M{x:.1f},{y - 3.5:.1f} h26" stroke="{LINE}" stroke-width="{width}"{dashes}/>'
        yield _text(x + 34, y, BECAUSE[because], SMALL, GROUP)
        x += _legend_width(because)


def _rectangle(box: Box, radius: float, paint: str) -> str:
    return f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{radius:g}" {paint}/>'


def _text(x: float, y: float, text: str, size: float, colour: str, *, weight: int = 400, anchor: str = "") -> str:
    how = (f' font-weight="{weight}"' if weight != 400 else "") + (f' text-anchor="{anchor}"' if anchor else "")  # noqa: PLR2004  CSS's normal
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}"{how}>{escape(_visible(text))}</text>'


def _visible(text: str) -> str:
    """Without what XML may not hold; lines become one."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in " ".join(text.split()))
