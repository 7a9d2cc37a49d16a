"""A character's own drawing at rest, seen again as if it were a photo, as it is or repainted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.engine.face import atlas
from omote.engine.face.head import open_head
from omote.engine.face.lift import Lift, Lifter, gathered
from omote.engine.face.light import studio_light
from omote.engine.face.maps import Maps
from omote.engine.nouns import Array, Character, FlameParams
from omote.engine.roles import Artist

Rgb = NDArray[np.uint8]

GREY = 127.5


@dataclass(frozen=True)
class Drawing:
    """A character at rest, from the front, on grey."""

    picture: Rgb  # [S,S,3]
    maps: Maps
    lift: Lift

    @property
    def lifted(self) -> Array:
        """[4,256,128] its colours at each texel, as the completion takes them."""
        return gathered(self.picture, self.lift)

    def repainted(self, change: Array) -> Drawing:
        """The same with these [3,256,128] (-2 to 2) added to the colours of the texels."""
        grid = sampled(change, self.maps.uv)
        side = len(self.picture)
        wide = np.stack([_resized(grid[..., c], side) for c in range(3)], 2) * np.float32(GREY)
        return replace(self, picture=np.clip(self.picture + wide + 0.5, 0.0, 255.0).astype(np.uint8))


def drawing_of(character: Character, artist: Artist, side: int) -> Drawing:
    """Drawn without any rows of a bank, so that it is what texture and identity alone say."""
    neutral, lifter = FlameParams.neutral(), Lifter(open_head().shaped(character.shape))
    without = replace(character, bank=np.zeros((0, 0), np.float32))
    rgba = artist.draw(neutral, without, studio_light()).rgba.astype(np.float32)
    alpha = rgba[..., 3:] / np.float32(255.0)
    picture = Image.fromarray((rgba[..., :3] * alpha + np.float32(GREY) * (1.0 - alpha)).astype(np.uint8))
    if picture.width != side:
        picture = picture.resize((side, side), Image.Resampling.LANCZOS)
    return Drawing(np.asarray(picture), lifter.maker.draw(neutral), lifter.lift(neutral))


def sampled(texture: Array, uv: Array) -> Array:
    """[G,G,C] a texture [C,256,128] at `uv` [G,G,2], -1 to 1, mixed between texels."""
    size = np.array([atlas.WIDTH, atlas.HEIGHT], np.float32)
    at = np.clip((uv + 1.0) / 2.0 * size - 0.5, 0.0, size - 1.001)
    low = at.astype(np.int64)
    (x, y), (u, v) = np.moveaxis(low, -1, 0), np.moveaxis((at - low).astype(np.float32), -1, 0)
    top = texture[:, y, x] * (1 - u) + texture[:, y, x + 1] * u
    bottom = texture[:, y + 1, x] * (1 - u) + texture[:, y + 1, x + 1] * u
    return np.asarray(np.moveaxis(top * (1 - v) + bottom * v, 0, -1), np.float32)


def _resized(plane: Array, side: int) -> Array:
    return np.asarray(Image.fromarray(plane).resize((side, side), Image.Resampling.BILINEAR), np.float32)
