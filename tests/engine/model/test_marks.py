"""Marks lie where the head carries them, and leave the rest of the picture as it is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from omote.engine.data import FlameParams
from omote.engine.face.correspondence import Viewer
from omote.engine.face.expressions import MARKS, marks
from omote.engine.face.head import EYE_LEFT, EYE_RIGHT
from omote.engine.model.marks import with_marks
from omote.engine.model.renderer import viewer_of
from omote.engine.testing.drawing import shipped_character

SIDE = 256


@cache
def head(name: str) -> Viewer:
    return viewer_of(shipped_character(name))


def blank(alpha: int = 255) -> np.ndarray:
    picture = np.full((SIDE, SIDE, 4), 120, np.uint8)
    picture[..., 3] = alpha
    return picture


def turned(yaw: float) -> FlameParams:
    return replace(FlameParams.neutral(), neck_pose=np.array([0.0, yaw, 0.0], np.float32))


def where(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """[n,2] columns and rows of what is another."""
    return np.argwhere((before != after).any(2))[:, ::-1]


@pytest.mark.parametrize("name", ["aoi", "hana"])
@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_is_seen_beside_the_eyes_and_nowhere_else(name: str, mark: str) -> None:
    viewer = head(name)
    changed = where(blank(), with_marks(blank(), viewer, FlameParams.neutral(), marks(mark)))
    assert 40 < len(changed) < 0.12 * SIDE**2
    eyes = viewer.camera.project(viewer.shaped.anchor[[EYE_LEFT, EYE_RIGHT]], SIDE)[:, :2]
    apart = np.linalg.norm(eyes[0] - eyes[1])
    away = np.linalg.norm(changed[:, None] - eyes, axis=2).min(1)
    assert away.max() < 1.4 * apart


def test_the_anger_mark_is_seen_on_hair_of_its_own_red() -> None:
    red = blank()
    red[..., :3] = (215, 30, 35)
    marked = with_marks(red, head("kuro"), FlameParams.neutral(), marks("anger"))
    assert (marked[..., 1] > 150).sum() > 40


def test_no_mark_leaves_the_same_picture() -> None:
    picture = blank()
    assert with_marks(picture, head("aoi"), FlameParams.neutral(), np.zeros(len(MARKS), np.float32)) is picture


def test_half_a_mark_changes_half_as_much() -> None:
    picture, viewer = blank(), head("aoi")
    whole, half = (
        with_marks(picture, viewer, FlameParams.neutral(), share * marks("blush")).astype(int) - picture
        for share in (1.0, 0.5)
    )
    np.testing.assert_allclose(half, whole / 2, atol=1.0)


def test_a_mark_goes_with_the_head_and_is_hidden_behind_it() -> None:
    viewer, picture = head("aoi"), blank()
    ahead, aside, away = (
        where(picture, with_marks(picture, viewer, turned(yaw), marks("sweat"))) for yaw in (0.0, 0.3, 1.5)
    )
    assert aside[:, 0].mean() > ahead[:, 0].mean() + 3
    assert len(away) == 0


def test_stars_go_where_an_eye_closes() -> None:
    viewer, picture = head("aoi"), blank()
    shut = replace(FlameParams.neutral(), eyelids=np.array([1.0, 0.0], np.float32))
    changed = where(picture, with_marks(picture, viewer, shut, marks("star_eyes")))
    assert (changed[:, 0] < SIDE / 2).all()  # the character's right eye is on the left of the picture


def test_blush_stays_on_the_figure_and_sweat_may_leave_it() -> None:
    viewer, nothing = head("aoi"), blank(0)
    assert (with_marks(nothing, viewer, FlameParams.neutral(), marks("blush"))[..., 3] == 0).all()
    assert with_marks(nothing, viewer, FlameParams.neutral(), marks("sweat"))[..., 3].max() > 200
