"""Surfaces and transforms, on shapes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.calibration.geometry import (
    SimilarityTransform,
    Surface,
    ThinPlateSpline,
    closest_points,
    farthest_points,
    match_features,
    nearest,
)
from omote.engine.rotation import rotation

Wide = NDArray[np.float64]
RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(40, 3))
TURN = rotation(np.array([0.3, -0.8, 0.2]))


def square(side: int = 5, jaw: float = 0.0, height: float = 0.0, turned_over: bool = False) -> Surface:
    """A flat square of 1 by 1 at this height, seen from above or from below."""
    x, y = np.meshgrid(np.linspace(0.0, 1.0, side), np.linspace(0.0, 1.0, side), indexing="ij")
    point = np.stack([x.ravel(), y.ravel(), np.full(side * side, height)], 1)
    row = np.arange(side * side).reshape(side, side)
    first = np.stack([row[:-1, :-1], row[1:, :-1], row[1:, 1:]], -1).reshape(-1, 3)
    second = np.stack([row[:-1, :-1], row[1:, 1:], row[:-1, 1:]], -1).reshape(-1, 3)
    triangle = np.concatenate([first, second])
    return Surface(point, triangle[:, ::-1] if turned_over else triangle, np.full(side * side, jaw))


def both(first: Surface, second: Surface) -> Surface:
    return Surface(
        np.concatenate([first.point, second.point]),
        np.concatenate([first.triangle, second.triangle + len(first.point)]),
        np.concatenate([first.jaw, second.jaw]),
    )


def test_the_transform_of_points_is_found_again() -> None:
    moved = SimilarityTransform(1.7, TURN, np.array([1.0, -2.0, 3.0]))
    found = SimilarityTransform.between(POINTS, moved.moved(POINTS))
    np.testing.assert_allclose(found.scale, 1.7, atol=1e-12)
    np.testing.assert_allclose(found.turn, TURN, atol=1e-12)
    np.testing.assert_allclose(found.shift, moved.shift, atol=1e-12)


def test_points_are_never_mirrored() -> None:
    found = SimilarityTransform.between(POINTS, POINTS * (-1.0, 1.0, 1.0))
    assert np.linalg.det(found.turn) == pytest.approx(1.0)


def test_transforms_are_inverted_and_composed() -> None:
    one, other = (
        SimilarityTransform(2.0, TURN, np.ones(3)),
        SimilarityTransform(0.5, TURN.T @ TURN.T, np.array([3.0, 0.0, -1.0])),
    )
    np.testing.assert_allclose(one.inverse().moved(one.moved(POINTS)), POINTS, atol=1e-12)
    np.testing.assert_allclose(one.after(other).moved(POINTS), one.moved(other.moved(POINTS)), atol=1e-12)
    np.testing.assert_allclose(one.turned(POINTS), one.moved(POINTS) - one.moved(np.zeros((1, 3))), atol=1e-12)


def test_in_their_own_coordinates_eyes_are_half_to_the_left_and_half_to_the_right() -> None:
    eyes = np.array([[0.3, 7.0, 1.2], [-0.3, 7.1, 1.3]])
    found = SimilarityTransform.to_eyes(eyes)
    np.testing.assert_allclose(found.moved(eyes), [[0.5, 0.0, 0.0], [-0.5, 0.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(found.turn @ found.turn.T, np.eye(3), atol=1e-12)
    assert (found.turn @ (0.0, 1.0, 0.0))[1] > 0.98 and (found.turn @ (0.0, 0.0, 1.0))[2] > 0.98


def test_a_spline_without_smoothing_meets_its_targets() -> None:
    goal = POINTS + RNG.normal(0.0, 0.1, POINTS.shape)
    np.testing.assert_allclose(ThinPlateSpline.between(POINTS, goal, 0.0).bent(POINTS), goal, atol=1e-9)


def test_a_smooth_spline_reproduces_a_similarity_everywhere() -> None:
    moved, elsewhere = SimilarityTransform(1.1, TURN, np.ones(3)), RNG.normal(size=(9, 3))
    found = ThinPlateSpline.between(POINTS, moved.moved(POINTS), 10.0)
    np.testing.assert_allclose(found.bent(elsewhere), moved.moved(elsewhere), atol=1e-9)


def test_farthest_points_begin_with_the_first_and_go_to_the_ends() -> None:
    line = np.stack([np.linspace(0.0, 1.0, 101), np.zeros(101), np.zeros(101)], 1)
    assert farthest_points(line, 4).tolist() == [0, 100, 50, 25]
    assert sorted(farthest_points(line, 500)) == list(range(101))


def test_the_nearest_rows_are_those_that_are_nearest() -> None:
    these = RNG.normal(size=(7, 3))
    away = np.linalg.norm(these[:, None] - POINTS, axis=2)
    np.testing.assert_array_equal(nearest(these, POINTS)[:, 0], away.argmin(1))
    np.testing.assert_array_equal(np.sort(nearest(these, POINTS, 3)), np.sort(away.argsort(1)[:, :3]))


def test_normals_face_outward_by_the_order_of_the_corners() -> None:
    np.testing.assert_allclose(square().normals(), np.tile([0.0, 0.0, 1.0], (25, 1)), atol=1e-12)
    np.testing.assert_allclose(square(turned_over=True).normals(), np.tile([0.0, 0.0, -1.0], (25, 1)), atol=1e-12)


@pytest.mark.parametrize(
    ("point", "foot"),
    [
        ((0.31, 0.62, 0.2), (0.31, 0.62, 0.0)),  # above a triangle
        ((0.5, 0.5, -0.1), (0.5, 0.5, 0.0)),  # below a corner
        ((1.3, 0.4, 0.0), (1.0, 0.4, 0.0)),  # beside an edge
        ((1.3, -0.2, 0.1), (1.0, 0.0, 0.0)),  # beyond a corner
    ],
)
def test_the_foot_of_a_point_is_the_nearest_on_the_surface(point: tuple[float, ...], foot: tuple[float, ...]) -> None:
    surface = square()
    found = closest_points(np.array([point]), np.array([[0.0, 0.0, 1.0]]), np.zeros(1), surface)
    np.testing.assert_allclose(found.point, [foot], atol=1e-12)
    np.testing.assert_allclose(found.mean(surface.point), [foot], atol=1e-12)
    np.testing.assert_allclose(found.share.sum(1), 1.0)


def test_a_lip_finds_its_own_side_by_its_normal_and_the_jaw() -> None:
    lower, upper = square(jaw=1.0), square(height=0.01, turned_over=True)
    lips = both(lower, upper)
    point = np.array([[0.3, 0.3, 0.006], [0.3, 0.3, 0.004]])  # each is nearer to the other lip
    facing = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    found = closest_points(point, facing, np.array([1.0, 0.0]), lips)
    np.testing.assert_allclose(found.point[:, 2], [0.0, 0.01], atol=1e-12)


def test_features_differ_with_the_normal_and_the_weight_of_the_jaw() -> None:
    here = np.zeros((1, 3))
    up, down = np.array([[0.0, 0.0, 1.0]]), np.array([[0.0, 0.0, -1.0]])
    rest, jaw = np.zeros(1), np.ones(1)
    assert np.linalg.norm(match_features(here, up, rest) - match_features(here, down, rest)) == pytest.approx(0.15)
    assert np.linalg.norm(match_features(here, up, rest) - match_features(here, up, jaw)) == pytest.approx(0.3)


def test_the_closest_point_of_a_triangle_without_area_is_on_an_edge() -> None:
    needle = Surface(np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]), np.array([[0, 1, 2]]), np.zeros(3))
    found = closest_points(np.array([[1.5, 1.0, 0.0]]), np.array([[0.0, 1.0, 0.0]]), np.zeros(1), needle)
    np.testing.assert_allclose(found.point, [[1.5, 0.0, 0.0]], atol=1e-12)
