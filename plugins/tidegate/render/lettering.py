"""How wide a text is in a sans-serif, near enough to draw a box around it."""

from __future__ import annotations

import unicodedata

_WIDTHS = {  # hundredths of the size; of Arial and Roboto the wider
    **dict.fromkeys("ijl.,:;'|!`", 26),
    **dict.fromkeys('ftr()[]{}/\\ I-"*', 36),
    **dict.fromkeys("ckszvxyJ", 51),
    **dict.fromkeys("mM@%W", 90),
    **dict.fromkeys("w&", 76),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ+=<>~#_", 68),
}
_USUAL, _WIDE, _BOLD = 57, 100, 1.06


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a line of text, in the unit of ``size``."""
    hundredths = sum(_WIDTHS.get(character, _WIDE if unicodedata.east_asian_width(character) in "WF" else _USUAL) for character in text)
    return hundredths / 100 * size * (_BOLD if bold else 1.0)


def fitted(text: str, size: float, most: float, *, bold: bool = False) -> str:
    """A text, cut with an ellipsis where it is wider than that."""
    if text_width(text, size, bold=bold) <= most:
        return text
    kept = text
    while kept and text_width(f"{kept}…", size, bold=bold) > most:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"
