"""The open head moves as FLAME's does, and as the renderer that draws the training pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face.head import EYE, EYE_LEFT, JAW_OPEN_RAD, Shaped, open_head
from omote.engine.face.retarget import from_weights
from omote.engine.model.renderer import viewer_of
from omote.engine.testing.drawing import shipped_character

KIT = Path(__file__).resolve().parents[4] / "shared" / "kit"
HEAD = open_head()
REST = HEAD.shaped(np.zeros(HEAD.shape_size, np.float32))


def posed(**weights: float) -> np.ndarray:
    return HEAD.pose(REST, from_weights(arkit.weights(weights)))


def test_a_neutral_face_is_the_template() -> None:
    # The eyes are rotated by 0 about their centres, so the last bit of a float may differ.
    np.testing.assert_allclose(HEAD.pose(REST, FlameParams.neutral()), REST.vertex, atol=1e-6)


def test_the_jaw_pose_opens_the_mouth_as_far_as_the_unit() -> None:
    by_weight = posed(jawOpen=1.0)
    by_pose = HEAD.pose(REST, replace(FlameParams.neutral(), jaw_pose=np.array([JAW_OPEN_RAD, 0, 0], np.float32)))
    np.testing.assert_array_equal(by_weight, by_pose)
    chin = REST.vertex[:, 1].argsort()  # Below the mouth, vertices must go down.
    assert (by_weight - REST.vertex)[chin, 1].min() < -0.1


def test_a_left_blink_moves_the_left_side() -> None:
    moved = np.abs(posed(eyeBlinkLeft=1.0) - REST.vertex).max(1)
    # It also moves the skin across the bridge of the nose, but far less.
    assert moved[REST.vertex[:, 0] > 0].sum() > 5.0 * moved[REST.vertex[:, 0] < 0].sum()


@pytest.mark.parametrize("others", [{}, {"eyeSquintLeft": 0.8}, {"eyeWideLeft": 1.0}, {"eyeLookDownLeft": 0.6}])
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("width", [0.5, 1.0, 1.5])
def test_a_blink_closes_an_eye_of_any_width(width: float, side: int, others: dict[str, float]) -> None:
    """Eyes of half the width were once closed by half a blink, and the lids went on down the cheek."""
    rims = HEAD.lid_rims[side]

    def gap(shaped: Shaped, blink: float) -> float:
        """In blinks of the mean head; below 0 where the upper lid has gone past the lower."""
        named = {name if side == 0 else name.replace("Left", "Right"): weight for name, weight in others.items()}
        named["eyeBlinkLeft" if side == 0 else "eyeBlinkRight"] = blink
        vertex = HEAD.pose(shaped, from_weights(arkit.weights(named)))
        return float((vertex[rims.upper, 1] - vertex[rims.lower, 1]).mean()) / rims.closing

    moved = HEAD.shapedirs.reshape(HEAD.shape_size, -1, 3)[:, :, 1]
    widens = (moved[:, rims.upper] - moved[:, rims.lower]).mean(1) / rims.closing
    shape = widens * (width - rims.opening(HEAD.template)) / np.square(widens).sum()
    shaped = HEAD.shaped(shape.astype(np.float32))
    assert rims.opening(shaped.vertex) == pytest.approx(width, abs=0.01)
    assert gap(shaped, 1.0) == pytest.approx(0.0, abs=0.02)
    assert gap(shaped, 0.5) == pytest.approx(0.5 * max(gap(shaped, 0.0), 0.0), abs=0.02)


def test_eyeballs_stay_behind_closed_lids() -> None:
    """On this character with narrow eyes, the pupils once came through the lids."""
    character = shipped_character()
    viewer = viewer_of(character)
    closed = from_weights(arkit.weights({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}))
    eye = viewer.view(closed).geometry[7] > 0.5
    assert eye.sum() < 0.05 * (viewer.view(FlameParams.neutral()).geometry[7] > 0.5).sum()


def test_eyeballs_turn_about_their_centres_and_keep_their_size() -> None:
    rows = HEAD.eye_rows[0]
    turned = posed(eyeLookOutLeft=1.0)[rows] - REST.anchor[EYE_LEFT]
    still = REST.vertex[rows] - REST.anchor[EYE_LEFT]
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(still, axis=1), atol=1e-3)
    front = still[:, 2].argmax()
    assert turned[front, 0] > still[front, 0] + 0.03  # The pupil moves to the subject's left.


def test_a_head_turn_to_the_left_brings_the_nose_to_the_left_and_leaves_the_torso() -> None:
    turn = np.array([0.0, 0.4, 0.0], np.float32)
    vertex = HEAD.pose(REST, replace(FlameParams.neutral(), neck_pose=turn))
    nose = np.where(HEAD.region == EYE, -np.inf, REST.vertex[:, 2]).argmax()
    assert vertex[nose, 0] > REST.vertex[nose, 0] + 0.2
    torso = HEAD.skin_weight.sum(1) == 0.0
    assert torso.any()
    np.testing.assert_allclose(vertex[torso], REST.vertex[torso], atol=1e-6)


def test_another_basis_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r'"open", these parameters have "flame2020"'):
        HEAD.pose(REST, replace(FlameParams.neutral(), basis="flame2020"))


def test_a_shape_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[100\] coefficients, got \[7\]"):
        HEAD.shaped(np.zeros(7, np.float32))


@pytest.mark.slow
@pytest.mark.skipif(not KIT.is_dir(), reason="the face kit (shared/kit) is not here")
def test_the_posed_head_lies_on_the_renderers_to_a_fraction_of_a_millimetre() -> None:
    pytest.importorskip("numba")
    from omote.engine.training.faces import expression, figure, kit, person
    from omote.engine.training.faces.head import shape_of

    pack = kit.load(KIT)
    rng = np.random.default_rng(3)
    for seed in (5, 77):
        who = person.sample_person(pack, seed, is_even=True)  # like the people from whom the shapes were computed
        drawn = figure.Figure(pack, who)
        shaped = HEAD.shaped(shape_of(pack, who))
        weights, turn = expression.sample_expression(rng), expression.sample_head_rotation(rng)
        ours = HEAD.pose(shaped, from_weights(weights, None, turn))
        theirs = drawn.pose(weights, turn).vertex[: len(pack.position)]
        # Our skin vertices are copies of the kit's: each must lie on one of the renderer's.
        skin = ours[HEAD.region == 0][::40]
        away = np.linalg.norm(skin[:, None] - theirs[None], axis=2).min(1)
        assert np.median(away) < 0.005  # dm: half a millimetre; shape is cut to 100 components
        assert away.max() < 0.03
