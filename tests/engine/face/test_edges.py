"""Beside an edge each pixel's own place is known as a grid as fine as the picture would say it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.engine.data import FlameParams
from omote.engine.face.correspondence import GRID, View, Viewer
from omote.engine.face.head import open_head
from omote.engine.model.compositing import edge_pixels, sampled_grid

HEAD = open_head()
SHAPED = HEAD.shaped(np.zeros(HEAD.shape_size, np.float32))
SIZE = 512


def turned(yaw: float) -> FlameParams:
    return replace(FlameParams.neutral(), neck_pose=np.array([0.1, yaw, 0.0], np.float32))


def at_grid(grid: int) -> tuple[Viewer, View, list[View], np.ndarray]:
    viewer = Viewer(SHAPED, HEAD, grid)
    wanted, references = viewer.view(turned(0.4)), [viewer.view(turned(yaw)) for yaw in (0.0, 0.7)]
    return viewer, wanted, references, viewer.correspondence(wanted, references).place


def test_places_are_those_of_a_grid_as_fine_as_the_picture() -> None:
    viewer, wanted, references, place = at_grid(GRID)
    _, finely, _, fine = at_grid(SIZE)
    found = edge_pixels(viewer, wanted, references, place, SIZE)
    assert found is not None
    assert 1000 < len(found.pixel) < 0.3 * SIZE * SIZE
    assert len(np.unique(found.pixel)) == len(found.pixel)
    on_head = np.isfinite(finely.depth[found.pixel])
    true = fine.reshape(len(fine), -1, 2)[:, found.pixel]
    coarse = np.stack([sampled_grid(one, found.pixel, SIZE) for one in place])
    known = found.is_known & on_head
    ours, grids = (np.linalg.norm(one - true, axis=-1)[known] for one in (found.place, coarse))
    pixel = 2.0 / SIZE
    assert np.quantile(ours, 0.8) < 0.1 * pixel
    assert np.mean(ours > pixel) < 0.5 * np.mean(grids > pixel)


def test_what_is_beside_the_head_goes_on_as_the_cells_beside_it() -> None:
    viewer, wanted, references, place = at_grid(GRID)
    found = edge_pixels(viewer, wanted, references, place, SIZE)
    assert found is not None
    empty = np.isinf(wanted.depth).reshape(GRID, GRID)
    cell = (found.pixel // SIZE * GRID // SIZE) * GRID + found.pixel % SIZE * GRID // SIZE
    _, finely, _, _ = at_grid(SIZE)
    alone = empty.ravel()[cell] & np.isinf(finely.depth[found.pixel]) & found.is_known[0]
    near = place[0].reshape(-1, 2)[cell[alone]]
    assert alone.sum() > 100
    assert np.abs(found.place[0, alone] - near).max() < 3.0 * 2.0 / GRID


def test_a_face_as_in_its_reference_has_no_edges() -> None:
    viewer = Viewer(SHAPED, HEAD)
    view = viewer.view(turned(0.2))
    assert edge_pixels(viewer, view, [view], viewer.correspondence(view, [view]).place, SIZE) is None


@pytest.mark.parametrize("size", [256, 512])
def test_cells_are_sampled_straight_between_their_middles(size: int) -> None:
    centre = (np.arange(GRID, dtype=np.float32) + 0.5) * (size / GRID)
    cells = np.dstack(np.meshgrid(centre, centre))
    pixel = np.array([size * size // 2 + size // 3, size * 40 + 17])
    expected = np.stack([pixel % size + 0.5, pixel // size + 0.5], 1)
    np.testing.assert_allclose(sampled_grid(cells, pixel, size), expected, atol=size / 1024)
