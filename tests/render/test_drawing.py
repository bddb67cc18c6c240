"""The drawing: everything has its place, and texts stay texts."""

from __future__ import annotations

import struct
import sys
import time
from itertools import combinations, pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from drawn_plans import plans
from hypothesis import given, settings
from planned import BASH, edges, every_feature, group, night, plan, task

from tidegate.plan.layout import Edge, Plan
from tidegate.render import DrawingUnavailable, svg, to_png, to_svg
from tidegate.render.arrangement import arrange
from tidegate.render.lettering import fitted, text_width

if TYPE_CHECKING:
    from tidegate.render.arrangement import Arrangement, Box

SVG = "{http://www.w3.org/2000/svg}"


def arranged(planned: Plan) -> Arrangement:
    """Arrange a plan with the sizes of its drawing."""
    return arrange(planned, svg.sizes(planned))


def within(inner: Box, outer: Box) -> bool:
    """Whether a box stands in another."""
    return (
        outer.x - 0.01 <= inner.x
        and outer.y - 0.01 <= inner.y
        and inner.x + inner.width <= outer.x + outer.width + 0.01
        and inner.y + inner.height <= outer.y + outer.height + 0.01
    )


def apart(one: Box, other: Box) -> bool:
    """Whether two boxes do not overlap."""
    return (
        one.x + one.width <= other.x + 0.01
        or other.x + other.width <= one.x + 0.01
        or one.y + one.height <= other.y + 0.01
        or other.y + other.height <= one.y + 0.01
    )


@given(plans())
@settings(deadline=None)
def test_boxes_hold_their_own_and_nothing_else(planned: Plan) -> None:
    """No two tasks overlap; a group's box holds its tasks and groups, and no other task."""
    done = arranged(planned)
    assert set(done.tasks) == {one.task_id for one in planned.tasks}
    assert all(apart(one, other) for one, other in combinations(done.tasks.values(), 2))
    parents = {one.group_id: one.parent for one in planned.groups}
    for one in planned.tasks:
        around, inside = one.group, set()
        while around is not None:
            inside.add(around)
            around = parents[around]
        for group_id, box in done.groups.items():
            assert within(done.tasks[one.task_id], box) if group_id in inside else apart(done.tasks[one.task_id], box)
    assert all(within(box, done.groups[parents[name]]) for name, box in done.groups.items() if parents[name] in done.groups)
    assert all(box.x >= 0 and box.x + box.width <= done.width + 0.01 and box.y >= -0.01 for box in done.groups.values())


@given(plans())
@settings(deadline=None)
def test_edges_lead_from_a_right_side_to_a_left_one(planned: Plan) -> None:
    """Through whatever groups lie between."""
    done = arranged(planned)
    for edge in planned.edges:
        way = done.ways[edge.upstream, edge.downstream]
        before, after = done.tasks[edge.upstream], done.tasks[edge.downstream]
        assert way[0] == pytest.approx((before.x + before.width, before.middle))
        assert way[-1] == pytest.approx((after.x, after.middle))


@pytest.mark.parametrize("planned", [night(), every_feature(), plan(), plan(task("alone"))], ids=["night", "features", "nothing", "one"])
def test_it_is_xml_with_every_task_group_and_label(planned: Plan) -> None:
    """Well-formed, and the same each time."""
    text = to_svg(planned)
    root = ET.fromstring(text)  # noqa: S314  written here
    written = [element.text for element in root.iter(f"{SVG}text")]
    titles = [element.text or "" for element in root.iter(f"{SVG}title")]
    assert [title.partition(":")[0] for title in titles] == [one.task_id for one in planned.tasks]
    assert {one.label for one in planned.tasks} <= set(written)
    assert {edge.label for edge in planned.edges if edge.label} <= set(written)
    assert len(root.findall(f"{SVG}path[@marker-end]")) == len(planned.edges)
    assert text == to_svg(planned)


def test_texts_are_escaped() -> None:
    """What looks like markup is shown; what XML may not hold, and ends of lines, are not."""
    planned = plan(task("a"), task("b"), Edge("a", "b", label='</text><script>"&\x00\n]]>'), name='<night> & "day"')
    root = ET.fromstring(to_svg(planned))  # noqa: S314
    written = [element.text for element in root.iter(f"{SVG}text")]
    assert '</text><script>"&\N{REPLACEMENT CHARACTER} ]]>' in written
    assert root.get("aria-label") == 'Tasks of the pipeline <night> & "day"'


def test_the_ten_regions_stand_in_one_column_before_their_join() -> None:
    """And the chain behind it on one line."""
    done = arranged(night())
    extracts = [box for name, box in done.tasks.items() if name.startswith("extract.")]
    assert len({box.x for box in extracts}) == 1
    assert all(box.x + box.width < done.tasks["arrived"].x for box in extracts)
    assert done.tasks["arrived"].middle == pytest.approx(sum(box.middle for box in extracts) / 10, abs=1)
    line = [done.tasks[name].middle for name in ("arrived", "by_product", "checks.rows")]
    assert max(line) - min(line) < 2


def test_a_long_pipeline_is_drawn_in_no_time() -> None:
    """A chain of a thousand tasks; a join of three hundred that all lead to the outcome."""
    started = time.monotonic()
    names = [f"t{number}" for number in range(1000)]
    chain = plan(*map(task, names), *(Edge(*pair) for pair in pairwise(names)))
    assert len(arranged(chain).ways) == 999
    many = plan(*map(task, names[:300]), task("join"), task("outcome"), *edges(f"{' '.join(names[:300])} > join outcome", "join > outcome"))
    to_svg(many)
    assert time.monotonic() - started < 20


def test_wide_texts_are_cut_to_fit() -> None:
    """With an ellipsis; short ones stay."""
    assert fitted("short", 13, 100) == "short"
    cut = fitted("a name that is far too long for its box", 13, 100, bold=True)
    assert cut.endswith("…")
    assert text_width(cut, 13, bold=True) <= 100
    assert text_width("漢字", 10) == 20


def test_png_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what works without."""
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(DrawingUnavailable, match=r"resvg-py.*airflow-tidegate\[draw\].*svg"):
        to_png(night())


def test_png_asks_resvg_for_the_drawing_in_roboto(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sharp, on white, in fonts that came with the packages."""
    asked: dict[str, Any] = {}
    resvg, roboto = ModuleType("resvg_py"), ModuleType("font_roboto")
    resvg.svg_to_bytes = lambda **given: asked.update(given) or b"png"  # type: ignore[attr-defined]
    roboto.font_files = {"Roboto": "a.ttf", "RobotoBold": "b.ttf"}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "resvg_py", resvg)
    monkeypatch.setitem(sys.modules, "font_roboto", roboto)
    assert to_png(night()) == b"png"
    assert (asked["svg_string"], asked["font_files"], asked["background"]) == (to_svg(night()), ["a.ttf", "b.ttf"], "white")


def test_a_real_png_has_the_drawings_size() -> None:
    """Twice as many pixels; and it shows something."""
    pytest.importorskip("resvg_py", reason="needs the extra 'draw'")
    pytest.importorskip("font_roboto", reason="needs the extra 'draw'")
    planned = plan(group("g"), task("g.a", group="g", uses=BASH), task("b"), *edges("g.a > b"))
    png = to_png(planned, zoom=1)
    root = ET.fromstring(to_svg(planned))  # noqa: S314
    assert png.startswith(b"\x89PNG\r\n")
    assert struct.unpack(">II", png[16:24]) == (int(root.attrib["width"]), int(root.attrib["height"]))
    assert len(png) > 3000
