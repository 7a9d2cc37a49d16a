"""The engine's errors that a user can mend."""

from __future__ import annotations

from omote.bridge.errors import OmoteError


class AnimatorError(OmoteError, ValueError):
    """The request cannot be drawn; the message says what is supported."""
