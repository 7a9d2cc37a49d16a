"""Brings a photo's face to where a network was trained to see it: the recogniser's frame, and the portrait's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..data import Array
from ..face.fitting import Similarity, frame_photo

Rgb = NDArray[np.uint8]  # [H,W,3]
Wide = NDArray[np.float64]

# Of MediaPipe's 478 points; right and left are the subject's, so that the right eye is on the picture's left.
_RIGHT_IRIS, _LEFT_IRIS, _NOSE_TIP, _RIGHT_MOUTH, _LEFT_MOUTH = 468, 473, 1, 61, 291
_FIVE = [_RIGHT_IRIS, _LEFT_IRIS, _NOSE_TIP, _RIGHT_MOUTH, _LEFT_MOUTH]
_RIGHT_LIDS = [33, 160, 158, 133, 153, 144]
_LEFT_LIDS = [362, 385, 387, 263, 373, 380]

RECOGNISER_SIDE = 112
# Where ArcFace was trained to see the five points, counted from the middle of a pixel; ours count from its corner.
_TEMPLATE = 0.5 + np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
# How FFHQ (Karras et al., arXiv 1812.04948) cuts a face out: a square whose half side is the larger of these.
_EYES_TO_HALF, _MOUTH_TO_HALF, _DOWN = 2.0, 1.8, 0.1


def for_recogniser(picture: Rgb, points: Array) -> Rgb:
    """[112,112,3] the face whose MediaPipe points [478,2] these are, as ArcFace is shown it; grey beyond the photo."""
    return frame_photo(picture, recogniser_crop(points), RECOGNISER_SIDE).picture


def recogniser_crop(points: Array) -> Similarity:
    """What brings the face to where ArcFace was trained to see it."""
    return Similarity.between(points[_FIVE].astype(np.float64), _TEMPLATE)


def portrait_crop(points: Array, side: int) -> Similarity:
    """What brings the face into a square of `side` pixels as FFHQ's are cut, which Arc2Face was trained on."""
    wide = points.astype(np.float64)
    right, left = wide[_RIGHT_LIDS].mean(0), wide[_LEFT_LIDS].mean(0)
    eyes, across = (right + left) / 2.0, left - right
    down = (wide[_RIGHT_MOUTH] + wide[_LEFT_MOUTH]) / 2.0 - eyes
    axis = across - np.array([-down[1], down[0]])  # to the picture's right; the mouth has its say in the tilt
    half = max(_EYES_TO_HALF * np.hypot(*across), _MOUTH_TO_HALF * np.hypot(*down))
    x = axis / np.hypot(*axis) * half
    y, middle = np.array([-x[1], x[0]]), eyes + _DOWN * down
    corners = np.stack([middle - x - y, middle + x - y, middle + x + y, middle - x + y])
    return Similarity.between(corners, side * np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))


def portrait(picture: Rgb, points: Array, side: int) -> Rgb:
    """[S,S,3] the face cut out so; what lies beyond the photo is its mirror image."""
    onto = portrait_crop(points, side)
    corners = onto.inverse().apply(side * np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))
    height, width = picture.shape[:2]
    before = np.maximum(np.ceil(1.0 - corners.min(0)), 0.0).astype(int)
    after = np.maximum(np.ceil(corners.max(0) + 1.0 - (width, height)), 0.0).astype(int)
    wider = np.pad(picture, ((before[1], after[1]), (before[0], after[0]), (0, 0)), "symmetric")
    moved = Similarity(onto.turn, onto.move - onto.turn * complex(*before))
    return frame_photo(wider, moved, side).picture


def moved_points(points: Array, similarity: Similarity) -> Array:
    """[478,2] where the points go."""
    return similarity.apply(points.astype(np.float64)).astype(np.float32)
