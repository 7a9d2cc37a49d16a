"""The anime head: a drawn character's face in the open head's layout, posed by the same FlameParams."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import OPEN_BASIS, SHAPE_SIZE, Array, Character, FlameParams
from .head import Index, OpenHead, Shaped, open_head
from .retarget import DRIVEN, UNITS, to_weights

FILE = Path(__file__).with_name("anime_head.npz")
# The lattice on which the warp of a character's face is known: x from left to right, y upward, dm.
LATTICE_X = (-1.14, 1.14)
LATTICE_Y = (12.90, 14.94)
LATTICE_STEP = 0.06
COLUMNS = round((LATTICE_X[1] - LATTICE_X[0]) / LATTICE_STEP) + 1
ROWS = round((LATTICE_Y[1] - LATTICE_Y[0]) / LATTICE_STEP) + 1
_SIDES = ("Left", "Right")
_JAW_HALVES = ("mouthFunnel", *(f"{name}{side}" for name in ("mouthUpperUp", "mouthLowerDown") for side in _SIDES))


@dataclass(frozen=True)
class MixedWeights:
    """ARKit weights after the corrections for combinations."""

    weights: Array  # [52] of the linear shapes
    shut: float  # how far the movement of the lips by an open jaw is undone
    grin: tuple[float, float]  # left, right: how far a closed eye bends up


def mix_weights(weights: Array) -> MixedWeights:
    """Corrects combinations: a blink closes a wide eye, mouthClose closes an open jaw's lips, a smile bends a blink."""
    raw = np.clip(np.asarray(weights, np.float32), 0.0, 1.0)
    mixed, at = raw.copy(), arkit.INDEX
    grin = []
    for side in _SIDES:
        closed = float(raw[at[f"eyeBlink{side}"]])
        for name in ("eyeWide", "eyeSquint", "cheekSquint"):
            mixed[at[name + side]] *= 1.0 - closed
        mixed[at[f"eyeLookDown{side}"]] *= 1.0 - 0.6 * closed
        lifted = max(float(raw[at[f"mouthSmile{side}"]]), float(raw[at[f"cheekSquint{side}"]]))
        grin.append(closed * min(1.4 * lifted, 1.0))
    opened = float(raw[at["jawOpen"]])
    for name in _JAW_HALVES:
        mixed[at[name]] *= 1.0 - 0.5 * opened
    return MixedWeights(mixed, opened * float(raw[at["mouthClose"]]), (grin[0], grin[1]))


@dataclass(frozen=True)
class AnimeShaped(Shaped):
    """The head of one character at rest, and the warp of its face, through which expressions move."""

    warp: Array  # [ROWS,COLUMNS,2] dm to the left and up


@dataclass(frozen=True)
class AnimeHead(OpenHead):
    """`OpenHead`'s layout, with expressions in the open basis, and the corrections of a drawn face."""

    canonical: Array  # [N,3] dm: the corresponding point of the open head's template
    rest: Array  # [N,3] dm: where expressions start, before a character's warp
    units: Array  # [52,N*3] dm at weight 1, ARKit order
    lips: Array  # [N*3] dm: the movement of the lips by jawOpen
    grin: Array  # [2,N*3] dm: from a closed to a laughing left and right eye
    warp: Array  # [ROWS*COLUMNS*2] dm, the mean warp
    warp_shapedirs: Array  # [S,ROWS*COLUMNS*2]
    landmark_row: Index  # [70,3] vertices around each landmark: the 68-point set, then left and right iris
    landmark_weight: Array  # [70,3]

    def shaped(self, shape: Array) -> AnimeShaped:
        """The head with these [S] shape coefficients; ValueError on another length."""
        plain = super().shaped(shape)
        warp = (self.warp + shape @ self.warp_shapedirs).reshape(ROWS, COLUMNS, 2)
        return AnimeShaped(plain.vertex, plain.anchor, warp)

    def pose(self, shaped: Shaped, params: FlameParams) -> Array:
        """[N,3] dm: the head with this face; ValueError if `params` are in another basis.

        Expressions move the unwarped face and are then warped, as in the renderer of the training pictures. A plain
        `Shaped` uses the mean warp.
        """
        if params.basis != OPEN_BASIS:
            raise ValueError(f'the anime head needs the basis "{OPEN_BASIS}", these parameters have "{params.basis}"')
        moved = self.moved(to_weights(params))
        vertex = shaped.vertex + moved
        rows = np.flatnonzero(np.abs(moved).max(1) > 1e-5)
        warp = shaped.warp if isinstance(shaped, AnimeShaped) else self.warp.reshape(ROWS, COLUMNS, 2)
        start = self.rest[rows]
        vertex[rows, :2] += _sampled(warp, start + moved[rows]) - _sampled(warp, start)
        return self._skinned(vertex, shaped, params.neck_pose)

    def moved(self, weights: Array) -> Array:
        """[N,3] dm by which [52] ARKit weights move the unwarped head."""
        mixed = mix_weights(weights)
        used = np.flatnonzero(mixed.weights)
        moved = mixed.weights[used] @ self.units[used] - np.float32(mixed.shut) * self.lips
        for amount, grin in zip(mixed.grin, self.grin, strict=True):
            if amount > 0.0:
                moved += np.float32(amount) * grin
        return np.asarray(moved.reshape(-1, 3), np.float32)

    def landmarks(self, vertex: Array) -> Array:
        """[70,3] dm: the 68-point set, then left and right iris, of a posed head [N,3]."""
        return np.asarray((vertex[self.landmark_row] * self.landmark_weight[..., None]).sum(1), np.float32)


def _sampled(warp: Array, point: Array) -> Array:
    """[n,2] the warp at points [n,3], bilinear; beyond the lattice that of its border."""
    x = np.clip((point[:, 0] - LATTICE_X[0]) / LATTICE_STEP, 0.0, COLUMNS - 1.001)
    y = np.clip((point[:, 1] - LATTICE_Y[0]) / LATTICE_STEP, 0.0, ROWS - 1.001)
    column, row = x.astype(np.int64), y.astype(np.int64)
    fx, fy = (x - column)[:, None], (y - row)[:, None]
    lower = warp[row, column] * (1.0 - fx) + warp[row, column + 1] * fx
    upper = warp[row + 1, column] * (1.0 - fx) + warp[row + 1, column + 1] * fx
    return np.asarray(lower * (1.0 - fy) + upper * fy, np.float32)


def lattice() -> Array:
    """[ROWS*COLUMNS,3] the points of the lattice, in front of the face."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS] * LATTICE_STEP
    return np.stack([x + LATTICE_X[0], y + LATTICE_Y[0], np.full_like(x, 0.9)], -1).reshape(-1, 3).astype(np.float32)


def _padded(rows: NDArray[np.floating]) -> Array:
    """The rows, with zeros below up to `SHAPE_SIZE` rows."""
    full = np.zeros((SHAPE_SIZE, rows.shape[1]), np.float32)
    full[: len(rows)] = rows
    return full


@cache
def anime_head() -> AnimeHead:
    """The shipped head; read once."""
    to_expression = open_head().unit_to_expression
    with np.load(FILE, allow_pickle=False) as data:
        units = data["units"].astype(np.float32)
        names = (
            "template",
            "anchor",
            "skin_weight",
            "uv",
            "canonical",
            "rest",
            "lips",
            "grin",
            "warp",
            "landmark_weight",
        )
        first, second, end = (int(k) for k in data["eye_rows"])
        linear = units[[arkit.INDEX[name] for name in UNITS]]
        return AnimeHead(
            **{name: data[name].astype(np.float32) for name in names},
            shapedirs=_padded(data["shapedirs"]),
            anchor_shapedirs=_padded(data["anchor_shapedirs"]),
            exprdirs=np.linalg.solve(to_expression, linear).astype(np.float32),
            drivendirs=units[[arkit.INDEX[name] for name in DRIVEN]],
            unit_to_expression=to_expression,
            triangle=data["triangle"].astype(np.int32),
            region=data["region"],
            eye_rows=(slice(first, second), slice(second, end)),
            units=units,
            warp_shapedirs=_padded(data["warp_shapedirs"]),
            landmark_row=data["landmark_row"].astype(np.int32),
        )


def head_of(character: Character) -> OpenHead:
    """The head that poses this character: the anime head for a drawn one, else the open head."""
    return anime_head() if character.head == "anime" else open_head()
