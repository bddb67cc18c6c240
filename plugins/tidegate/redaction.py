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
_NAMES = re.compile(r"pass(?:word|wd|phrase)?(?![a-z])|pwd|token|secret|api_?key|credential|private_?key", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether what is called so looks like a credential, of which no message shows the value."""
    return _NAMES.search(name) is not None


def without_secrets(text: str) -> str:
    """The text in one line, with what looks like a credential starred out: in URLs, query strings and ``key=value`` pairs."""
    return starred(" ".join(text.split()))


def starred(text: str) -> str:
    """The same of a text whose blanks are to stay."""
    for pattern in _PATTERNS:
        text = pattern.sub(lambda found: f"{found[1]}***" if found.lastindex else "***", text)
    return text
