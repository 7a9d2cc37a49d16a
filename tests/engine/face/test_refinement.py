"""The refined fit finds the head that landmarks were made from."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.face.fitting import ANCHORED, FaceLandmarks, Fitter, PhotoCamera
from omote.engine.face.head import open_head
from omote.engine.face.rasterizer import Camera
from omote.engine.face.refinement import VIEW_SIZE, Outline, Refiner, landmarks_of, state_of
from omote.engine.face.retarget import from_weights

Array = NDArray[np.float32]

SMILE = {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.7, "cheekSquintLeft": 0.4, "cheekSquintRight": 0.4}


@pytest.fixture(scope="module")
def refiner() -> Refiner:
    return Refiner()


def random_shape(seed: int = 0) -> Array:
    """[100] coefficients of a random person."""
    return np.random.default_rng(seed).standard_normal(100).astype(np.float32)


def read(
    refiner: Refiner, shape: Array, weights: Array, turn: Array, nearness: float = 1.0, roll: float = 0.0
) -> tuple[FaceLandmarks, PhotoCamera]:
    """The landmarks of this head with the tracker's mean error, and the camera of the picture."""
    head, fitter = open_head(), refiner.fitter
    shaped = head.shaped(shape)
    ours = Camera.framing(shaped)
    camera = PhotoCamera(130.0 * np.exp(-1j * roll), complex(400.0, 300.0), nearness / float(ours.eye[2] - ours.aim[2]))
    vertex = head.pose(shaped, from_weights(weights, None, turn))
    screen = camera.project(vertex, shaped)
    irises = [screen[rows.start + np.argsort(-head.template[rows, 2])[:6]].mean(0) for rows in head.eye_rows]
    error = (refiner.noise.mean[:, 0] - 1j * refiner.noise.mean[:, 1]) * camera.turn
    off = np.stack([error.real, error.imag], 1)
    points = np.zeros((478, 2), np.float32)
    points[:ANCHORED] = fitter.anchored(screen) + off[:ANCHORED]
    points[[473, 468]] = np.stack(irises) + off[ANCHORED:]
    scores = np.clip(weights + 0.05, 0.0, 1.0) * (weights > 0)
    upright = np.array([0.0, 0.0, roll])
    return FaceLandmarks(points, scores.astype(np.float32), (turn + upright).astype(np.float32)), camera


def face_error(shape: Array, params: object, camera: PhotoCamera, true: NDArray[np.float64]) -> float:
    """Mean distance of the face's landmarks from where they truly are, as a part of the face's size."""
    head, fitter = open_head(), Fitter()
    shaped = head.shaped(shape)
    ours = fitter.anchored(camera.project(head.pose(shaped, params), shaped))  # type: ignore[arg-type]
    return float(np.linalg.norm(ours - true, axis=1).mean() / np.ptp(true, 0).max())


@pytest.mark.parametrize(
    ("weights", "turn", "nearness", "roll"),
    [
        ({}, (0.0, 0.0, 0.0), 1.0, 0.0),
        (SMILE, (0.05, 0.3, 0.0), 1.0, 0.0),
        ({"jawOpen": 0.6, "browInnerUp": 0.5}, (-0.1, -0.25, 0.05), 1.6, 0.0),
        ({}, (0.0, 0.1, 0.0), 0.5, 0.4),
    ],
    ids=["rest", "smile, turned", "surprise, near", "far, leaning"],
)
def test_the_head_is_found_where_it_is(
    refiner: Refiner, weights: dict[str, float], turn: tuple[float, float, float], nearness: float, roll: float
) -> None:
    shape, told = random_shape(), arkit.weights(weights)
    reading, camera = read(refiner, shape, told, np.array(turn, np.float32), nearness, roll)
    found = refiner.refine([reading])
    (view,) = found.views
    shaped = open_head().shaped(shape)
    vertex = open_head().pose(shaped, from_weights(told, None, np.array(turn, np.float32)))
    true = refiner.fitter.anchored(camera.project(vertex, shaped))
    assert view.residual < 0.005
    # Half a percent is 2 pixels of a face of 400. 468 points do not determine 100 coefficients any better.
    assert face_error(found.shape, view.params, view.camera, true) < 0.005


def test_a_smile_is_an_expression(refiner: Refiner) -> None:
    reading, _ = read(refiner, random_shape(1), arkit.weights(SMILE), np.zeros(3, np.float32))
    (view,) = refiner.refine([reading]).views
    for name in ("mouthSmileLeft", "mouthSmileRight"):
        assert view.weights[arkit.INDEX[name]] == pytest.approx(SMILE[name], abs=0.25)


def test_low_brows_belong_to_the_shape(refiner: Refiner) -> None:
    reading, _ = read(refiner, random_shape(2), arkit.weights({}), np.zeros(3, np.float32))
    scores = arkit.weights({"browDownLeft": 0.8, "browDownRight": 0.8})  # as the tracker reports for many faces at rest
    (view,) = refiner.refine([FaceLandmarks(reading.points, scores, reading.rotation)]).views
    assert view.weights[arkit.INDEX["browDownLeft"]] < 0.3


def test_a_gaze_is_found(refiner: Refiner) -> None:
    aside = arkit.weights({"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8})
    reading, _ = read(refiner, random_shape(3), aside, np.zeros(3, np.float32))
    (view,) = refiner.refine([reading]).views
    true = from_weights(aside).eye_pose
    np.testing.assert_allclose(view.params.eye_pose, true, atol=np.radians(6.0))


def test_weights_stay_between_0_and_1(refiner: Refiner) -> None:
    wild = arkit.weights({"jawOpen": 1.0, "mouthSmileLeft": 1.0, "mouthFunnel": 1.0, "eyeBlinkLeft": 1.0})
    reading, _ = read(refiner, random_shape(4), wild, np.array([0.2, 0.4, 0.0], np.float32))
    (view,) = refiner.refine([reading]).views
    assert view.weights.min() >= 0.0
    assert view.weights.max() <= 1.0


def test_two_photos_determine_a_shape_better_than_one(refiner: Refiner) -> None:
    shape = random_shape(5)
    first, _ = read(refiner, shape, arkit.weights({}), np.zeros(3, np.float32))
    second, _ = read(refiner, shape, arkit.weights({}), np.array([0.0, 0.5, 0.0], np.float32))
    errors = [np.linalg.norm(refiner.refine(readings).shape - shape) for readings in ([first], [first, second])]
    assert errors[1] < errors[0]


def test_two_people_cost_more_than_one_in_two_photos(refiner: Refiner) -> None:
    def cost(first: int, second: int) -> float:
        turns = (np.zeros(3, np.float32), np.array([0.0, 0.3, 0.0], np.float32))
        people = zip((first, second), turns, strict=True)
        readings = [read(refiner, random_shape(seed), arkit.weights({}), turn)[0] for seed, turn in people]
        return refiner.refine(readings).cost - sum(refiner.refine([one]).cost for one in readings)

    assert cost(6, 6) < 0.5 * cost(6, 7)


def test_an_outline_improves_what_has_no_landmark(refiner: Refiner) -> None:
    shape, head = random_shape(9), open_head()
    reading, camera = read(refiner, shape, arkit.weights({}), np.zeros(3, np.float32))
    shaped = head.shaped(shape)
    true = camera.project(head.pose(shaped, from_weights(arkit.weights({}))), shaped)
    ear = np.flatnonzero(np.abs(head.template[:, 0] * (head.template[:, 1] > 6.8)) > 0.75)
    ear = ear[head.template[ear, 1] < 7.5]

    def error(*outlines: Outline) -> float:
        found = refiner.refine([reading], outlines)
        (view,) = found.views
        ours = head.shaped(found.shape)
        return float(
            np.linalg.norm(view.camera.project(head.pose(ours, view.params), ours)[ear] - true[ear], axis=1).mean()
        )

    across = np.tile((1.0, 0.0), (len(ear), 1))
    both = Outline(
        np.concatenate([ear, ear]), np.concatenate([true[ear], true[ear]]), np.concatenate([across, across[:, ::-1]])
    )
    assert error(both) < 0.4 * error()
    assert error(Outline.nothing()) == pytest.approx(error())


def test_the_derivatives_are_those_of_finite_differences(refiner: Refiner) -> None:
    rng = np.random.default_rng(8)
    shape = rng.standard_normal(100)
    view = state_of(rng.uniform(0.1, 0.9, 52), np.array([0.1, 0.3, -0.05]), 0.4)
    _, change = refiner.face.seen(shape, view)
    delta = 1e-5
    for column in (0, 17, 99):
        moved = shape.copy()
        moved[column] += delta
        found = (refiner.face.seen(moved, view)[0] - refiner.face.seen(shape, view)[0]) / delta
        np.testing.assert_allclose(change[..., column], found, atol=1e-4)

    # The code uses forward differences for rotation and gaze.
    for column, at in ((100, 0), (143, 43), (144, 44), (149, 49), (151, VIEW_SIZE - 1)):
        moved = view.copy()
        moved[at] += delta
        found = (refiner.face.seen(shape, moved)[0] - refiner.face.seen(shape, view)[0]) / delta
        np.testing.assert_allclose(change[..., column], found, atol=2e-3)


def test_landmarks_are_turned_upright() -> None:
    points = np.zeros((478, 2), np.float32)
    points[:, 0] = np.arange(478)  # a line to the right
    turned, middle = landmarks_of(FaceLandmarks(points, np.zeros(52, np.float32), np.zeros(3, np.float32)), np.pi / 2)
    assert middle == pytest.approx(complex(233.5, 0.0))
    np.testing.assert_allclose(turned[:ANCHORED].real, 0.0, atol=1e-9)
