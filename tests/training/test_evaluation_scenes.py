"""What is drawn to be judged is what it says, and what is read back is told apart rightly."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.take import Take
from omote.engine.face.gaze import gaze_from_weights
from omote.engine.face.memory import TURN_NOISE_RAD, WEIGHT_NOISE
from omote.engine.training.evaluation import bands, scenes, subjects
from omote.engine.training.evaluation.subjects import EvaluationError
from omote.engine.training.faces.expression import sample_expression

readback = pytest.importorskip("omote.engine.training.evaluation.readback", exc_type=ImportError)


def test_varied_shots_are_the_same_each_time_and_none_of_training() -> None:
    first, second = scenes.varied(6), scenes.varied(6)
    np.testing.assert_array_equal(first.weights(), second.weights())
    assert len({shot.weights.tobytes() for shot in first.shots}) == 6
    # A data set draws picture k of person p with the seed [set, p, k].
    trained = {
        sample_expression(np.random.default_rng([data_set, person, k])).tobytes()
        for data_set in (11, 21)
        for person in range(6)
        for k in range(10)
    }
    assert not trained & {shot.weights.tobytes() for shot in first.shots}


def test_more_varied_shots_begin_with_the_same_ones() -> None:
    np.testing.assert_array_equal(scenes.varied(8).weights()[:3], scenes.varied(3).weights())


def test_each_sweep_moves_its_own_shapes_alone_from_rest_to_full_and_back() -> None:
    rows = scenes.sweeps().weights().reshape(len(scenes.SWEPT), -1, arkit.COUNT)
    for (_, names), sweep in zip(scenes.SWEPT, rows, strict=True):
        moved = {arkit.NAMES[k] for k in np.flatnonzero(sweep.max(0) > 0)}
        assert moved == set(names)
        assert sweep.max() > 0.95
        np.testing.assert_allclose(sweep[[0, -1]], 0.0, atol=1e-6)


def test_a_trembling_control_trembles_as_much_as_it_says() -> None:
    scene = scenes.trembling(200)
    weights, turns = scene.weights(), np.stack([shot.head_rotation for shot in scene.shots])
    held = weights[:, arkit.INDEX["mouthSmileLeft"]]
    assert held.std() == pytest.approx(WEIGHT_NOISE, rel=0.15)  # 200 samples: 5 % of chance, thrice
    assert turns.std() == pytest.approx(TURN_NOISE_RAD, rel=0.15)
    assert weights.min() >= 0.0


def test_all_shots_can_be_drawn_by_renderer_and_network() -> None:
    everything = (scenes.rest(), scenes.varied(5), scenes.expressions(), scenes.turns(), scenes.lights())
    for scene in (*everything, scenes.performance(10), scenes.trembling(4), scenes.still(3)):
        for shot in scene.shots:
            assert shot.weights.shape == (52,)
            assert 0.0 <= shot.weights.min() <= shot.weights.max() <= 1.0
            assert shot.params().neck_pose == pytest.approx(shot.head_rotation)
            assert np.isfinite(shot.light.harmonics()).all()


def test_a_take_is_cut_where_most_happens_and_looks_where_its_gaze_says() -> None:
    count = 40
    weights, gaze = np.zeros((count, 52), np.float32), np.zeros((count, 2, 2), np.float32)
    weights[25:31, arkit.INDEX["jawOpen"]] = (0.2, 0.6, 1.0, 0.7, 0.3, 0.1)
    gaze[:, :, 1] = 0.26
    still = np.zeros((count, 3), np.float32)
    take = Take(30.0, np.arange(count) / 30.0, weights, still, still, gaze, np.ones(count, np.float32))
    scene = scenes.of_take("mine", take, 8)
    assert scene.name == "take mine"
    assert scene.weights()[:, arkit.INDEX["jawOpen"]].max() == 1.0
    np.testing.assert_allclose(gaze_from_weights(scene.weights()[0])[:, 1], 0.26, atol=1e-6)
    assert len(scenes.of_take("mine", take, 99)) == count


def test_correlation_is_one_for_the_same_and_minus_one_for_the_opposite() -> None:
    rise = np.linspace(0, 1, 9)
    assert readback.correlation(rise, 3 * rise + 1) == pytest.approx(1.0)
    assert readback.correlation(rise, -rise) == pytest.approx(-1.0)
    assert readback.correlation(rise, np.ones(9)) == 0.0


def test_a_reading_tells_a_shape_that_is_followed_from_one_that_is_not() -> None:
    asked = scenes.sweeps().weights()
    deaf = asked.copy()
    deaf[:, arkit.INDEX["jawOpen"]] = 0.0
    found = {reading.name: reading for reading in readback.sweep_readings(asked, deaf, asked)}
    assert found["jawOpen"].ours == 0.0
    assert found["jawOpen"].truth == pytest.approx(1.0)
    assert found["jawOpen"].share == 0.0
    assert found["mouthSmile"].share == pytest.approx(1.0)


def test_what_the_tracker_cannot_read_off_the_truth_has_no_share() -> None:
    assert np.isnan(readback.Reading("mouthPucker", 0.1, 0.05).share)
    assert readback.Reading("jawOpen", 0.3, 0.6).share == pytest.approx(0.5)


def test_readings_without_truth_say_so() -> None:
    asked = scenes.varied(12).weights()
    found = {reading.name: reading for reading in readback.readings(asked, asked, None)}
    assert found["gaze yaw"].ours == pytest.approx(1.0)
    assert np.isnan(found["gaze yaw"].truth)
    assert np.isnan(found["gaze yaw"].share)


def test_a_tracker_that_looks_the_other_way_is_read_as_the_opposite() -> None:
    asked = scenes.varied(12).weights()
    mirrored = asked.copy()
    for left, right in (("eyeLookInLeft", "eyeLookOutLeft"), ("eyeLookInRight", "eyeLookOutRight")):
        a, b = arkit.INDEX[left], arkit.INDEX[right]
        mirrored[:, [a, b]] = asked[:, [b, a]]
    found = {reading.name: reading for reading in readback.readings(asked, mirrored, asked)}
    assert found["gaze yaw"].ours == pytest.approx(-1.0)
    assert found["gaze pitch"].ours == pytest.approx(1.0)


def test_misread_is_the_mean_difference() -> None:
    assert readback.misread(np.full((2, 52), 0.5, np.float32), np.full((2, 52), 0.25, np.float32)) == 0.25


def test_people_are_named_by_data_set_and_numbers() -> None:
    assert subjects.read_people("21:0-2,7") == tuple(21 * 1_000_003 + k for k in (0, 1, 2, 7))


@pytest.mark.parametrize("text", ["21", "21:", "x:3", "21:3-", "21:1;2", "-1:3"])
def test_people_that_are_not_so_named_are_refused(text: str) -> None:
    with pytest.raises(EvaluationError, match="21:0-15"):
        subjects.read_people(text)


def test_people_counted_backwards_are_refused() -> None:
    with pytest.raises(EvaluationError, match="names nobody"):
        subjects.read_people("21:5-3")


def test_words_put_a_person_into_bands() -> None:
    words = {"tone": "5.10", "age": "0.40", "hair": "teal", "style": "long curly", "sex": "female", "iris": "brown"}
    assert bands.bands_of(words) == (
        ("skin tone", "dark (Monk 6-8)"),
        ("age", "older"),
        ("hair colour", "fantasy"),
        ("hair style", "curls"),
        ("sex", "female"),
    )
    assert bands.bands_of({}) == ()


@pytest.mark.parametrize(
    ("shade", "band"), [("black", "dark"), ("ginger", "fair"), ("white", "grey"), ("bald", "bald")]
)
def test_hair_has_the_band_of_its_shade(shade: str, band: str) -> None:
    assert bands.hair_colour(shade) == band
