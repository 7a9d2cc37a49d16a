"""The engine's errors that a user can mend."""

from __future__ import annotations

from omote.bridge.errors import OmoteError


class AnimatorError(OmoteError, ValueError):
    """What was asked for cannot be drawn; the message says what there is."""
