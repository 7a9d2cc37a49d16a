"""The solved map is the one from which the synthetic FLAME file was made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.calibration.flame_file import FlameFile
from omote.calibration.flame_map import FittedMap, fit, jaw_moved, jaw_turn, solve
from omote.calibration.registration import Registration, RegistrationError, open_face
from omote.engine.arc2face.vectors import STAND_IN_NEUTRAL, vector_of
from omote.engine.face.retarget import UNITS, from_weights
from omote.engine.rotation import rotation

from .flame_like import FlameLike

Wide = NDArray[np.float64]
SOLVED = tuple(name for name in UNITS if name != "tongueOut")  # FLAME has no tongue


@pytest.fixture(scope="module")
def fitted(flame: FlameFile, registration: Registration) -> FittedMap:
    return solve(flame, open_face(), registration)


def rows(truth: FlameLike) -> NDArray[np.int64]:
    return np.flatnonzero(truth.is_skin)


def test_each_shape_moves_the_skin_as_it_truly_does(fitted: FittedMap, flame: FlameFile, truth: FlameLike) -> None:
    # A smile moves the corner of the mouth by 18 mm. Half a millimetre is what the noise of the ridge allows for, and
    # a tenth of the mesh's edges; single vertices at lips and lids may lie on the wrong side of a fold.
    at = [arkit.INDEX[name] for name in SOLVED]
    found = np.tensordot(fitted.map.expression[at].astype(np.float64), flame.expressiondirs, 1)[:, truth.is_skin]
    missed_mm = 1000.0 * np.linalg.norm(found - truth.units[at][:, truth.is_skin], axis=2)
    assert np.percentile(missed_mm, 95, axis=1).max() < 0.6
    assert missed_mm.max() < 2.5


def test_coefficients_are_the_true_ones(fitted: FittedMap, truth: FlameLike) -> None:
    # Each truth is a vector of length 2. Shapes that move nearly the same places (dimples, stretches and frowns) can
    # be distinguished only as well as the faces are registered: the error is 0.4 overall, and 0.9 for mouthClose alone.
    at = [arkit.INDEX[name] for name in SOLVED]
    true = truth.coefficients[[UNITS.index(name) for name in SOLVED]]
    np.testing.assert_allclose(np.linalg.norm(true, axis=1), 2.0, atol=1e-9)
    missed = np.linalg.norm(fitted.map.expression[at] - true, axis=1)
    assert np.sqrt((missed**2).mean()) < 0.5
    assert missed.max() < 1.0


@pytest.mark.parametrize(("name", "row", "axis"), [("jawOpen", 0, 0), ("jawLeft", 1, 1), ("jawRight", 2, 1)])
def test_the_jaw_turns_as_far_as_a_search_of_all_angles_says(
    name: str, row: int, axis: int, fitted: FittedMap, flame: FlameFile, truth: FlameLike
) -> None:
    # An independent answer: the angle at which the true movement is missed least, found by trying them all. It counts
    # vertices otherwise (by how much they follow the jaw once, not twice), hence the two degrees.
    true = truth.units[arkit.INDEX[name]][truth.is_skin]
    angles = np.linspace(-0.7, 0.7, 281)
    turns = np.where(np.arange(3) == axis, angles[:, None], 0.0)
    missed = [((jaw_moved(flame, rows(truth), turn) - true) ** 2).sum() for turn in turns]
    assert fitted.map.jaw_rad[row] == pytest.approx(angles[int(np.argmin(missed))], abs=0.035)


def test_the_jaw_opens_by_a_positive_angle_and_left_is_a_positive_one(fitted: FittedMap) -> None:
    opened, left, right = fitted.map.jaw_rad
    assert 0.2 < opened < 0.6 and 0.05 < left < 0.2 and right == pytest.approx(-left, abs=0.01)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("angle", [-0.3, 0.1, 0.4])
def test_a_turn_of_the_jaw_is_found_again_exactly(flame: FlameFile, axis: int, angle: float) -> None:
    jaw = np.flatnonzero(flame.skin_weight[:, 2] > 0.99)  # wholly the jaw's, so that blending bends nothing
    turn = np.where(np.arange(3) == axis, angle, 0.0)
    found = jaw_turn(flame, jaw, jaw_moved(flame, jaw, turn), np.ones(len(jaw)), axis)
    assert found == pytest.approx(angle, abs=1e-12)


def test_the_jaw_moves_the_mesh_as_skinning_with_corrections_does(flame: FlameFile) -> None:
    rng = np.random.default_rng(0)
    corrected = replace(flame, posedirs=rng.normal(0.0, 0.001, (36, *flame.template.shape)))
    turn = np.array([0.3, 0.1, 0.0])
    matrix = rotation(turn)
    shape = flame.template + np.tensordot((matrix - np.eye(3)).ravel(), corrected.posedirs[9:18], 1)
    turned = (shape - flame.joints[2]) @ matrix.T + flame.joints[2]
    weight = flame.skin_weight[:, 2:3]
    expected = weight * turned + (1.0 - weight) * shape - flame.template
    np.testing.assert_allclose(jaw_moved(corrected, np.arange(len(shape)), turn), expected, atol=1e-12)


def test_eyes_and_lids_are_pinned_to_what_moves_them(fitted: FittedMap) -> None:
    for name in arkit.NAMES:
        if name.startswith(("eyeBlink", "eyeLook", "tongueOut")):
            assert not fitted.map.expression[arkit.INDEX[name]].any(), name
            assert np.isnan(fitted.map.explained[arkit.INDEX[name]]), name
    weights = arkit.weights({"eyeBlinkLeft": 0.5, "eyeLookDownRight": 1.0})
    found = fitted.map.flame(from_weights(weights))
    np.testing.assert_array_equal(found.eyelids, [0.5, 0.0])
    assert found.eye_pose[1, 0] > 0.0 and not found.expression.any()


def test_shapes_that_the_file_can_make_are_explained(fitted: FittedMap) -> None:
    at = [arkit.INDEX[name] for name in SOLVED]
    assert fitted.map.explained[at].min() > 0.9 and fitted.total > 0.95 and not fitted.weak


def test_shapes_that_the_file_cannot_make_are_weak(
    flame: FlameFile, registration: Registration, fitted: FittedMap
) -> None:
    half = flame.expressiondirs.copy()
    half[4:] = 0.0  # four directions are left for 38 shapes
    poor = solve(replace(flame, expressiondirs=half), open_face(), registration)
    assert poor.total < fitted.total
    assert {"mouthSmileLeft", "browInnerUp"} & set(poor.weak)
    assert not {"jawOpen", "eyeBlinkLeft"} & set(poor.weak)  # the jaw and the lids are still there


def test_a_file_without_expressions_gives_none(flame: FlameFile, registration: Registration) -> None:
    still = replace(flame, expressiondirs=np.zeros_like(flame.expressiondirs))
    nothing = solve(still, open_face(), registration)
    assert not nothing.map.expression.any() and nothing.map.jaw_rad[0] > 0.2


def test_a_file_is_laid_out_and_solved_the_same_each_time(flame: FlameFile, fitted: FittedMap) -> None:
    np.testing.assert_array_equal(fit(flame).map.expression, fitted.map.expression)


def test_a_jaw_joint_in_front_of_the_face_is_none(flame: FlameFile, registration: Registration) -> None:
    joints = flame.joints.copy()
    joints[2] += (0.0, 0.0, 0.2)
    with pytest.raises(RegistrationError, match="its third joint is no jaw"):
        solve(replace(flame, joints=joints), open_face(), registration)


def test_a_smile_reaches_the_adapter(fitted: FittedMap, flame: FlameFile, truth: FlameLike) -> None:
    params = from_weights(arkit.weights({"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}))
    adapter = (vector_of(params, STAND_IN_NEUTRAL, fitted.map.flame) - STAND_IN_NEUTRAL)[:50]
    true = sum(truth.units[arkit.INDEX[f"mouthSmile{side}"]] for side in ("Left", "Right"))
    found = np.tensordot(adapter.astype(np.float64), flame.expressiondirs, 1)
    assert 1.0 - ((found - true)[truth.is_skin] ** 2).sum() / (true**2).sum() > 0.98
