"""What the papers measure, on input whose answer is known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.nouns import Array
from omote.engine.training.evaluation import appearance, expression, frechet, identity, scenes
from omote.engine.training.evaluation.drawing import Drawn, face_mask
from omote.engine.training.evaluation.frechet import Cloud
from omote.engine.training.evaluation.looking import Seen
from omote.engine.training.evaluation.portrayal import pooled, portrayal

Wide = NDArray[np.float64]
SIDE = 16


def turned(degrees: float) -> Wide:
    """[2] a unit vector, so far from the first axis."""
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])


def test_the_cosine_is_that_of_the_angle_whatever_the_lengths() -> None:
    found = identity.cosines(np.stack([3.0 * turned(0), turned(60)]), np.stack([0.5 * turned(0), turned(90)]))
    np.testing.assert_allclose(found, [[1.0, 0.0], [0.5, np.sqrt(0.75)]], atol=1e-12)


def test_the_spread_is_one_less_the_mean_cosine_of_all_pairs() -> None:
    three = np.stack([turned(0), turned(60), turned(120)])  # pairs at 60, 60 and 120 degrees
    assert identity.spread(three) == pytest.approx(1.0 - (0.5 + 0.5 - 0.5) / 3.0)
    assert identity.spread(np.stack([turned(20), 4.0 * turned(20)])) == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(identity.spread(three[:1]))


def test_every_weight_that_a_tracker_sees_is_in_one_region() -> None:
    columns = [k for _, part in expression.REGIONS for k in part]
    assert sorted(columns) == [k for k, name in enumerate(arkit.NAMES) if name not in expression.UNSEEN]


def test_an_expression_error_is_the_mean_absolute_miss_by_region() -> None:
    asked = np.stack([arkit.weights({"jawOpen": 0.8}), arkit.weights({"jawOpen": 0.4, "tongueOut": 1.0})])
    read = np.stack([arkit.weights({"jawOpen": 0.4, "browInnerUp": 0.5}), arkit.weights({"jawOpen": 0.4})])
    found = expression.expression_error(asked, read, arkit.weights({}))
    assert found.whole == pytest.approx((0.4 + 0.5) / (2 * 51))
    by_region = dict(found.regions)
    assert by_region["jaw"] == pytest.approx(0.4 / (2 * 4))
    assert by_region["brows"] == pytest.approx(0.5 / (2 * 5))
    assert by_region["mouth"] == by_region["gaze"] == by_region["eyelids"] == 0.0


def test_what_a_tracker_reads_at_rest_already_is_no_error_of_the_change() -> None:
    at_rest = arkit.weights({"eyeSquintLeft": 0.51, "mouthSmileLeft": 0.51})
    asked = arkit.weights({"jawOpen": 0.5})
    found = expression.expression_error(asked[None], (asked + at_rest)[None], at_rest)
    assert found.whole == pytest.approx(2 * 0.51 / 51)
    assert found.change == pytest.approx(0.0, abs=1e-7)
    assert np.isnan(expression.expression_error(asked[None][:0], asked[None][:0], at_rest).whole)


def test_the_frechet_distance_of_moved_gaussians_is_the_squared_way() -> None:
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    moved = frechet.frechet(Cloud(np.zeros(2), covariance), Cloud(np.array([3.0, 4.0]), covariance))
    assert moved == pytest.approx(25.0)
    assert frechet.frechet(Cloud(np.ones(2), covariance), Cloud(np.ones(2), covariance)) == pytest.approx(0.0, abs=1e-9)


def test_the_frechet_distance_of_wider_gaussians_is_that_of_their_deviations() -> None:
    # Along each axis (s_a - s_b)^2: (1 - 3)^2 + (2 - 2)^2 + (5 - 1)^2.
    a, b = np.diag([1.0, 4.0, 25.0]), np.diag([9.0, 4.0, 1.0])
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    for basis in (np.eye(3), turn):
        found = frechet.frechet(Cloud(np.zeros(3), basis @ a @ basis.T), Cloud(np.zeros(3), basis @ b @ basis.T))
        assert found == pytest.approx(20.0)


def test_the_frechet_distance_of_gaussians_that_share_no_axis_is_that_of_the_matrix_square_root() -> None:
    a, b = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([[3.0, 0.0], [0.0, 1.0]])
    # Of a 2x2 matrix M with positive eigenvalues, tr sqrt(M) = sqrt(tr M + 2 sqrt(det M)).
    product = a @ b
    root = np.sqrt(np.trace(product) + 2.0 * np.sqrt(np.linalg.det(product)))
    assert frechet.frechet(Cloud(np.zeros(2), a), Cloud(np.zeros(2), b)) == pytest.approx(8.0 - 2.0 * root)


def test_sets_of_too_few_faces_have_no_distance() -> None:
    rows = np.random.default_rng(0).normal(size=(400, 4))
    assert frechet.set_distance(rows, rows) == pytest.approx(0.0, abs=1e-9)
    assert frechet.set_distance(rows, rows + 2.0) == pytest.approx(16.0)
    assert np.isnan(frechet.set_distance(rows[:4], rows))
    assert np.isnan(frechet.set_distance(rows, rows[:4]))
    assert not np.isnan(frechet.set_distance(rows[:5], rows[5:10]))


def halves(left: tuple[int, int, int], right: tuple[int, int, int]) -> NDArray[np.uint8]:
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[:, : SIDE // 2], picture[:, SIDE // 2 :] = left, right
    return picture


def test_picture_statistics_are_those_of_two_flat_halves() -> None:
    everywhere = np.ones((SIDE, SIDE), bool)
    found = appearance.appearance(halves((100, 100, 100), (200, 200, 200)), everywhere)
    assert found.contrast == pytest.approx(50.0)
    assert found.saturation == 0.0
    assert found.clipped == 0.0
    assert found.sharpness == pytest.approx(100.0 / (SIDE - 1))  # one step of 100 in a row of fifteen slopes
    red = appearance.appearance(halves((255, 51, 51), (100, 0, 50)), everywhere)
    assert red.saturation == pytest.approx((0.8 + 1.0) / 2)
    assert red.clipped == 1.0


def test_picture_statistics_do_not_see_what_is_outside_of_the_mask() -> None:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:, : SIDE // 2 - 1] = True
    found = appearance.appearance(halves((100, 50, 100), (255, 0, 0)), mask)
    assert (found.contrast, found.sharpness, found.clipped) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    assert found.saturation == pytest.approx(0.5)


def test_a_set_is_as_uneven_as_its_heads_colour_and_its_ground_are() -> None:
    head = np.zeros((2, SIDE, SIDE), bool)
    head[:, :, : SIDE // 2] = True
    pictures = np.stack([halves((100, 80, 60), (10, 10, 10)), halves((106, 80, 66), (14, 14, 14))])
    found = appearance.evenness(pictures, head)
    assert found.colour == pytest.approx((3.0 + 0.0 + 3.0) / 3)
    assert found.ground == pytest.approx(2.0)
    assert np.isnan(appearance.evenness(pictures, np.ones_like(head)).ground)


def drawn(count: int) -> Drawn:
    shots = scenes.posed().shots[:count]
    pictures = np.full((count, SIDE, SIDE, 4), 255, np.uint8)
    pictures[..., :3] = 100
    return Drawn(scenes.Scene("posed", shots), pictures, None, np.ones((count, SIDE, SIDE), bool))


def seen(weights: Array, embedding: Wide) -> Seen:
    return Seen(weights.astype(np.float32), embedding)


def test_a_portrayal_counts_the_faces_that_were_found() -> None:
    nothing, scene = np.full(arkit.COUNT, np.nan), drawn(3)
    asked = scene.scene.weights()
    read, faces = np.stack([asked[0], nothing, asked[2]]), np.stack([turned(30), turned(0) * np.nan, turned(60)])
    rest = seen(arkit.weights({})[None], turned(0)[None])
    found = portrayal(scene, seen(read, faces), rest, turned(0)[None])
    assert found.pictures == 3
    assert found.found == pytest.approx(2 / 3)
    assert found.similarity == pytest.approx((np.sqrt(0.75) + 0.5) / 2)
    assert found.least_similarity == pytest.approx(0.5)
    assert found.spread == pytest.approx(1.0 - np.sqrt(0.75))
    assert dict(found.expression.regions)["jaw"] == pytest.approx(0.0, abs=1e-6)


def test_a_portrayal_without_a_recogniser_says_nothing_of_who_it_is() -> None:
    scene, nobody = drawn(2), np.zeros((0, 0))
    rest = seen(arkit.weights({})[None], nobody)
    found = portrayal(scene, seen(scene.scene.weights(), nobody), rest, nobody)
    assert np.isnan([found.similarity, found.least_similarity, found.spread]).all()
    both = pooled([found, found])
    assert both.pictures == 4
    assert both.expression == found.expression
    assert both.appearance == found.appearance


def test_a_face_is_within_its_points() -> None:
    mask = face_mask(np.array([(4.0, 4.0), (12.0, 4.0), (12.0, 12.0), (4.0, 12.0)], np.float32), SIDE)
    wanted = np.zeros((SIDE, SIDE), bool)
    wanted[4:12, 4:12] = True
    np.testing.assert_array_equal(mask, wanted)
