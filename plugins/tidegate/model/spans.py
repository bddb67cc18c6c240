"""Time spans as people write and read them."""

from __future__ import annotations

from datetime import timedelta

_UNITS = (("d", 86400), ("h", 3600), ("m", 60))


def human(span: timedelta) -> str:
    """A time span as pipeline files write it: ``45m``, ``1h30m``, ``1.5s``."""
    left = abs(span).total_seconds()
    found = "-" if span < timedelta(0) else ""
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        found += f"{count:.0f}{unit}" if count else ""
    return f"{found}{left:g}s" if left or found in {"", "-"} else found
