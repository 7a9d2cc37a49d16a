"""Reads the tongue and puffed cheeks from a camera's picture, which MediaPipe does not, with a small network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import Array

Rgb = NDArray[np.uint8]

FILE = Path(__file__).with_name("mouth_shapes.onnx")
NAMES = ("tongueOut", "cheekPuff")
SIDE = 64  # pixels of the crop that the network sees
EYES_AND_NOSE = (33, 263, 2)  # MediaPipe's outer corners of the right and left eye, and the middle of the nose's base
_DOWN, _HALF = 0.38, 0.72  # of the crop's middle below the nose, and half its side, in face sizes
_NOSE = 1.55  # the eyes' distance over the height from them to the nose, of a face from the front
# Below the first score a shape is not there at all, at the second it is fully. Of held-out rendered pictures without
# it, made worse as by a bad camera, none scores above the first for the tongue, and fewer than 1 % for cheeks.
_RANGE = np.array([(0.65, 0.85), (0.55, 0.85)], np.float32)


class MouthReader:
    """Reads one picture at a time, in less than a millisecond."""

    def __init__(self, file: Path = FILE) -> None:
        self._net = cv2.dnn.readNetFromONNX(str(file))

    def scores(self, crop: Rgb) -> Array:
        """[N] how sure the network is of each of `NAMES` in a crop [S,S,3] of `crop_mouth`, 0 to 1."""
        self._net.setInput(crop.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255.0))
        return np.asarray(self._net.forward()[0], np.float32)

    def added(self, weights: Array, crop: Rgb) -> Array:
        """[52] the weights with the shapes that this crop shows."""
        low, high = _RANGE.T
        found = np.clip((self.scores(crop) - low) / (high - low), 0.0, 1.0)
        out = weights.copy()
        for name, value in zip(NAMES, found, strict=True):
            out[arkit.INDEX[name]] = max(float(out[arkit.INDEX[name]]), float(value))
        return out


def crop_mouth(rgb: Rgb, points: NDArray[np.floating], side: int = SIDE, margin: float = 1.0) -> Rgb:
    """[side,side,3] the lower face, upright and always as large.

    `points` [3,2] are the outer corners of the right and the left eye and the middle of the nose's base, in pixels. A
    `margin` above 1 shows more around it. What lies outside the picture is grey.
    """
    eye_right, eye_left, nose = np.asarray(points, np.float64)
    across = eye_left - eye_right
    width = float(np.linalg.norm(across))
    across /= max(width, 1e-6)
    down = np.array([-across[1], across[0]])
    height = float((nose - (eye_left + eye_right) / 2) @ down)
    size = max(width, _NOSE * height, 1.0)  # either is short where a head is turned
    middle = nose + _DOWN * size * down
    scale = side / (2.0 * _HALF * margin * size)
    shrink = max(int(0.7 / scale), 1)
    if shrink > 1:  # a near face is reduced first, so that no pixel is skipped
        reach = int(np.ceil(1.5 * _HALF * margin * size)) + shrink
        x, y = (int(value) for value in np.floor(middle))
        top, left = max(y - reach, 0), max(x - reach, 0)
        part = rgb[top : max(y + reach, top + 1), left : max(x + reach, left + 1)]
        if part.size:
            rows, columns = max(part.shape[0] // shrink, 1), max(part.shape[1] // shrink, 1)
            rgb = np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
            middle = (middle - (left, top)) * (columns / part.shape[1], rows / part.shape[0])
            scale *= shrink
    turn = scale * np.stack([across, down])
    matrix = np.column_stack([turn, side / 2 - turn @ middle])
    return np.asarray(cv2.warpAffine(rgb, matrix, (side, side), borderValue=(127, 127, 127)), np.uint8)
