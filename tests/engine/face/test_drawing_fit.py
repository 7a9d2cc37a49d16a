"""The anime head is fitted to the points of a drawn face: turn, expression and place."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import SHAPE_SIZE
from omote.engine.face.anime_head import anime_head
from omote.engine.face.drawing_fit import MIRRORED, NAMES, NEEDED, POINTS, fit_anime_head
from omote.engine.face.fitting import Similarity
from omote.engine.face.rasterizer import Camera
from omote.engine.face.retarget import from_weights

PLACE = Similarity(complex(700.0, 90.0), complex(-50.0, 40.0))


def points_of(weights: dict[str, float], yaw: float, noise_px: float = 0.0) -> dict[str, tuple[float, float]]:
    """The points of a random head in a picture at `PLACE`."""
    rng = np.random.default_rng(0)
    shape = np.zeros(SHAPE_SIZE, np.float32)
    shape[:20] = rng.normal(0.0, 1.0, 20)
    head = anime_head()
    shaped = head.shaped(shape)
    params = from_weights(arkit.weights(weights), None, np.array([0.0, yaw, 0.0], np.float32))
    marks = Camera.framing(shaped).project(head.landmarks(head.pose(shaped, params)), 1)[:, :2].astype(np.float64)
    at = PLACE.apply(marks)
    at += rng.normal(0.0, noise_px, at.shape)
    return {name: tuple(at[list(group)].mean(0)) for name, group in POINTS.items()}


@pytest.mark.parametrize("yaw_deg", [0.0, 20.0, -30.0])
def test_a_turned_head_is_found_where_it_is(yaw_deg: float) -> None:
    found = fit_anime_head(points_of({}, np.radians(yaw_deg), noise_px=1.0))
    assert found.residual < 0.01
    assert np.degrees(found.params.neck_pose[1]) == pytest.approx(yaw_deg, abs=4.0)
    assert found.place.scale == pytest.approx(PLACE.scale, rel=0.05)
    assert np.angle(found.place.turn / PLACE.turn) == pytest.approx(0.0, abs=0.03)


def test_a_closed_eye_is_told_from_an_open_one() -> None:
    weights = fit_anime_head(points_of({"eyeBlinkLeft": 1.0}, 0.0)).weights
    assert weights[arkit.INDEX["eyeBlinkLeft"]] > 0.6
    assert weights[arkit.INDEX["eyeBlinkRight"]] < 0.3


def test_the_needed_points_suffice() -> None:
    points = points_of({}, 0.0)
    assert fit_anime_head({name: points[name] for name in NEEDED}).residual < 0.01


def test_missing_and_unknown_points_are_named() -> None:
    points = points_of({}, 0.0)
    with pytest.raises(ValueError, match="missing: chin"):
        fit_anime_head({name: at for name, at in points.items() if name != "chin"})
    with pytest.raises(ValueError, match="unknown: tail"):
        fit_anime_head({**points, "tail": (1.0, 2.0)})
    with pytest.raises(ValueError, match="lie apart"):
        fit_anime_head(dict.fromkeys(NAMES, (5.0, 5.0)))


def test_a_mirror_changes_left_and_right_alone() -> None:
    for k, name in enumerate(NAMES):
        other = NAMES[MIRRORED[k]]
        assert NAMES[MIRRORED[MIRRORED[k]]] == name
        assert (other == name) == ("left" not in name and "right" not in name)
