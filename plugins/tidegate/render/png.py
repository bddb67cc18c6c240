"""The drawing of a plan as a PNG, by the Rust library resvg. Needs the extra ``draw``; the drawing looks the same on every machine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tidegate.errors import ErrorClass, TidegateError
from tidegate.render.svg import to_svg

if TYPE_CHECKING:
    from tidegate.plan.layout import Plan


class DrawingUnavailable(TidegateError):
    """PNG drawings need packages that are not installed."""

    error_class = ErrorClass.BUG


def to_png(plan: Plan, *, zoom: float = 2.0) -> bytes:
    """The bytes of a PNG on white, in Roboto, whatever fonts the machine has; for letters that Roboto lacks its own are asked.

    :param zoom: Pixels for each unit of the drawing; 2 is sharp on most screens.
    :raises DrawingUnavailable: the extra ``draw`` is not installed.
    """
    resvg, roboto = _imported("resvg_py"), _imported("font_roboto")
    fonts = [roboto.font_files[name] for name in ("Roboto", "RobotoBold")]
    drawn: bytes = resvg.svg_to_bytes(
        svg_string=to_svg(plan), background="white", zoom=zoom, font_files=fonts, font_family="Roboto", sans_serif_family="Roboto"
    )
    return bytes(drawn)


def _imported(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise DrawingUnavailable(
            f"A PNG needs the package {module.replace('_', '-')}, which is not installed.",
            hint="pip install 'airflow-tidegate[draw]', or take --format svg.",
        ) from None
