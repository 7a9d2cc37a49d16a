"""The anime head: the open head's layout, posed by the same parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import FLAME_BASIS, FlameParams
from omote.engine.face.anime_head import LATTICE_STEP, anime_head, lattice, mix_weights
from omote.engine.face.head import CHIN, CROWN, EYE, MOUTH, open_head
from omote.engine.face.rasterizer import GeometryMapper
from omote.engine.face.retarget import from_weights

HEAD = anime_head()
MEAN = HEAD.shaped(np.zeros(HEAD.shape_size, np.float32))


def _moved(**named: float) -> np.ndarray:
    params = from_weights(arkit.weights(named))
    return np.asarray(HEAD.pose(MEAN, params) - MEAN.vertex)


def test_it_has_the_open_heads_layout() -> None:
    vertices, other = len(HEAD.template), open_head()
    assert HEAD.shapedirs.shape == (other.shape_size, vertices * 3)
    assert HEAD.exprdirs.shape == (len(other.exprdirs), vertices * 3)
    assert HEAD.drivendirs.shape == (len(other.drivendirs), vertices * 3)
    assert HEAD.triangle.max() < vertices
    assert set(np.unique(HEAD.region)) == {0, EYE, MOUTH}
    assert (HEAD.region[HEAD.eye_rows[0].start : HEAD.eye_rows[1].stop] == EYE).all()


def test_a_face_at_rest_is_the_shaped_head() -> None:
    np.testing.assert_allclose(HEAD.pose(MEAN, FlameParams.neutral()), MEAN.vertex, atol=1e-6)


def test_expressions_in_the_open_basis_are_its_own_units() -> None:
    # A raised brow is linear, so the pose without the warp is the unit itself.
    params = from_weights(arkit.weights({"browOuterUpLeft": 0.5}))
    linear = params.expression[: len(HEAD.exprdirs)] @ HEAD.exprdirs
    np.testing.assert_allclose(linear, 0.5 * HEAD.units[arkit.INDEX["browOuterUpLeft"]], atol=1e-4)


def test_parameters_in_another_basis_are_refused() -> None:
    with pytest.raises(ValueError, match="needs the basis"):
        HEAD.pose(MEAN, replace(FlameParams.neutral(), basis=FLAME_BASIS))


def test_a_look_moves_the_iris_sideways() -> None:
    left = HEAD.eye_rows[0]
    moved = _moved(eyeLookOutLeft=1.0)[left]
    assert moved[:, 0].max() > 0.05  # dm, to the subject's left
    right = _moved(eyeLookOutLeft=1.0)[HEAD.eye_rows[1]]
    assert np.abs(right).max() < 0.01


def test_a_blink_brings_the_lids_together() -> None:
    def gap(**named: float) -> float:
        point = HEAD.landmarks(HEAD.pose(MEAN, from_weights(arkit.weights(named))))
        return float(np.abs(point[[43, 44], 1] - point[[47, 46], 1]).max())  # of the subject's left eye

    assert gap() > 0.2
    assert gap(eyeBlinkLeft=1.0) < 0.02


def test_a_smile_bends_a_closed_eye_upward() -> None:
    def middle(**named: float) -> float:
        point = HEAD.landmarks(HEAD.pose(MEAN, from_weights(arkit.weights(named))))
        return float(point[[43, 44], 1].mean() - point[[42, 45], 1].mean())

    assert middle(eyeBlinkLeft=1.0) < -0.03
    assert middle(eyeBlinkLeft=1.0, mouthSmileLeft=1.0) > 0.05


def test_mouth_close_takes_back_what_an_open_jaw_does_to_the_lips() -> None:
    def gap(**named: float) -> float:
        point = HEAD.landmarks(HEAD.pose(MEAN, from_weights(arkit.weights(named))))
        return float(point[62, 1] - point[66, 1])

    assert gap(jawOpen=1.0) > 0.1
    assert gap(jawOpen=1.0, mouthClose=1.0) < 0.03


def test_mixed_weights_leave_a_single_shape_alone() -> None:
    for name in arkit.NAMES:
        mixed = mix_weights(arkit.weights({name: 0.7}))
        np.testing.assert_array_equal(mixed.weights, arkit.weights({name: 0.7}))
        assert mixed.shut == 0.0
        assert mixed.grin == (0.0, 0.0)


def test_a_wider_eye_closes_as_tightly() -> None:
    # Expressions go through the warp: lids meet whatever the shape of the eye.
    shape = np.zeros(HEAD.shape_size, np.float32)
    shape[:4] = (1.5, -1.5, 1.0, 1.0)
    shaped = HEAD.shaped(shape)
    open_eye, closed_eye = (
        HEAD.landmarks(HEAD.pose(shaped, from_weights(arkit.weights({"eyeBlinkLeft": weight}))))
        for weight in (0.0, 1.0)
    )
    before, after = (np.abs(p[[43, 44], 1] - p[[47, 46], 1]).max() for p in (open_eye, closed_eye))
    assert after < 0.1 * before


def test_the_lattice_covers_the_face() -> None:
    point = lattice()
    face = HEAD.rest[(HEAD.rest[:, 2] > 0.6) & (HEAD.rest[:, 1] > 13.0)]
    assert point[:, 0].max() >= np.abs(face[:, 0]).max() - LATTICE_STEP
    assert point[:, 1].min() <= face[:, 1].min()


def test_the_maps_say_where_on_the_open_head_a_pixel_lies() -> None:
    maps = GeometryMapper(MEAN, HEAD).draw(FlameParams.neutral())
    covered = maps[6] > 0.0
    assert 0.3 < covered.mean() < 0.8
    # The nose tip of both heads is at the same canonical height.
    own, other = (head.canonical if head is HEAD else head.template for head in (HEAD, open_head()))
    assert abs(own[own[:, 2].argmax(), 1] - other[other[:, 2].argmax(), 1]) < 0.1
    assert np.abs(maps[:3, covered]).max() < 1.2
    assert MEAN.anchor[CROWN, 1] > MEAN.anchor[CHIN, 1]
