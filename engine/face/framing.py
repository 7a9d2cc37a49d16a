"""Brings a photo into our renderer's framing, and says where its pixels show the fitted head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .head import Shaped
from .maps import Camera

Wide = NDArray[np.float64]
Rgb = NDArray[np.uint8]

_GREY = (128, 128, 128)
_MARGIN_PX = 4  # around what is cut out, for the interpolation


@dataclass(frozen=True)
class Similarity:
    """Turns, scales and moves points: z ↦ turn z + move, on points as complex numbers x + iy in pixels, y down."""

    turn: complex
    move: complex

    @classmethod
    def between(cls, start: Wide, end: Wide) -> Similarity:
        """The one that brings points [n,2] nearest to others, by least squares."""
        a, b = start[:, 0] + 1j * start[:, 1], end[:, 0] + 1j * end[:, 1]
        middle_a, middle_b = complex(a.mean()), complex(b.mean())
        turn = complex(np.vdot(a - middle_a, b - middle_b) / np.vdot(a - middle_a, a - middle_a))
        return cls(turn, middle_b - turn * middle_a)

    def apply(self, points: Wide) -> Wide:
        """[n,2] where these points go."""
        moved = self.turn * (points[:, 0] + 1j * points[:, 1]) + self.move
        return np.stack([moved.real, moved.imag], 1)

    def inverse(self) -> Similarity:
        return Similarity(1.0 / self.turn, -self.move / self.turn)

    @property
    def scale(self) -> float:
        return abs(self.turn)


@dataclass(frozen=True)
class PhotoCamera:
    """How a picture shows the head: as pixel x + iy (y down) of points on a head that stands upright."""

    turn: complex  # pixels a dm at the distance of the point that our camera aims at; turns upright to the picture
    move: complex  # pixel where that point is
    nearness: float  # 1 / dm: one over the distance of the camera from that point

    def project(self, point: NDArray[np.floating], shaped: Shaped) -> Wide:
        """[n,2] pixels of points [n,3] in dm of the posed head."""
        away = np.asarray(point, np.float64) - Camera.framing(shaped).aim
        seen = (away[:, 0] - 1j * away[:, 1]) / (1.0 - self.nearness * away[:, 2])
        at = self.turn * seen + self.move
        return np.stack([at.real, at.imag], 1)


@dataclass(frozen=True)
class Framed:
    """A photo as our renderer would have framed it."""

    picture: Rgb  # [S,S,3]; grey where the photo had ended
    is_photo: NDArray[np.bool_]  # [S,S]


def framed(photo: Rgb, similarity: Similarity, side: int) -> Framed:
    """The part of a photo that `similarity` brings into a square of `side` pixels."""
    height, width = photo.shape[:2]
    back = similarity.inverse()
    corners = back.apply(np.array([[0.0, 0.0], [side, 0.0], [0.0, side], [side, side]]))
    low = np.maximum(np.floor(corners.min(0)) - _MARGIN_PX, 0.0)
    high = np.minimum(np.ceil(corners.max(0)) + _MARGIN_PX, (width, height))
    if (high - low < 2.0).any():
        raise ValueError(f"nothing of a photo of {width}x{height} pixels is brought into the picture")
    # What shrinks is averaged first: the interpolation looks at no more than four pixels a side.
    small = np.maximum(np.round((high - low) * min(similarity.scale, 1.0)), 2.0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    cut = Image.fromarray(photo).resize((int(small[0]), int(small[1])), Image.Resampling.BOX, box)
    ratio, first = small / (high - low), complex(*low)
    solid = cut.convert("RGBA")
    turn, move = back.turn, back.move - first
    matrix = (
        *(turn.real * ratio[0], -turn.imag * ratio[0], move.real * ratio[0]),
        *(turn.imag * ratio[1], turn.real * ratio[1], move.imag * ratio[1]),
    )
    seen = solid.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    ground = Image.new("RGBA", seen.size, _GREY)
    picture = np.asarray(Image.alpha_composite(ground, seen).convert("RGB"))
    return Framed(picture, np.asarray(seen)[..., 3] > 127)
