"""What an error says reaches terminals, logs and the page: its text is printable and bounded."""

from __future__ import annotations

import pytest

from omote.bridge.errors import OmoteError, ProtocolError


@pytest.mark.parametrize("error", [OmoteError, ProtocolError])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the name \x1b]52;c;aGk=\x07 is taken", "the name ?]52;c;aGk=? is taken"),
        ("\u202egnp.exe", "?gnp.exe"),
        ("two\nlines", "two\nlines"),
        ("日本", "日本"),
        ("x" * 9000, "x" * 5000),
    ],
)
def test_a_message_controls_no_terminal(error: type[OmoteError], text: str, shown: str) -> None:
    assert str(error(text)) == shown
