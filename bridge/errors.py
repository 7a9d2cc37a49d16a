"""The root of Omote's errors, and the one of packets that are none.

    OmoteError
    ├── ProtocolError, WireError, EndpointError …   what came over a network, or cannot be sent there (bridge)
    ├── SourceError, CharacterError, AnimatorError … what cannot be captured, loaded or drawn (engine)
    ├── ActorError, FlameFileError …                 what cannot be measured (calibration)
    └── ConfigError, HotkeyError …                   what was typed or kept (studio)

A user can mend each of them: the message says what was found, what was wanted and the cure. The command line prints
the message of an `OmoteError` and ends with code 2; any other exception is a bug and shows its traceback.
"""

from __future__ import annotations


class OmoteError(Exception):
    """What a user can mend; the message is one sentence for people."""


class ProtocolError(OmoteError, ValueError):
    """These bytes are no packet of the protocol; the sentence says what was found and what was wanted."""
