"""One picture follows the head: its face as the surface does, without a fold or a gap, and its torso not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.engine.data import FlameParams
from omote.engine.face.anime_head import anime_head
from omote.engine.face.correspondence import GRID, Viewer
from omote.engine.face.head import open_head
from omote.engine.face.picture_warp import PictureWarp

REST = FlameParams.neutral()
CELL = 2.0 / GRID
TURNS = [(0.0, 0.3, 0.0), (0.0, -0.35, 0.0), (0.25, 0.0, 0.0), (-0.25, 0.0, 0.0), (0.1, 0.2, 0.3)]


def turned(pitch: float, yaw: float, roll: float) -> FlameParams:
    return replace(REST, neck_pose=np.array([pitch, yaw, roll], np.float32))


@pytest.fixture(scope="module", params=["open", "anime"])
def viewer(request: pytest.FixtureRequest) -> Viewer:
    head = open_head() if request.param == "open" else anime_head()
    shaped = head.shaped(np.zeros(head.shape_size, np.float32))
    covered = np.isfinite(Viewer(shaped, head).view(REST).depth).reshape(GRID, GRID)
    wide = np.array([np.convolve(row, np.ones(17), "same") > 0 for row in covered])  # hair on both sides
    return Viewer(shaped, head).with_hair(REST, wide.astype(np.float32))


@pytest.fixture(scope="module")
def warp(viewer: Viewer) -> PictureWarp:
    return PictureWarp(viewer, viewer.view(REST), REST)


def own_places() -> np.ndarray:
    line = (np.arange(GRID) + 0.5) * CELL - 1.0
    return np.stack(np.meshgrid(line, line), -1)


def test_the_face_of_the_picture_lies_where_it_is(viewer: Viewer, warp: PictureWarp) -> None:
    assert np.abs(warp.place(viewer.view(REST), REST) - own_places()).max() < 0.02 * CELL


@pytest.mark.parametrize("turn", TURNS)
def test_no_part_of_the_picture_folds(viewer: Viewer, warp: PictureWarp, turn: tuple[float, float, float]) -> None:
    place = warp.place(viewer.view(turned(*turn)), turned(*turn)).astype(float)
    along, down = np.gradient(place, axis=1) / CELL, np.gradient(place, axis=0) / CELL
    area = along[..., 0] * down[..., 1] - along[..., 1] * down[..., 0]
    is_inside = np.abs(place).max(-1) < 1.0 - 2.0 * CELL  # beyond, the picture's border goes on
    assert is_inside.mean() > 0.8
    assert area[is_inside].min() > 0.0
    assert area.min() > -1e-6


@pytest.mark.parametrize("turn", TURNS)
def test_the_middle_of_the_face_moves_as_its_surface_does(
    viewer: Viewer, warp: PictureWarp, turn: tuple[float, float, float]
) -> None:
    view = viewer.view(turned(*turn))
    shown = viewer.correspondence(view, [viewer.view(REST)])
    is_squarely_seen = (shown.trust[0, 0] > 0.5) & (shown.trust[0, 1] > 0.95) & (viewer.zones(view).max(0) > 0.5)
    away = np.linalg.norm(warp.place(view, turned(*turn)) - shown.place[0], axis=-1)[is_squarely_seen]
    assert is_squarely_seen.sum() > 200
    assert np.median(away) < CELL


@pytest.mark.parametrize("turn", TURNS)
def test_the_torso_stays(viewer: Viewer, warp: PictureWarp, turn: tuple[float, float, float]) -> None:
    moved = warp.place(viewer.view(turned(*turn)), turned(*turn)) - own_places()
    assert np.abs(moved[-4:]).max() < 0.25 * CELL


def test_hair_keeps_its_outline_when_the_head_turns(viewer: Viewer, warp: PictureWarp) -> None:
    moved = warp.place(viewer.view(turned(0.0, 0.3, 0.0)), turned(0.0, 0.3, 0.0)) - own_places()
    middle = moved[int(viewer.nose_row) - 24, GRID // 2 - 4 : GRID // 2 + 4, 0].mean()
    edge = moved[int(viewer.nose_row) - 24, [12, -13], 0]
    assert np.abs(edge).max() < 0.45 * abs(middle)
    assert edge.std() < 1.5 * CELL  # little foreshortening
