"""Characters of people whom the network has never seen, made as a user's are, and a baseline that they must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from omote.engine.character import character_names, load_character
from omote.engine.nouns import Character

from . import scenes
from .drawing import Drawer
from .quality import Rgba
from .subjects import EvaluationError

_CELLS = 16  # pictures are compared in squares of a 16th of their side


def character_of(name: str, pictures: Sequence[Rgba]) -> Character:
    """The character that the product makes of these pictures; EvaluationError while it makes none."""
    raise EvaluationError(f"{name}: no character is made of pictures yet; --baseline takes the nearest shipped one")


class NearestShipped:
    """Takes, for each person, the shipped character that looks most alike at rest: a made one must beat that."""

    def __init__(self, drawer: Drawer) -> None:
        self._characters = [load_character(name) for name in character_names()]
        self._looks = np.stack([_look(drawer.draw(one, scenes.rest())[0]) for one in self._characters])

    def __call__(self, name: str, pictures: Sequence[Rgba]) -> Character:
        wanted = np.mean([_look(picture) for picture in pictures], 0)
        nearest = int(np.square(self._looks - wanted).mean((1, 2, 3)).argmin())
        return replace(self._characters[nearest], name=name)


def _look(rgba: Rgba) -> NDArray[np.float64]:
    """[16,16,4] a picture's mean colour as far as it is opaque, and its mean alpha, in squares."""
    alpha = rgba[..., 3:] / 255.0
    faded = np.concatenate([rgba[..., :3] * alpha, 255.0 * alpha], 2)
    side = len(faded) // _CELLS
    return np.asarray(faded[: side * _CELLS, : side * _CELLS].reshape(_CELLS, side, _CELLS, side, 4).mean((1, 3)))
