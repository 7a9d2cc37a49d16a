"""Where a chin or a nose lies before what is behind it: places at full resolution, where the grid would fray."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .correspondence import GRID, View, Viewer
from .maps import rasterise

Array = NDArray[np.float32]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

_JUMP = 1.5  # cells by which neighbours must be copied from farther apart than they lie for an edge to be between them


class Edges(NamedTuple):
    """Pixels beside edges."""

    pixel: Index  # [n] flat numbers
    place: Array  # [K,n,2] where they lie in the references: x right, y down, -1 to 1
    is_known: Mask  # [K,n] whether that is so; elsewhere the grid's own place serves


def edges(viewer: Viewer, wanted: View, references: Sequence[View], place: Array, size: int) -> Edges | None:
    """Of a picture of `size` pixels on a side whose cells lie at `place` [K,128,128,2]; None where nothing jumps."""
    beside = _beside_edges(place)
    if not beside.any():
        return None
    step = size // GRID
    corner = np.clip(wanted.screen[:, :2], 0, GRID - 1).astype(np.int64)
    near = cv2.dilate(beside.view(np.uint8), np.ones((3, 3), np.uint8)).ravel().view(np.bool_)
    at_vertex = near.take(corner[:, 1] * GRID + corner[:, 0])
    at_vertex[len(viewer.shaped.vertex) :] = True  # the hair's triangles are larger than a cell
    a, b, c = at_vertex.take(viewer.triangle.T)
    drawn = np.flatnonzero(a | b | c)
    screen = wanted.screen * np.array([step, step, 1.0], np.float32)
    pixel, number, weight = rasterise(screen, np.asfortranarray(viewer.triangle.take(drawn, 0)), size)
    band = np.asarray(cv2.resize(beside.view(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST)).ravel()
    chosen = np.flatnonzero(band.take(pixel))
    pixel = pixel.take(chosen)
    found = viewer.found(wanted, references, drawn.take(number.take(chosen)), weight.take(chosen, 0))
    on_head = np.stack([found.column, found.row], -1) * np.float32(2.0 / GRID) - np.float32(1.0)
    # What is beside the head goes on as the grid's cells beside it do, not as those on it.
    band[pixel] = 0
    rest = np.flatnonzero(band)
    is_empty = np.isinf(wanted.depth.reshape(GRID, GRID)).astype(np.float32)
    around = np.stack([sampled(np.dstack([one * is_empty[..., None], is_empty]), rest, size) for one in place])
    share = around[..., 2:]
    return Edges(
        np.concatenate([pixel, rest]),
        np.concatenate([on_head, around[..., :2] / np.maximum(share, np.float32(1e-3))], 1),
        np.concatenate([found.is_known, share[..., 0] > 1e-2], 1),
    )


def sampled(cells: Array, pixel: Index, size: int) -> Array:
    """[n,C] what a grid [128,128,C] is at these pixels of a picture, straight between the cells."""
    scale = np.float32(GRID / size)
    rows = -(-max(len(pixel), 1) // _LINE)
    at = np.zeros((2, rows * _LINE), np.float32)
    at[0, : len(pixel)], at[1, : len(pixel)] = pixel % size, pixel // size
    column, row = ((at + np.float32(0.5)) * scale - np.float32(0.5)).reshape(2, rows, _LINE)
    found = cv2.remap(cells, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(rows * _LINE, -1)[: len(pixel)], np.float32)


_LINE = 1024  # pixels that are sampled in a row


def _beside_edges(place: Array) -> Mask:
    """[128,128] the cells on both sides of an edge."""
    found = np.zeros((GRID, GRID), np.bool_)
    cell = np.float32(2.0 / GRID)
    for one in place:
        x, y = cv2.split(one)
        right = np.abs(x[:, 1:] - x[:, :-1] - cell) + np.abs(y[:, 1:] - y[:, :-1]) > _JUMP * cell
        down = np.abs(x[1:] - x[:-1]) + np.abs(y[1:] - y[:-1] - cell) > _JUMP * cell
        found[:, 1:] |= right
        found[:, :-1] |= right
        found[1:] |= down
        found[:-1] |= down
    return found
