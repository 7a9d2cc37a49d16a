"""Finds where a photo shows the outline of ears and skull, which no landmark marks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.engine.face.head import SKIN, OpenHead
from omote.engine.face.refinement import Outline

Array = NDArray[np.float32]
Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_EARS_DM = (0.66, 6.78, 7.55)  # vertices of the resting average head farther out, and between these heights
_EAR_REACH, _SKULL_REACH = (
    0.03,
    0.06,
)  # of the picture's side: so far from the head's outline the person's is looked for
_INWARD = 0.008  # so far within it the colour is compared with skin
_SAME_HUE, _DARKEST = 0.55, 0.25  # how far skin's hue may be off there, and how dark it may be beside the face's
_RIM, _SMOOTH = 0.004, 0.004  # of the side: so near to the edge a vertex makes it; how much the edge is smoothed
_SLACK = 0.004  # of the side: so far the skull may lie beyond hair before that is taken for wrong
_ENOUGH = 0.35  # of an ear's outline must be found, else hair or a collar hides it
_FEWEST = 6


def head_outline(
    picture: Rgb, alpha: Array, is_head: Mask, screen: NDArray[np.floating], head: OpenHead, hue: Array
) -> Outline:
    """The vertices of the outline that are known to lie elsewhere, and through which pixels it really goes.

    `picture` [S,S,3] in our framing, cut out by `alpha` [S,S]; `is_head` [S,S] is where the fitted head lies, whose
    vertices are at `screen` [N,2+]. `hue` [3] is the face's usual linear colour, by which bare ears are known. Of the
    skull nothing is known but that it ends where hair does, or before.
    """
    side = len(picture)
    inner = np.asarray(cv2.distanceTransform(is_head.astype(np.uint8), cv2.DIST_L2, 5), np.float32)
    signed = inner - cv2.distanceTransform(1 - is_head.astype(np.uint8), cv2.DIST_L2, 5)
    down, right = np.gradient(cv2.GaussianBlur(signed, (0, 0), _SMOOTH * side))
    found: list[tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]] = []
    for vertex, is_ear in _parts(head):
        at = screen[vertex, :2].astype(np.float64)
        column, row = np.clip(at.astype(np.int64), 0, side - 1).T
        rim = np.flatnonzero(inner[row, column] < max(_RIM * side, 1.5))
        if len(rim) < _FEWEST:  # turned away
            continue
        out = -np.stack([right[row, column], down[row, column]], 1)[rim]
        out /= np.linalg.norm(out, axis=1, keepdims=True) + 1e-9
        reach = (_EAR_REACH if is_ear else _SKULL_REACH) * side
        shift, is_skin = _crossing(picture, alpha, at[rim], out, hue, reach)
        told = np.isfinite(shift) & (is_skin if is_ear else shift < -_SLACK * side)
        if told.sum() >= (max(_ENOUGH * len(rim), _FEWEST) if is_ear else 1):
            moved = at[rim[told]] + shift[told, None] * out[told]
            found.append((vertex[rim[told]], moved, out[told]))
    if not found:
        return Outline.nothing()
    vertices, moved, across = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Outline(vertices, moved, across)


def _parts(head: OpenHead) -> tuple[tuple[NDArray[np.intp], bool], ...]:
    """The vertices of the left ear, of the right ear and of the skull, and whether they are an ear's."""
    outward, low, high = _EARS_DM
    x, y, _ = head.template.T
    is_skin = head.region == SKIN
    is_ear = is_skin & (y > low) & (y < high)
    ears = np.flatnonzero(is_ear & (x > outward)), np.flatnonzero(is_ear & (x < -outward))
    return (ears[0], True), (ears[1], True), (np.flatnonzero(is_skin & (y > high)), False)


def _crossing(
    picture: Rgb, alpha: Array, at: NDArray[np.float64], out: NDArray[np.float64], hue: Array, reach: float
) -> tuple[NDArray[np.float64], Mask]:
    """[n] pixels along `out` from each place to where the person ends, NaN where they do not; and whether in skin."""
    side = len(picture)
    steps = np.arange(-reach, reach + 1.0)
    x, y = ((at[:, k, None] + steps * out[:, k, None]).astype(np.float32) for k in (0, 1))
    along = cv2.remap(alpha, x - 0.5, y - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    ends = (along[:, :-1] >= 0.5) & (along[:, 1:] < 0.5)
    distance = np.where(ends, np.abs(steps[:-1]), np.inf)
    nearest = distance.argmin(1)
    rows = np.arange(len(at))
    before, after = along[rows, nearest], along[rows, nearest + 1]
    shift = steps[nearest] + (before - 0.5) / np.maximum(before - after, 1e-6)
    within = shift - _INWARD * side
    place = (at + within[:, None] * out).astype(np.float32)
    colour = cv2.remap(picture, place[:, :1] - 0.5, place[:, 1:] - 0.5, cv2.INTER_LINEAR)[:, 0].astype(np.float64)
    linear = (colour / 255.0) ** 2.2 + 1e-3
    off = np.log(linear) - np.log(np.maximum(hue, 1e-3))
    is_skin = (np.abs(off[:, [0, 2]] - off[:, 1:2]).max(1) < _SAME_HUE) & (off[:, 1] > np.log(_DARKEST))
    return np.where(np.isfinite(distance.min(1)), shift, np.nan), is_skin
