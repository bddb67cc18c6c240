"""Nothing that looks like a credential leaves a task's log in a message."""

from __future__ import annotations

import pytest

from tidegate.redaction import without_secrets


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("cannot reach postgresql://me:hush@db.example:5432/x", "cannot reach postgresql://***@db.example:5432/x"),
        ("GET https://h.example/a?user=me&token=hush&page=2 failed", "GET https://h.example/a?user=me&token=***&page=2 failed"),
        ("posted to https://hooks.slack.com/services/T000/B000/hush", "posted to https://hooks.slack.com/services/***"),
        ("login with password='hush' refused", "login with password='***' refused"),
        ("driver says: PWD=hush;Server=x", "driver says: PWD=***;Server=x"),
        ("the token was\nrefused", "the token was refused"),
    ],
)
def test_credentials_are_starred_out_and_the_rest_stays(text: str, kept: str) -> None:
    """URLs, query strings, key=value pairs."""
    assert without_secrets(text) == kept
    assert "hush" not in without_secrets(text)
