"""Normals of the open head, as pictures for the ControlNet: axes, colours, place and turn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.engine.arc2face.pose import PoseMapper
from omote.engine.data import FLAME_BASIS, FlameParams
from tests.arc2face.flat import flat_character

SIZE = 128
POINTS = flat_character("me", SIZE).points
NOSE, LEFT_CHEEK, RIGHT_CHEEK, FOREHEAD, CHIN = 4, 454, 234, 10, 152  # MediaPipe's points; left is the subject's


@pytest.fixture(scope="module")
def mapper() -> PoseMapper:
    return PoseMapper.of(POINTS, SIZE)


def around(picture: np.ndarray, point: int) -> np.ndarray:
    """[3] the mean colour around one of the points, a little towards the nose."""
    x, y = (POINTS[point] + 0.12 * (POINTS[NOSE] - POINTS[point])).round().astype(int)
    return np.asarray(picture[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).mean(0))


def test_red_is_right_green_is_up_blue_is_to_the_camera_on_grey(mapper: PoseMapper) -> None:
    picture = mapper.picture(FlameParams.neutral())
    assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.uint8
    assert (picture[0, 0] == 128).all()
    assert around(picture, LEFT_CHEEK)[0] > 170 > 90 > around(picture, RIGHT_CHEEK)[0]
    assert around(picture, FOREHEAD)[1] > 140 > 120 > around(picture, CHIN)[1]
    assert around(picture, FOREHEAD)[2] > 200


@pytest.mark.parametrize("basis", ["open", FLAME_BASIS])
def test_a_head_turned_to_its_left_shows_its_right_side(mapper: PoseMapper, basis: str) -> None:
    turned = replace(FlameParams.neutral(), neck_pose=np.array([0.0, np.radians(30.0), 0.0], np.float32), basis=basis)
    red = mapper.picture(turned)[..., 0].astype(float)
    rest = mapper.picture(FlameParams.neutral())[..., 0].astype(float)
    assert rest[rest != 128].mean() - red[red != 128].mean() > 8.0  # its right side faces the picture's left
