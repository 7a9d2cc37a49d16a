"""Attention over pictures: what their maps' pixels make tremble is averaged out along the way that the head moves.

Each pixel looks at the same place of the head in the pictures just before and after, and takes in what is like it, the
less the more it differs. Where each place lies in another picture is known and not guessed: faces are parameters. So a
movement of a single picture stays where it is, which an average of pixels that stand still would wash out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..data import Array, FlameParams
from ..face.correspondence import Viewer
from ..face.rasterizer import rasterize
from .pictures import Picture

ALIKE = 12.0  # levels of 255: neighbourhoods that differ by so much weigh a third
_CELLS = 32  # on a side, within which a movement is even
_FINE = 2 * _CELLS
_LARGE = 256  # pixels on a side, from which on the cells are so many


def attended(picture: Picture, others: Sequence[Picture], ways: Sequence[Array]) -> Picture:
    """The picture [S,S,4] where it has read the others, to which these `ways` lead; itself where there are none.

    Clothes stand still while the head moves: of the place of the head and that of the picture the one counts that is
    more alike.
    """
    if not others:
        return picture
    own = picture.astype(np.float32)
    change, weight = np.zeros_like(own), np.ones(picture.shape[:2], np.float32)
    for other, way in zip(others, ways, strict=True):
        along, here = _fetched(other, way) - own, other - own
        moved, stood = _square_around(along), _square_around(here)
        alike = np.exp(np.minimum(moved, stood) * np.float32(-1.0 / ALIKE**2))
        np.copyto(along, here, where=(stood <= moved)[..., None])
        along *= alike[..., None]
        change += along
        weight += alike
    change /= weight[..., None]
    change += own
    change += np.float32(0.5)
    levels: Picture = change.astype(np.uint8)
    return levels


def ways_to(viewer: Viewer, face: FlameParams, others: Sequence[FlameParams]) -> list[Array]:
    """[N,N,2] each: how far right and down, in pictures, nodes of a grid over this face's picture go to the others'.

    What is beside the head, as hair is, moves as what is nearest of it.
    """
    if not others:
        return []
    head, shaped = viewer.head, viewer.shaped
    screens = [viewer.camera.project(head.pose(shaped, one), _FINE) for one in (face, *others)]
    pixel, triangle, bary = rasterize(screens[0], np.asfortranarray(head.triangle, np.int64), _FINE)
    corner = head.triangle[triangle]

    def place(screen: Array) -> Array:
        return np.asarray((screen[corner, :2] * bary[..., None]).sum(1), np.float32)

    moved = np.concatenate([place(screen) - place(screens[0]) for screen in screens[1:]], 1) / np.float32(_FINE)
    field = _spread(pixel, moved.astype(np.float32))
    padded = np.pad(field, ((1, 1), (1, 1), (0, 0)), "edge")
    nodes = (padded[:-1:2, :-1:2] + padded[1::2, :-1:2] + padded[:-1:2, 1::2] + padded[1::2, 1::2]) / np.float32(4.0)
    return [nodes[..., 2 * k : 2 * k + 2] for k in range(len(others))]


def _spread(pixel: NDArray[np.integer], value: Array) -> Array:
    """[F,F,C] values of some pixels, and around them what the nearest have, mixed."""
    field: Array = np.zeros((_FINE, _FINE, value.shape[1]), np.float32)
    known: Array = np.zeros((_FINE, _FINE, 1), np.float32)
    row, column = np.divmod(pixel, _FINE)
    field[row, column], known[row, column] = value, 1.0
    while known.any() and not known.all():
        total, count = _nine(field * known), _nine(known)
        field = np.where(known > 0.0, field, total / np.maximum(count, 1.0))
        known = (count > 0.0).astype(np.float32)
    return field


def _nine(field: Array) -> Array:
    """The sum over each pixel and those around it; nothing is beyond the border."""
    padded = np.pad(field, ((1, 1), (1, 1), (0, 0)))
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:], np.float32)


def _square_around(apart: Array) -> Array:
    """[S,S] the mean square over each pixel, those around it, and its channels [S,S,4]."""
    padded = np.pad(np.einsum("yxc,yxc->yx", apart, apart), 1, "edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(36.0), np.float32)


def _fetched(picture: Picture, way: Array) -> Picture:
    """[S,S,4] each pixel from where the way leads; black where that is outside."""
    side = len(picture)
    coarser = 1 if side >= _LARGE else 2  # cells of a few pixels would take all the time
    count = _CELLS // coarser
    edge = np.round(np.linspace(0, side, count + 1)).astype(int)
    place = np.stack(np.meshgrid(edge, edge), 2) + way[::coarser, ::coarser] * np.float32(side)
    cells = [
        (
            (int(edge[x]), int(edge[y]), int(edge[x + 1]), int(edge[y + 1])),
            (*place[y, x], *place[y + 1, x], *place[y + 1, x + 1], *place[y, x + 1]),
        )
        for y in range(count)
        for x in range(count)
    ]
    # Not as RGBA, which Pillow would multiply and divide by alpha in 8 bits.
    image = Image.frombuffer("RGBX", (side, side), np.ascontiguousarray(picture).tobytes(), "raw", "RGBX", 0, 1)
    bent = image.transform(image.size, Image.Transform.MESH, cells, Image.Resampling.BICUBIC)
    return np.asarray(bent)
