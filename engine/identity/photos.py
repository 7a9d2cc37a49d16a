"""Photos of one person become their character: shape, identity, texture, and the rows of the attention bank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from omote.engine.capture.photo import Photo, PhotoError
from omote.engine.face import framing
from omote.engine.face.fitting import Fit, Fitter
from omote.engine.face.framing import Framed
from omote.engine.face.head import open_head, rotation
from omote.engine.face.lift import Lift, Lifter, gathered
from omote.engine.nouns import Array

from .networks import PeopleNetworks

FARTHEST_TURN_DEG = 35.0
_EDGE_PX = 5


@dataclass(frozen=True)
class Likeness:
    """What photos tell of a person; the parts of a Character."""

    shape: Array  # [100]
    identity: Array  # [I]
    texture: Array  # [16,H,W]
    rows: Array  # [R,C]


def likeness(photos: Sequence[Photo], networks: PeopleNetworks, fitter: Fitter | None = None) -> Likeness:
    """The one person in these photos; the first of them is the reference. PhotoError where a head is turned away."""
    fitter = fitter or Fitter()
    fits = [_fit(photo, fitter) for photo in photos]
    shape = _mean([fit.shape for fit in fits])
    lifter, encoded, lifted = Lifter(open_head().shaped(shape)), [], []
    for photo, fit in zip(photos, fits, strict=True):
        similarity = fitter.bring(photo.reading, replace(fit, shape=shape), networks.size)
        framed = framing.framed(photo.picture, similarity, networks.size)
        encoded.append(networks.encode(framed.picture, lifter.maker.draw(fit.params).geometry))
        lifted.append(gathered(framed.picture, _on_photo(lifter.lift(fit.params), framed)))
    identity = _mean([one.identity for one in encoded])
    return Likeness(shape, identity, networks.complete(together(lifted), identity), encoded[0].rows)


def _mean(rows: Sequence[Array]) -> Array:
    return np.asarray(np.mean(rows, axis=0), np.float32)


def _fit(photo: Photo, fitter: Fitter) -> Fit:
    fit = fitter.fit(photo.reading)
    turn_deg = max(_away_deg(fit.params.neck_pose), _away_deg(photo.reading.rotation))  # either may fall short
    if turn_deg > FARTHEST_TURN_DEG:
        raise PhotoError(
            f"the head in {photo.name} is turned {turn_deg:.0f} degrees away from the camera, wanted at most "
            f"{FARTHEST_TURN_DEG:.0f}: take a photo from the front"
        )
    return fit


def _away_deg(turn: Array) -> float:
    """The angle between where a head looks and the camera, however it is tilted."""
    return float(np.degrees(np.arccos(np.clip(rotation(turn)[2, 2], -1.0, 1.0))))


def _on_photo(lift: Lift, framed: Framed) -> Lift:
    """The same texels without those that lie outside of the photo, or so near to its edge that grey comes in."""
    side = len(framed.is_photo)
    inside = np.asarray(Image.fromarray(framed.is_photo.astype(np.uint8)).filter(ImageFilter.MinFilter(_EDGE_PX)))
    column, row = np.clip(((lift.xy + 1.0) * (side / 2)).astype(np.int64), 0, side - 1).transpose(2, 0, 1)
    return replace(lift, weight=lift.weight * inside[row, column])


def together(lifted: Sequence[Array]) -> Array:
    """[4,H,W] what several pictures showed of the same texels: the mean by weight, as well seen as where seen best."""
    stack: NDArray[np.float32] = np.stack(lifted)
    weight = stack[:, 3]
    total, best = weight.sum(0), weight.max(0)
    colour = stack[:, :3].sum(0) * (best / np.maximum(total, 1e-6))
    return np.concatenate([colour, best[None]]).astype(np.float32)
