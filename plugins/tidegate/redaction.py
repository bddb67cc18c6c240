"""Foreign text made fit to leave a task's log: what drivers and notifiers say may hold a credential."""

from __future__ import annotations

import re

_PATTERNS = (
    re.compile(r"(?<=://)[^/@\s]+(?=@)"),  # the user and password of a URL
    re.compile(
        r"(?i)\b(\w*(?:password|passwd|pwd|token|secret|api_?key)\s*[=:]\s*['\"]?)(?!(?:YES|NO)\))[^&;,\s'\"]+"
    ),  # MySQL says whether there was one
    re.compile(r"(?<=//hooks\.slack\.com/services/)\S+"),
)


def without_secrets(text: str) -> str:
    """The text in one line, with what looks like a credential starred out: in URLs, query strings and ``key=value`` pairs."""
    line = " ".join(text.split())
    for pattern in _PATTERNS:
        line = pattern.sub(lambda found: f"{found[1]}***" if found.lastindex else "***", line)
    return line
