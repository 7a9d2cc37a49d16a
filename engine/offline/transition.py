"""From one face to another, and back if that is wanted."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from omote.engine.nouns import Array, FlameParams

from .document import LATEST_S
from .easing import USUAL, ease_of
from .face_range import faces, in_range
from .liveliness import Motion
from .script import RenderError, Script, of_one
from .track import Track


def transition(
    first: FlameParams,
    last: FlameParams,
    seconds: float,
    *,
    ease: str = USUAL,
    hold_s: float = 0.0,
    is_there_and_back: bool = False,
    fps: Fraction,
    light: Array,
    character: str,
    seed: int | None = None,
) -> Script:
    """A script whose first picture is the first face, and which comes to the last within `seconds`, exactly.

    There it stays for `hold_s`; and goes back within `seconds` more, so that it can be shown round and round. With a
    seed the head and the eyes drift and the breath goes, a little, the same for the same seed; without, nothing moves
    but what was asked for. RenderError where a face or a time cannot be.
    """
    if not 0.0 < seconds <= LATEST_S:
        raise RenderError(f"a transition takes more than 0 seconds, and {LATEST_S:g} at most, got {seconds:g}")
    if not 0.0 <= hold_s <= LATEST_S:
        raise RenderError(f"a hold takes 0 to {LATEST_S:g} seconds, got {hold_s:g}")
    going, staying = max(round(Fraction(seconds) * fps), 2), round(Fraction(hold_s) * fps)
    rows = [in_range(first, "the first face"), in_range(last, "the last face")]
    keys = [0, going - 1]
    if is_there_and_back:
        # A key where it turns: what rests for no time needs none of its own.
        keys += [going - 1 + staying] * bool(staying) + [going - 1 + staying + going]
        rows += [rows[1]] * bool(staying) + [rows[0]]
    count = going + staying + going * is_there_and_back
    track = Track(np.array(keys) / float(fps), np.stack(rows), (ease_of(ease),) * len(rows))
    time_s = np.arange(count) / float(fps)
    found = track.at(time_s)
    if seed is not None:
        found = Motion().over(found, time_s, seed)
    return of_one(fps, faces(found), light, character)
