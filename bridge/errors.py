"""The root of Omote's errors, and the error for malformed packets.

    OmoteError
    ├── ProtocolError, WireError, EndpointError …    data or addresses that cannot be used (bridge)
    ├── SourceError, CharacterError, AnimatorError … what cannot be captured, loaded or drawn (engine)
    ├── ActorError, FlameFileError …                 what cannot be measured or read (calibration)
    └── ConfigError, HotkeyError …                   what was typed or stored (studio)

A user can act on each of them: the message says what was found, what was expected and the cure. The command line
prints the message of an `OmoteError` and ends with code 2. Any other exception is a bug and shows its traceback.
"""

from __future__ import annotations

import unicodedata

_LONGEST_MESSAGE = 5000  # characters
_CONTROL = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode


class OmoteError(Exception):
    """An error that a user can act on; the message is one sentence.

    A message may quote a file of a stranger, so its text is always printable and bounded.
    """

    def __str__(self) -> str:
        return printable(super().__str__(), _LONGEST_MESSAGE, kept="\n")


def printable(text: str, most: int, kept: str = "") -> str:
    """Untrusted text, cut to `most` characters, with "?" for those that could control a terminal, except the `kept`."""
    return "".join("?" if one not in kept and unicodedata.category(one) in _CONTROL else one for one in text[:most])


class ProtocolError(OmoteError, ValueError):
    """The bytes are not a packet of the protocol; the message says what was found and what was expected."""


class SenderError(OmoteError, ValueError):
    """A destination cannot be sent to; the message says what was found, what was expected and the cure."""
