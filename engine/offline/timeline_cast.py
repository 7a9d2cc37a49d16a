"""Who is shown, key by key: one character, or a mixture of two, and how it goes over to the next."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from omote.engine.character import DEFAULT_CHARACTER
from omote.engine.nouns import Array

from .document import Table, number, shown
from .easing import USUAL, Wide
from .script import RenderError
from .timeline_keys import at_of, ease_of_key, in_order
from .track import Track

CHARACTER = ("at", "is", "ease")
MOST = 2  # in one picture


@dataclass(frozen=True, eq=False)
class Cast:
    """Everybody who is shown, and how much of each at what time."""

    names: tuple[str, ...]  # as `load_any` takes them
    track: Track  # [c] shares

    @classmethod
    def alone(cls, name: str) -> Cast:
        """One character, all the time."""
        return cls((name,), Track(np.zeros(1), np.ones((1, 1)), (USUAL,)))

    def shares(self, time_s: Wide) -> Array:
        """[n,c] of each in these pictures, which sum to 1; no more than two are above 0."""
        rows = self.track.at(time_s)
        return np.asarray(rows / rows.sum(1, keepdims=True), np.float32)


def cast(document: Table) -> Cast:
    """RenderError where a picture would have to show three."""
    said = document.said.get("character", DEFAULT_CHARACTER)
    if isinstance(said, str):
        return Cast.alone(_name(said, document))
    keys = in_order(document.tables("character", CHARACTER))
    if not keys:
        return Cast.alone(DEFAULT_CHARACTER)
    shown_at = [_shares(key) for key in keys]
    _check_pairs(keys, shown_at)
    names = tuple(dict.fromkeys(name for one in shown_at for name in one))
    rows = np.array([[one.get(name, 0.0) for name in names] for one in shown_at])
    eases = tuple(ease_of_key(key) for key in keys)
    return Cast(names, Track(np.array([at_of(key) for key in keys]), rows, eases))


def _shares(key: Table) -> dict[str, float]:
    asked = key.need("is")
    if isinstance(asked, str):
        return {_name(asked, key): 1.0}
    if not isinstance(asked, dict) or len(asked) != MOST:
        raise RenderError(
            f'{key.place}: "is" must be a character or a mixture of {MOST}, as {{hana = 0.5, kenji = 0.5}}; '
            f"got {shown(asked)}"
        )
    parts = {name: number(part, 0.0, 1e6, f"{key.place}: {name}") for name, part in asked.items()}
    total = sum(parts.values())
    if not total > 0.0:
        raise RenderError(f"{key.place}: of a mixture one part at least must be above 0, got {shown(asked)}")
    return {_name(name, key): part / total for name, part in parts.items() if part > 0.0}


def _name(word: str, inside: Table) -> str:
    """A file that stands beside the timeline by its path, all else as it is said."""
    beside = inside.folder / word
    return str(beside) if os.path.isfile(beside) else word  # noqa: PTH113  # no error where a name is too long


def _check_pairs(keys: Sequence[Table], shown_at: Sequence[dict[str, float]]) -> None:
    for key, before, after in zip(keys[1:], shown_at[:-1], shown_at[1:], strict=True):
        together = dict.fromkeys((*before, *after))
        if len(together) > MOST and ease_of_key(key) != "cut":
            raise RenderError(
                f"{key.place}: on the way there {', '.join(together)} would be in one picture, which shows {MOST} at "
                'most: put a key of one character alone between, or reach it with ease = "cut"'
            )
