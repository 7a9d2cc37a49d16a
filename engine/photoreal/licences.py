"""Refuses weights that nobody may earn money with, unless the user has said that they know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..models import ModelError


class Licensed(Protocol):
    """A part of a character, or a published file."""

    @property
    def name(self) -> str: ...

    @property
    def licence(self) -> str: ...

    @property
    def is_commercial(self) -> bool: ...


class NonCommercialError(ModelError):
    """Weights are not for commercial use, and the configuration does not allow that; the message names both."""


def require_commercial(parts: Iterable[Licensed], allow: bool) -> None:
    """NonCommercialError where one may not earn money with one of these and that was not allowed (`allow`)."""
    refused = [part for part in parts if not part.is_commercial]
    if not refused or allow:
        return
    others = f", and {len(refused) - 1} more files like it" if len(refused) > 1 else ""
    raise NonCommercialError(
        f"{refused[0].name} is not for commercial use ({refused[0].licence}){others}: if yours is not, say "
        "`allow_noncommercial = true` in config.toml; `omote models` lists all"
    )
