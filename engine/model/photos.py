"""One to four photos of a person become reference pictures: in our framing, cut out, with pose and light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.engine.capture.photo import Photo
from omote.engine.face.framing import PhotoCamera
from omote.engine.face.head import OpenHead, Shaped, open_head
from omote.engine.face.maps import FOV_DEG, Camera, rasterise

Array = NDArray[np.float32]
Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]

SIDES = (256, 384, 512, 640, 768, 896, 1024)  # of reference pictures, in pixels
_GRID = 192  # pixels on a side of what tells how far the head is
_SMOOTH = 0.03  # standard deviation of the depth's blur, as a part of the picture's side


@dataclass(frozen=True)
class Rectified:
    """A photo as our camera would have shown it."""

    picture: Rgb  # [S,S,3]; beyond the photo's edge its last pixels again
    is_photo: Mask  # [S,S]
    depth: Array  # [G,G] dm towards the camera, from what our camera aims at; smooth, also beside the head


def side_for(camera: PhotoCamera, shaped: Shaped) -> int:
    """Pixels on a side of the reference picture that keeps what a photo shows."""
    half_dm = float(np.tan(np.radians(FOV_DEG) / 2.0)) / camera_nearness(shaped)
    wanted = abs(camera.turn) * 2.0 * half_dm
    return next((side for side in SIDES if side >= 0.95 * wanted), SIDES[-1])


def camera_nearness(shaped: Shaped) -> float:
    """1 / dm: one over the distance of our camera from what it aims at."""
    ours = Camera.framing(shaped)
    return 1.0 / float(ours.eye[2] - ours.aim[2])


def rectified(photo: Rgb, camera: PhotoCamera, shaped: Shaped, posed: Array, side: int) -> Rectified:
    """The photo as our camera would have shown this posed head [N,3].

    What is nearer to the photo's camera than the face looks larger there; each pixel is fetched from where the surface
    that ours sees lies in the photo.
    """
    depth = smooth_depth(shaped, posed, open_head(), _GRID)
    near = camera_nearness(shaped)
    large = cv2.resize(depth, (side, side), interpolation=cv2.INTER_LINEAR)
    step = (np.arange(side, dtype=np.float32) + 0.5) / side * 2.0 - 1.0
    half = np.float32(np.tan(np.radians(FOV_DEG) / 2.0) / near)
    ratio = half * (1.0 - near * large) / (1.0 - camera.nearness * large)
    x, down = ratio * step[None, :], ratio * step[:, None]
    # The picture's x + iy is turn * (X - iY) + move, and Y is -down.
    turn, move = camera.turn, camera.move
    at_x = turn.real * x - turn.imag * down + move.real
    at_y = turn.imag * x + turn.real * down + move.imag
    height, width = photo.shape[:2]
    is_photo = (at_x >= 0.0) & (at_x <= width) & (at_y >= 0.0) & (at_y <= height)
    # What shrinks is averaged first, because the interpolation looks at no more than four pixels a side.
    shrink = min(side / (2.0 * float(half)) / abs(turn), 1.0)
    if shrink < 0.9:
        size = (max(round(width * shrink), 1), max(round(height * shrink), 1))
        photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        at_x, at_y = at_x * (size[0] / width), at_y * (size[1] / height)
    picture = cv2.remap(
        photo, at_x.astype(np.float32) - 0.5, at_y.astype(np.float32) - 0.5, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return Rectified(picture, is_photo, depth)


def smooth_depth(shaped: Shaped, posed: Array, head: OpenHead, grid: int) -> Array:
    """[G,G] dm by which what our camera sees lies before what it aims at; beside the head it goes on smoothly."""
    ours = Camera.framing(shaped)
    screen = ours.project(posed, grid)
    pixel, triangle, bary = rasterise(screen, head.triangle.astype(np.int64), grid)
    depth = np.zeros(grid * grid, np.float32)
    weight = np.zeros(grid * grid, np.float32)
    depth[pixel] = np.einsum("nk,nk->n", posed[head.triangle[triangle], 2], bary) - ours.aim[2]
    weight[pixel] = 1.0
    filled = spread(depth.reshape(grid, grid), weight.reshape(grid, grid))
    sigma = _SMOOTH * grid
    return np.asarray(cv2.GaussianBlur(filled, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def spread(value: Array, weight: Array) -> Array:
    """[G,G] the values where they have weight, and elsewhere what is near them (push-pull)."""
    if min(value.shape) <= 2:
        total = float(weight.sum())
        return np.full_like(value, float((value * weight).sum()) / total if total > 0.0 else 0.0)
    half = (-(-value.shape[1] // 2), -(-value.shape[0] // 2))
    small = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    summed = cv2.resize(value * weight, half, interpolation=cv2.INTER_AREA)
    below = spread(summed / np.maximum(small, 1e-6), np.minimum(small * 4.0, 1.0))
    coarse = cv2.resize(below, value.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(value * weight + coarse * (1.0 - weight), np.float32)
