"""View interpolation: where a head that is turned between two references lies in either, by their optical flow.

Hair, ears and clothes are not the posed head's own surface. If it carries them, silhouettes fray and the strands of two
references miss each other. So references that are turned differently are matched once, picture against picture (Chen
and Williams 1993), and the head serves for all that is not a turn from one to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data import FlameParams
from ..face.correspondence import GRID, View, Viewer

Array = NDArray[np.float32]
Bytes = NDArray[np.uint8]

SIDE = 256  # pixels on a side of the pictures that are matched
_SMOOTH = 10.0  # pixels: flow begins with what the head says, so much smoothed
_COVERED = 0.45  # of the levels tell what is covered, the rest how bright it is
_BRIGHTNESS = (0.3, 0.55, 0.15)
STEPS = 64  # from one reference to the next at which a turned head is kept ready
_ROUNDS = 10  # of the fixed point that turns a flow around, once
_LIVE_ROUNDS = 4  # in a picture
_BEYOND = 0.3  # of the way between two references that motion is continued beyond the last
_ALIKE_RAD = 0.03  # references that are turned less apart are turned alike


@dataclass(frozen=True)
class Pair:
    """Two references that lie side by side, and how the picture moves from each to the other."""

    first: int
    second: int
    flow: tuple[Array, Array]  # [128,128,2] cells, from the first to the second and back

    @classmethod
    def of(cls, viewer: Viewer, views: Sequence[View], rgba: Sequence[Bytes], first: int, second: int) -> Pair:
        """About 30 ms."""
        (place,) = viewer.correspondence(views[first], [views[second]]).place
        told = (_enlarged(place) + np.float32(1.0)) * np.float32(SIDE / 2) - np.float32(0.5) - _centres(SIDE)
        flow = cv2.GaussianBlur(told, (0, 0), _SMOOTH)
        matcher = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        matcher.setFinestScale(0)
        found = matcher.calc(_levels(rgba[first]), _levels(rgba[second]), flow)
        there = cv2.resize(found, (GRID, GRID), interpolation=cv2.INTER_AREA) * np.float32(GRID / SIDE)
        return cls(first, second, (there, -_sampled(there, _origin(there, 1.0, _ROUNDS))))

    def places(self, step: int) -> tuple[Array, Array]:
        """[128,128,2] where the cells of a head turned so far lie in the first reference and in the second, -1 to 1."""
        first, second = self.flow
        part = step / STEPS
        return _placed(_origin(first, part, _LIVE_ROUNDS)), _placed(_origin(second, 1.0 - part, _LIVE_ROUNDS))


class Turned(NamedTuple):
    """A head turned some of the way from one reference to another."""

    pair: int  # its number
    step: int  # of STEPS: 0 as the first, STEPS as the second

    def params(self, first: FlameParams, second: FlameParams) -> FlameParams:
        """The first reference's face, turned so far."""
        turn = first.neck_pose + np.float32(self.step / STEPS) * (second.neck_pose - first.neck_pose)
        return replace(first, neck_pose=turn)


def pairs_of(
    viewer: Viewer, views: Sequence[View], rgba: Sequence[Bytes], turns: Array, is_matched: NDArray[np.bool_]
) -> tuple[Pair, ...]:
    """Of the references that may be matched, those that lie side by side by their turns [R,3]: the Gabriel graph."""
    plain, beside = [int(k) for k in np.flatnonzero(is_matched)], []
    for number, first in enumerate(plain):
        for second in plain[number + 1 :]:
            middle, reach = 0.5 * (turns[first] + turns[second]), 0.5 * np.linalg.norm(turns[first] - turns[second])
            others = [turns[k] for k in plain if k not in (first, second)]
            if reach > _ALIKE_RAD and all(np.linalg.norm(other - middle) > reach for other in others):
                beside.append((first, second))
    with ThreadPoolExecutor() as pool:
        return tuple(pool.map(lambda pair: Pair.of(viewer, views, rgba, *pair), beside))


def turned(pairs: Sequence[Pair], turns: Array, turn: Array) -> Turned | None:
    """Between which references a head that is turned like this [3] lies; None where none lie side by side."""
    if not pairs:
        return None
    ends = np.array([[turns[pair.first], turns[pair.second]] for pair in pairs])
    along = ends[:, 1] - ends[:, 0]
    part = np.einsum("nk,nk->n", turn - ends[:, 0], along) / np.einsum("nk,nk->n", along, along)
    away = np.linalg.norm(turn - ends[:, 0] - np.clip(part, 0.0, 1.0)[:, None] * along, axis=1)
    best = int(away.argmin())
    return Turned(best, round(float(np.clip(part[best], -_BEYOND, 1.0 + _BEYOND)) * STEPS))


def moved(places: Array, at: Array) -> Array:
    """[...,2] what places [128,128,2] are at places [...,2]."""
    rows = -(-max(at.size // 2, 1) // GRID)
    flat = np.zeros((rows * GRID, 2), np.float32)
    flat[: at.size // 2] = at.reshape(-1, 2)
    cells = (flat.reshape(rows, GRID, 2) + np.float32(1.0)) * np.float32(GRID / 2) - np.float32(0.5)
    found = _sampled(places, cells)
    return found.reshape(-1, 2)[: at.size // 2].reshape(at.shape)


def _levels(rgba: Bytes) -> Bytes:
    """[SIDE,SIDE] what is matched: drawn lines, and where the picture ends."""
    small = cv2.resize(rgba, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    bright = small[..., :3] @ np.array(_BRIGHTNESS, np.float32)
    return np.asarray(small[..., 3] * (np.float32(_COVERED) + bright * np.float32((1.0 - _COVERED) / 255.0)), np.uint8)


def _origin(flow: Array, part: float, rounds: int) -> Array:
    """[128,128,2] the cell that comes to lie in each cell when all have gone this part of their flow."""
    centres = _centres(GRID)
    at = centres - np.float32(part) * flow
    for _ in range(rounds):
        at = np.float32(0.5) * (at + centres - np.float32(part) * _sampled(flow, at))
    return at


def _placed(cells: Array) -> Array:
    return np.asarray((cells + np.float32(0.5)) * np.float32(2.0 / GRID) - np.float32(1.0), np.float32)


def _sampled(cells: Array, at: Array) -> Array:
    found = cv2.remap(cells, np.asarray(at, np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def _enlarged(place: Array) -> Array:
    return np.asarray(cv2.resize(place, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.float32)


@cache
def _centres(side: int) -> Array:
    """[side,side,2] column and row of each cell's middle, counted from the first's."""
    line = np.arange(side, dtype=np.float32)
    return np.stack(np.meshgrid(line, line), -1)
