"""Photos become reference pictures with the head, the pose and the light that they show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.capture.photo import Photo
from omote.engine.face.fitting import ANCHORED, FaceLandmarks, PhotoCamera
from omote.engine.face.head import open_head
from omote.engine.face.light import LIGHT_PRESETS, irradiance, tone_mapped
from omote.engine.face.rasterizer import Camera, rasterize
from omote.engine.face.refinement import Refiner
from omote.engine.face.retarget import from_weights
from omote.engine.model.photos import (
    SIDES,
    PhotoReferences,
    bend_onto,
    camera_nearness,
    rectified,
    references_of,
    side_for,
)
from omote.engine.runtime.session import Feeds, Outputs

Array = NDArray[np.float32]
GROUND = (70, 120, 200)
SKIN = np.array([0.55, 0.36, 0.27])


class BlueWall:
    """A network that takes all for a person that is not as blue as the wall."""

    name = "fake"

    def run(self, feeds: Feeds) -> Outputs:
        red, _, blue = feeds["picture"][0]
        return {"mask": np.asarray((blue <= red).astype(np.float32)[None, None])}


@pytest.fixture(scope="module")
def refiner() -> Refiner:
    return Refiner()


def photo(
    refiner: Refiner,
    name: str = "photo.jpg",
    seed: int = 0,
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
    weights: dict[str, float] | None = None,
    light: Array | None = None,
    nearness: float = 1.0,
    px_per_dm: float = 130.0,
) -> Photo:
    """The open head in clay before a blue wall, as a camera shows it that stands so much nearer than ours."""
    head = open_head()
    shape = np.random.default_rng(seed).standard_normal(100).astype(np.float32)
    shaped, told, neck = head.shaped(shape), arkit.weights(weights or {}), np.array(turn, np.float32)
    vertex = head.pose(shaped, from_weights(told, None, neck))
    camera = PhotoCamera(
        complex(px_per_dm), complex(2.3 * px_per_dm, 2.5 * px_per_dm), nearness * camera_nearness(shaped)
    )
    screen = camera.project(vertex, shaped)
    width, height = round(4.6 * px_per_dm), round(5.0 * px_per_dm)
    side = max(width, height)
    triangle = head.triangle.astype(np.int64)
    flat = np.column_stack([screen, -vertex[:, 2]]).astype(np.float32)
    pixel, seen, bary = rasterize(flat, triangle, side)
    a, b, c = vertex[triangle].transpose(1, 0, 2)
    normal = np.zeros_like(vertex)
    np.add.at(normal, triangle, np.cross(b - a, c - a)[:, None])
    facing = np.einsum("nkc,nk->nc", normal[triangle[seen]], bary)
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    lit = LIGHT_PRESETS["soft"].setting.harmonics() if light is None else light
    picture = np.full((side * side, 3), GROUND, np.uint8)
    picture[pixel] = np.round(255.0 * tone_mapped(np.maximum(irradiance(lit, facing.astype(np.float32)), 0.01) * SKIN))
    points = np.zeros((478, 2), np.float32)
    off = refiner.noise.mean * (px_per_dm, -px_per_dm)
    points[:ANCHORED] = refiner.fitter.anchored(screen) + off[:ANCHORED]
    irises = [screen[rows.start + np.argsort(-head.template[rows, 2])[:6]].mean(0) for rows in head.eye_rows]
    points[[473, 468]] = np.stack(irises) + off[ANCHORED:]
    reading = FaceLandmarks(points, told, neck)
    return Photo(name, picture.reshape(side, side, 3)[:height, :width].copy(), reading)


def made(refiner: Refiner, *photos: Photo) -> PhotoReferences:
    return references_of(photos, refiner, BlueWall())


def test_a_photo_becomes_a_picture_of_the_head_that_it_shows(refiner: Refiner) -> None:
    found = made(refiner, photo(refiner, turn=(0.05, 0.2, 0.0), weights={"jawOpen": 0.5}, nearness=1.5))
    (reference,) = found.references
    side = len(reference.rgba)
    assert side in SIDES
    assert reference.rgba.shape == (side, side, 4)
    head = open_head()
    shaped = head.shaped(found.shape)
    screen = Camera.framing(shaped).project(head.pose(shaped, reference.params), side)
    covered = np.zeros(side * side, np.bool_)
    covered[rasterize(screen, head.triangle.astype(np.int64), side)[0]] = True
    shown = reference.rgba[..., 3] > 127
    # What our camera would see of the fitted head is what was cut out of the photo.
    both = covered.reshape(side, side) & shown
    assert both.sum() / (covered.reshape(side, side) | shown).sum() > 0.95
    assert reference.residual < 0.006
    assert reference.params.neck_pose == pytest.approx((0.05, 0.2, 0.0), abs=0.04)


def test_no_wall_is_left_in_the_edge(refiner: Refiner) -> None:
    (reference,) = made(refiner, photo(refiner)).references
    edge = reference.rgba[(reference.rgba[..., 3] > 60) & (reference.rgba[..., 3] < 200)][:, :3].astype(float)
    assert len(edge) > 50
    assert (edge[:, 0] - edge[:, 2]).mean() > 20.0  # skin is red, the wall blue


def test_light_is_read_off_the_photo(refiner: Refiner) -> None:
    normal = np.array([[-0.7, 0.0, 0.7], [0.7, 0.0, 0.7]], np.float32)
    for name, is_right in (("warm", True), ("soft", False)):
        light = LIGHT_PRESETS[name].setting.harmonics()
        (reference,) = made(refiner, photo(refiner, light=light)).references
        left, right = irradiance(reference.light, normal).mean(1)
        assert (right > left) == is_right


@pytest.mark.slow
def test_the_picture_is_as_large_as_the_photo_deserves(refiner: Refiner) -> None:
    sides = [len(made(refiner, photo(refiner, px_per_dm=px)).references[0].rgba) for px in (60.0, 130.0, 400.0)]
    assert sides[0] < sides[1] < sides[2] == 1024


def test_beyond_the_photo_nothing_is_shown(refiner: Refiner) -> None:
    whole = photo(refiner)
    cut = replace(whole, picture=whole.picture[:400])
    alpha = made(refiner, cut).references[0].rgba[..., 3]
    assert alpha[-len(alpha) // 5 :].max() == 0
    assert made(refiner, whole).references[0].rgba[..., 3][-len(alpha) // 5 :].max() == 255


def test_a_photo_by_our_own_camera_stays_as_it_is() -> None:
    head = open_head()
    shaped = head.shaped(np.zeros(100, np.float32))
    ours, side = Camera.framing(shaped), 512
    near = camera_nearness(shaped)
    scale = side / 2.0 / np.tan(np.radians(10.0)) * near
    camera = PhotoCamera(complex(scale), complex(side / 2, side / 2), near)
    checks = cv2.GaussianBlur((np.indices((side, side)).sum(0) // 32 % 2 * 255).astype(np.uint8), (0, 0), 2.0)
    picture = np.dstack([checks] * 3)
    assert side_for(camera, shaped) == side
    seen = rectified(picture, camera, shaped, head.template, side)
    np.testing.assert_allclose(seen.picture.astype(float), picture.astype(float), atol=3.0)
    assert seen.is_photo.all()
    np.testing.assert_allclose(
        camera.project(head.template, shaped), ours.project(head.template, side)[:, :2], atol=1e-2
    )


def test_a_bend_moves_what_moves_and_holds_the_rest() -> None:
    at = np.array([[100.0, 100.0], [156.0, 100.0], [128.0, 200.0]])
    missed = np.array([[3.0, 0.0], [3.0, 0.0], [0.0, 0.0]])
    bend = bend_onto(at, missed, 256)
    assert bend.shape == (256, 256, 2)
    assert bend[100, 100] == pytest.approx((3.0, 0.0), abs=0.2)
    assert bend[200, 128] == pytest.approx((0.0, 0.0), abs=0.05)
    assert bend[20, 20] == pytest.approx((0.0, 0.0), abs=0.01)  # far from all


def test_two_photos_share_one_shape(refiner: Refiner) -> None:
    found = made(refiner, photo(refiner, "a.jpg"), photo(refiner, "b.jpg", turn=(0.0, 0.3, 0.0)))
    assert [reference.name for reference in found.references] == ["a.jpg", "b.jpg"]
    assert not any("different people" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"turn": (0.0, 0.5, 0.0)}, "is turned by"),
        ({"px_per_dm": 55.0}, "pixels high"),
        ({"light": 0.02 * LIGHT_PRESETS["flat"].setting.harmonics()}, "very dark"),
        ({"light": 40.0 * LIGHT_PRESETS["flat"].setting.harmonics()}, "overexposed"),
        ({"light": LIGHT_PRESETS["sunset"].setting.harmonics()}, "light from one side"),
    ],
    ids=["nothing", "turned", "small", "dark", "overexposed", "shadow"],
)
def test_what_will_not_look_well_is_said(refiner: Refiner, change: dict[str, Any], said: str | None) -> None:
    warnings = made(refiner, photo(refiner, **change)).warnings
    if said is None:
        assert warnings == ()
    else:
        assert any(said in warning and "photo.jpg" in warning for warning in warnings), warnings


def test_two_people_are_told_apart(refiner: Refiner) -> None:
    found = made(refiner, photo(refiner, "a.jpg", seed=3), photo(refiner, "b.jpg", seed=4))
    assert any("a.jpg and b.jpg may show different people" in warning for warning in found.warnings)


def test_glints_on_glasses_are_seen(refiner: Refiner) -> None:
    plain = photo(refiner)
    at = np.round(plain.reading.points[[253, 23]]).astype(int)  # under the eyes
    picture = plain.picture.copy()
    for x, y in at:
        cv2.ellipse(picture, (int(x), int(y) + 4), (20, 9), 0, 0, 360, (250, 250, 250), -1)
    warnings = made(refiner, replace(plain, picture=picture)).warnings
    assert any("glasses" in warning for warning in warnings)


def test_a_thing_before_the_face_is_seen(refiner: Refiner) -> None:
    plain = photo(refiner)
    x, y = np.round(plain.reading.points[0]).astype(int)  # the upper lip
    picture = plain.picture.copy()
    picture[y - 30 : y + 60, x - 60 : x + 60] = (60, 60, 170)
    assert any("covers a part" in warning for warning in made(refiner, replace(plain, picture=picture)).warnings)


@pytest.mark.parametrize("count", [0, 5])
def test_one_to_four_photos_are_wanted(refiner: Refiner, count: int) -> None:
    with pytest.raises(ValueError, match="1 to 4 photos"):
        references_of([photo(refiner)] * count, refiner, BlueWall())
