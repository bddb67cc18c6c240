"""What the benches share in telling what they measured."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def claim(what: str, at_most: float, measured: float) -> dict[str, Any]:
    """A target beside what was measured."""
    return {"what": what, "at_most": at_most, "measured": measured, "met": measured <= at_most}


def show_claims(claims: Iterable[dict[str, Any]]) -> None:
    """The table of the targets."""
    print(f"\n{'target of Tidegate':<57}{'at most':>8}{'measured':>10}")
    for told in claims:
        print(f"{told['what']:<57}{told['at_most']:>8}{told['measured']:>10.2f}  {'met' if told['met'] else 'MISSED'}")


def odd(text: str) -> int:
    """A number of samples that has a median."""
    if (value := int(text)) < 1 or value % 2 == 0:
        raise argparse.ArgumentTypeError("an odd number, so that the median is a sample")
    return value
