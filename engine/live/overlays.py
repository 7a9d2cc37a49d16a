"""Pictures over the portrait: pinned to the head, the shoulder or the screen, or thrown at the head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data import AnyCharacter, Array, Character, FlameParams
from ..face.anime_head import head_of
from ..face.head import CROWN, EYE_LEFT, EYE_RIGHT, SKULL, Shaped, open_head, skull_seat
from ..face.rasterizer import Camera
from ..rotation import rotation

Rgba = NDArray[np.uint8]  # [H,W,4]
Affine = NDArray[np.float64]  # [2,3] from shares of the portrait to shares of it, or to pixels

Anchor = Literal["head", "shoulder", "screen"]
MOST_THROWN = 24  # at a time; the oldest are dropped
_IN_FRONT_DM = 0.25  # of the eyes, where a head's pictures stand

FLIGHT_S = 0.45  # of a thrown picture, to the head
_FALL_S = 1.1  # and from there, out of the picture
_START = 0.75  # how far aside it starts, in sides
_ARC = 0.16  # how far above a straight line it flies
_BOUNCE = 0.35  # sides a second, back to where it came from
_GRAVITY = 1.9  # sides a second, each second
_SPIN_DEG = 540.0  # a second
_RECOIL_RAD = 0.13
_RECOIL_S = 0.4


@dataclass(frozen=True, eq=False)
class Sprite:
    """A picture to draw; keep one for each picture, so that it is prepared once."""

    picture: Rgba  # straight alpha


@dataclass(frozen=True, eq=False)
class Pinned:
    """A picture that stays on an anchor. Lengths are in sides of the portrait.

    On the head, x and y count from between the eyes of the resting face; on the shoulder from the portrait's middle; on
    the screen from the middle of the whole picture. x is to the right, y up.
    """

    sprite: Sprite
    anchor: Anchor = "head"
    x: float = 0.0
    y: float = 0.0
    width: float = 0.3
    turn_deg: float = 0.0  # clockwise
    is_behind: bool = False  # behind the portrait


@dataclass(frozen=True, eq=False)
class Thrown:
    """A picture that flies to the head and falls down from it."""

    sprite: Sprite
    began_ns: int
    side: int  # 1 from the picture's right, -1 from its left
    width: float = 0.14
    rise: float = 0.0  # how far above the middle it starts

    def is_over(self, now_ns: int) -> bool:
        return now_ns - self.began_ns > (FLIGHT_S + _FALL_S) * 1e9

    def place(self, target: tuple[float, float], now_ns: int) -> tuple[float, float, float]:
        """x, y (up, from the portrait's middle, in sides) and the turn in degrees, on its way to the target."""
        time_s = max(now_ns - self.began_ns, 0) / 1e9
        turn = -self.side * _SPIN_DEG * time_s
        if time_s < FLIGHT_S:
            share = time_s / FLIGHT_S
            x = (1.0 - share) * self.side * _START + share * target[0]
            y = (1.0 - share) * self.rise + share * target[1] + 4.0 * _ARC * share * (1.0 - share)
            return x, y, turn
        fallen_s = time_s - FLIGHT_S
        x = target[0] + self.side * _BOUNCE * fallen_s
        return x, target[1] + 0.3 * fallen_s - _GRAVITY * fallen_s * fallen_s, turn

    def recoil(self, now_ns: int) -> Array:
        """[3] how far the head gives way, as a rotation vector."""
        share = ((now_ns - self.began_ns) / 1e9 - FLIGHT_S) / _RECOIL_S
        if not 0.0 < share < 1.0:
            return np.zeros(3, np.float32)
        size = _RECOIL_RAD * math.sin(math.pi * share) * (1.0 - share) * 1.6
        return np.array([-0.3 * size, -self.side * size, self.side * 0.6 * size], np.float32)


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """The resting head of a character before our camera."""

    shaped: Shaped
    camera: Camera

    def pinned(self, params: FlameParams, x: float, y: float) -> Affine:
        """[2,3] from sides right and up of a point on the head to shares of the portrait, x right and y down.

        The point is x sides right of and y sides above the middle between the resting eyes.
        """
        eyes = self.shaped.anchor[[EYE_LEFT, EYE_RIGHT]].mean(0).astype(np.float64)
        crown = self.shaped.anchor[CROWN].astype(np.float64)
        front = eyes + np.array([0.0, 0.0, _IN_FRONT_DM])
        side_dm = 1.0 / self._sides_of_dm(front)
        # What stands above the eyes is on the skull and not before the face.
        up = float(np.clip(y * side_dm / max(crown[1] - eyes[1], 1e-3), 0.0, 1.0))
        depth = (1.0 - up) * front[2] + up * float(self.shaped.anchor[SKULL, 2])
        middle = np.array([eyes[0] + x * side_dm, eyes[1] + y * side_dm, depth])
        points = middle + np.array([[0.0, 0.0, 0.0], [side_dm, 0.0, 0.0], [0.0, side_dm, 0.0]]) * 0.1
        turn = rotation(params.neck_pose)
        posed = (points - self.shaped.anchor[SKULL]) @ turn.T + skull_seat(self.shaped, params.neck_pose)
        at = self.camera.project(posed.astype(np.float32), 1)[:, :2].astype(np.float64)
        return np.column_stack([(at[1] - at[0]) / 0.1, (at[2] - at[0]) / 0.1, at[0]])

    def _sides_of_dm(self, point: NDArray[np.float64]) -> float:
        """How many sides of the portrait one decimetre to the right takes at this point [3], in decimetres."""
        pair = np.stack([point, point + np.array([1.0, 0.0, 0.0])]).astype(np.float32)
        first, second = self.camera.project(pair, 1)[:, 0]
        return float(second - first)


@lru_cache(maxsize=8)
def head_frame(character: AnyCharacter) -> HeadFrame:
    """The head of this character; the mean head for one without."""
    if isinstance(character, Character):
        head = head_of(character)
        shaped = head.shaped(character.shape[: head.shape_size])
    else:
        shaped = open_head().shaped(np.zeros(open_head().shape_size, np.float32))
    return HeadFrame(shaped, Camera.framing(shaped))


def draw_pinned(
    canvas: Rgba, items: Sequence[Pinned], head: HeadFrame, params: FlameParams, to_canvas: Affine, side: int
) -> None:
    """Draws pictures over a premultiplied canvas, in place. `to_canvas` maps shares of the portrait to its pixels."""
    height, width = canvas.shape[:2]
    for item in items:
        if item.anchor == "head":
            local = _joined(to_canvas, head.pinned(params, item.x, item.y))
        elif item.anchor == "shoulder":
            local = _joined(to_canvas, np.array([[1.0, 0.0, 0.5 + item.x], [0.0, -1.0, 0.5 - item.y]]))
        else:
            local = np.array([[side, 0.0, width / 2 + item.x * side], [0.0, -side, height / 2 - item.y * side]])
        _draw(canvas, item.sprite, local, item.width, item.turn_deg)


def draw_thrown(
    canvas: Rgba, items: Sequence[Thrown], head: HeadFrame, params: FlameParams, to_canvas: Affine, now_ns: int
) -> None:
    """Draws flying pictures over a premultiplied canvas, in place."""
    at = head.pinned(params, 0.0, 0.02)[:, 2]
    for item in items:
        target = (float(at[0]) - 0.5 + 0.1 * item.side, 0.5 - float(at[1]))
        x, y, turn_deg = item.place(target, now_ns)
        local = _joined(to_canvas, np.array([[1.0, 0.0, 0.5 + x], [0.0, -1.0, 0.5 - y]]))
        _draw(canvas, item.sprite, local, item.width, turn_deg)


def _joined(outer: Affine, inner: Affine) -> Affine:
    """The map that applies `inner` first."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def _draw(canvas: Rgba, sprite: Sprite, local: Affine, width: float, turn_deg: float) -> None:
    """Draws a picture whose middle is the origin of `local`, in sides right and up; it is `width` sides wide."""
    rows, columns = sprite.picture.shape[:2]
    angle = math.radians(turn_deg)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    scale = width / columns
    matrix = local[:, :2] @ turn @ np.array([[scale, 0.0], [0.0, -scale]])
    middle = np.array([columns / 2, rows / 2])
    corners = (np.array([[0, 0], [columns, 0], [0, rows], [columns, rows]]) - middle) @ matrix.T + local[:, 2]
    low = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(0)).astype(int), canvas.shape[1::-1])
    if (high <= low).any():
        return
    shrink = 1.0 / max(float(np.sqrt(abs(np.linalg.det(matrix)))), 1e-3)
    picture, step = _reduced(sprite, 1 if shrink < 2.0 else 2 ** int(math.log2(shrink)))
    offset = local[:, 2] - low - matrix @ middle
    matrix = matrix * step
    offset += matrix @ (0.5, 0.5) - 0.5  # from corners of pixels to their centres
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    seen = cv2.warpAffine(picture, np.column_stack([matrix, offset]), size, flags=cv2.INTER_LINEAR)
    part = canvas[low[1] : high[1], low[0] : high[0]]
    left = cv2.bitwise_not(cv2.extractChannel(seen, 3))
    part[:] = cv2.add(seen, cv2.multiply(np.ascontiguousarray(part), cv2.merge([left] * 4), scale=1.0 / 255.0))


@lru_cache(maxsize=64)
def _reduced(sprite: Sprite, step: int) -> tuple[Rgba, int]:
    """The premultiplied picture, reduced by at most `step`, and by how much it is."""
    premultiplied = np.asarray(cv2.cvtColor(sprite.picture, cv2.COLOR_RGBA2mRGBA), np.uint8)
    rows, columns = premultiplied.shape[:2]
    step = max(min(step, rows // 2, columns // 2), 1)
    if step == 1:
        return premultiplied, 1
    whole = premultiplied[: rows // step * step, : columns // step * step]
    small = cv2.resize(whole, (columns // step, rows // step), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), step
