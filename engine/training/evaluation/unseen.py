"""Characters of people whom the network has never seen, made as a user's are, and a baseline that they must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omote.engine.capture.photo import Finder, Photo, the_face
from omote.engine.character import character_names, load_character
from omote.engine.nouns import Character

from . import scenes
from .drawing import Drawer
from .quality import Rgba, over_grey

if TYPE_CHECKING:
    from omote.engine.identity.networks import PeopleNetworks

_CELLS = 16  # pictures are compared in squares of a 16th of their side


class FromPictures:
    """Makes characters as a user's photos become one."""

    def __init__(self, finder: Finder, networks: PeopleNetworks) -> None:
        self._finder, self._networks = finder, networks

    def __call__(self, name: str, pictures: Sequence[Rgba]) -> Character:
        from omote.engine.identity.photos import likeness

        grounded = [over_grey(picture) for picture in pictures]
        photos = [Photo(name, rgb, the_face(name, rgb, self._finder)) for rgb in grounded]
        seen, model = likeness(photos, self._networks), self._networks.model
        made_from = f"{len(photos)} rendered picture of a person who does not exist"
        return Character(name, seen.shape, seen.identity, seen.texture, seen.rows, model, "Apache-2.0", made_from)


def pipeline(finder: Finder, folder: Path | None, runtime: str) -> FromPictures:
    """With the encoder and the completion that were exported into this folder; with the shipped ones where None."""
    from omote.engine.identity.networks import ExportedNetworks
    from omote.engine.weights import makers

    if folder is None:
        return FromPictures(finder, ExportedNetworks.open(runtime))
    files = makers.listed(folder / "networks.json")
    both = (replace(file, file=str((folder / file.file).resolve())) for file in (files.encoder, files.completion))
    return FromPictures(finder, ExportedNetworks.open(runtime, makers.MakerFiles(*both)))


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
