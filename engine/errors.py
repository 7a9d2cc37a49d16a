"""The engine's errors that a user can mend."""

from __future__ import annotations


class AnimatorError(ValueError):
    """What was asked for cannot be drawn; the message says what there is."""
