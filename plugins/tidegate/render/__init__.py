"""A plan for people: as Python, as a table, as a drawing, and beside another plan. Nothing of Airflow is imported."""

from tidegate.render.difference import Change, difference
from tidegate.render.document import as_dict
from tidegate.render.mermaid import to_mermaid
from tidegate.render.plain import words
from tidegate.render.png import DrawingUnavailable, to_png
from tidegate.render.provenance import Origin, origins
from tidegate.render.python import to_python
from tidegate.render.svg import to_svg
from tidegate.render.table import COLUMNS, Row, rows

__all__ = [
    "COLUMNS",
    "Change",
    "DrawingUnavailable",
    "Origin",
    "Row",
    "as_dict",
    "difference",
    "origins",
    "rows",
    "to_mermaid",
    "to_png",
    "to_python",
    "to_svg",
    "words",
]
