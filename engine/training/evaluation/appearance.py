"""What a set of pictures looks like by itself: sharpness, contrast, saturation, clipping, and how even the set is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import quality, steadiness
from .quality import Mask, Rgb

Pictures = NDArray[np.uint8]  # [n,S,S,3]
Masks = NDArray[np.bool_]  # [n,S,S]


@dataclass(frozen=True)
class Appearance:
    """One picture, or the mean of several, where its mask holds."""

    sharpness: float  # levels a pixel
    contrast: float  # standard deviation of brightness, in levels of 255
    saturation: float  # 0 grey to 1: the spread of red, green and blue over the largest of them
    clipped: float  # share of pixels with a colour at 0 or 255


def appearance(rgb: Rgb, mask: Mask) -> Appearance:
    """Of a picture [S,S,3] where the mask [S,S] holds, which must be somewhere."""
    inside = rgb[mask]  # [n,3]
    largest, smallest = inside.max(1).astype(np.float64), inside.min(1).astype(np.float64)
    return Appearance(
        sharpness=quality.sharpness(rgb, mask),
        contrast=float(quality.luma(inside).std()),
        saturation=float(np.mean((largest - smallest) / np.maximum(largest, 1.0))),
        clipped=float(np.mean((largest == 255.0) | (smallest == 0.0))),
    )


def mean_appearance(pictures: Pictures, masks: Masks) -> Appearance:
    """The mean over pictures."""
    return _mean([appearance(rgb, mask) for rgb, mask in zip(pictures, masks, strict=True)])


def _mean(rows: Sequence[Appearance]) -> Appearance:
    table = np.array([(row.sharpness, row.contrast, row.saturation, row.clipped) for row in rows])
    return Appearance(*(float(value) for value in table.mean(0)))


@dataclass(frozen=True)
class Evenness:
    """How much pictures of one set differ where they need not, in levels of 255."""

    colour: float  # standard deviation of the head's mean red, green and blue from picture to picture
    ground: float  # of each pixel that is outside of the head in all pictures; NaN where there is none


def evenness(pictures: Pictures, masks: Masks) -> Evenness:
    """Of pictures [n,S,S,3] with the head where the masks [n,S,S] hold."""
    colours = np.stack([rgb[mask].mean(0) for rgb, mask in zip(pictures, masks, strict=True)])
    outside = np.asarray(~masks.any(0))
    ground = steadiness.noise(pictures, outside) if outside.any() else float("nan")
    return Evenness(float(colours.std(0).mean()), ground)
