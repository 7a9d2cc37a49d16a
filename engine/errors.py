"""The engine's errors that a user can mend."""

from __future__ import annotations

from omote.bridge.errors import OmoteError


class AnimatorError(OmoteError, ValueError):
    """The request cannot be drawn; the message says what is supported."""


class DataError(OmoteError, ValueError):
    """A value has another shape, type or range than it must have; the message says which, and what was found."""
