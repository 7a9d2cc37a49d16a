"""The figures of an evaluation are those that follow from known pictures; missing ones have a note."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("numba")

from omote.bridge import arkit
from omote.engine.capture.photo import Photo
from omote.engine.data import Character, FlameParams, Reference
from omote.engine.face.correspondence import GRID, Viewer
from omote.engine.face.fitting import FaceLandmarks
from omote.engine.face.head import open_head
from omote.engine.model import drawings
from omote.engine.model.networks import face_row
from omote.engine.training.evaluation import perception, report, truth
from omote.engine.training.evaluation.evaluation import Evaluation, Target, targets
from omote.engine.training.evaluation.truth import REST, UNSEEN_SEED, Case, Group, Pose, RenderedCharacter, Score
from omote.engine.training.faces.kit import load
from omote.engine.training.faces.light import studio

from .kit import KIT, needs_kit

Rgba = NDArray[np.uint8]
SIDE = 256


def flat(level: int, alpha: int = 255, side: int = SIDE) -> Rgba:
    picture = np.full((side, side, 4), level, np.uint8)
    picture[..., 3] = alpha
    return picture


def textured(seed: int = 0, side: int = SIDE) -> Rgba:
    picture = np.random.default_rng(seed).integers(40, 216, (side, side, 4), np.uint8)
    picture[..., 3] = 255
    return picture


def test_psnr_of_an_error_of_a_fifth_is_fourteen_decibels() -> None:
    assert truth.psnr_db(flat(151)[..., :3], flat(100)[..., :3]) == pytest.approx(20.0 * np.log10(5.0), abs=1e-4)
    assert truth.psnr_db(flat(100)[..., :3], flat(100)[..., :3]) == pytest.approx(120.0)


def test_psnr_under_a_mask_ignores_what_is_outside() -> None:
    ours, mask = flat(0)[..., :3].copy(), np.zeros((SIDE, SIDE), np.bool_)
    ours[:16], ours[16:], mask[:16] = 51, 240, True
    assert truth.psnr_db(ours, flat(0)[..., :3], mask) == pytest.approx(20.0 * np.log10(5.0), abs=1e-4)
    assert math.isnan(truth.psnr_db(ours, ours, np.zeros_like(mask)))


def test_a_transparent_picture_is_grey_whatever_its_colour() -> None:
    np.testing.assert_array_equal(truth.over_grey(flat(255, alpha=0)), 128)
    np.testing.assert_array_equal(truth.over_grey(flat(7)), 7)


def test_blur_lowers_sharpness_and_a_flat_picture_has_none() -> None:
    sharp = textured()[..., :3]
    blurred = np.asarray((sharp.astype(np.float32) + np.roll(sharp, 1, 0) + np.roll(sharp, 1, 1)) / 3.0, np.uint8)
    assert truth.sharpness(blurred) < 0.8 * truth.sharpness(sharp)
    assert truth.sharpness(flat(90)[..., :3]) == 0.0


def test_noise_is_the_deviation_over_time_and_flicker_the_change_beyond_the_truth() -> None:
    shaken = np.stack([flat(level)[..., :3] for level in (100, 104, 100, 104)])
    assert truth.temporal_noise(shaken) == pytest.approx(2.0)
    assert truth.temporal_change(shaken) == pytest.approx(4.0)
    assert truth.added_flicker(shaken, shaken) == 0.0
    assert truth.added_flicker(shaken, np.stack([flat(9)[..., :3]] * 4)) == pytest.approx(4.0)


def test_slope_and_correlation_of_a_reading() -> None:
    x = np.linspace(0.0, 1.0, 5)
    assert truth.least_squares_slope(x, 0.5 * x + 0.2) == pytest.approx(0.5)
    assert truth.pearson(x, 1.0 - x) == pytest.approx(-1.0)
    assert truth.pearson(x, np.ones(5)) == truth.least_squares_slope(np.ones(5), x) == 0.0


def geometry() -> NDArray[np.float32]:
    """A head in the middle, an eye and a mouth on it, and hair above."""
    cells = np.zeros((11, GRID, GRID), np.float32)
    cells[6, 20:100, 30:100] = 1.0
    cells[7, 50:55, 45:55], cells[8, 80:85, 55:70] = 1.0, 1.0
    cells[10, 20:40, 30:100] = 1.0
    return cells


def test_each_region_counts_only_what_lies_in_it() -> None:
    true = textured()
    same = truth.score(true, true, geometry())
    assert same.head_db == same.eyes_db == same.mouth_db == same.hair_db == pytest.approx(120.0)
    assert (same.alpha_error, same.sharpness, same.hair_sharpness) == (0.0, 1.0, 1.0)
    wrong = true.copy()
    wrong[40:80, 60:200, :3] ^= 64  # rows of the hair, in pixels
    found = truth.score(wrong, true, geometry())
    assert found.hair_db < found.head_db < 30.0
    assert found.eyes_db == found.mouth_db == pytest.approx(120.0)


def test_regions_that_the_truth_does_not_show_have_no_score() -> None:
    hidden = geometry()
    hidden[7] = 0.0
    assert math.isnan(truth.score(textured(), textured(), hidden).eyes_db)
    assert math.isnan(truth.score(flat(9, alpha=0), flat(9, alpha=0), geometry()).head_db)


def test_a_mean_leaves_out_missing_scores() -> None:
    one = Score(30.0, math.nan, 20.0, 20.0, 0.01, 0.9, 0.8)
    other = Score(32.0, 25.0, 22.0, 20.0, 0.03, 0.7, 0.8)
    assert truth.mean_scores([one, other]) == Score(31.0, 25.0, 21.0, 20.0, 0.02, 0.8, 0.8)


def test_a_packed_face_comes_back_as_parameters() -> None:
    params = Pose.of({"jawOpen": 0.4, "mouthSmile": 0.8, "eyeBlinkLeft": 1.0}, pitch_deg=5.0, yaw_deg=-40.0).params()
    again = truth.params_of(face_row(params))
    np.testing.assert_allclose(again.vector(), params.vector(), atol=1e-6)
    assert truth.yaw_deg(again) == pytest.approx(-40.0, abs=0.5)  # the pitch changes it a little


def test_framing_brings_one_head_onto_another() -> None:
    head = open_head()
    rng = np.random.default_rng(1)
    true, fitted = (Viewer(head.shaped(rng.normal(0.0, s, head.shape_size).astype(np.float32))) for s in (1.0, 0.0))
    np.testing.assert_allclose(truth.framing(true, true, SIDE), [[1, 0, 0], [0, 1, 0]], atol=1e-3)
    matrix = truth.framing(fitted, true, SIDE)
    rest = FlameParams.neutral()
    ours, theirs = (np.asarray(one.view(rest).screen[:, :2]) * SIDE / GRID for one in (fitted, true))
    face = true.view(rest).facing[: len(theirs)] > 0.3
    before = np.linalg.norm(ours - theirs, axis=1)[face].mean()
    after = np.linalg.norm(ours @ matrix[:, :2].T + matrix[:, 2] - theirs, axis=1)[face].mean()
    assert after < before


def test_a_moved_picture_keeps_colour_where_it_is_transparent() -> None:
    picture = flat(200)
    picture[:, : SIDE // 2] = 0
    moved = truth.apply_similarity(picture, np.array([[1.0, 0.0, 2.5], [0.0, 1.0, 0.0]]))
    edge = moved[SIDE // 2, SIDE // 2 : SIDE // 2 + 6]
    np.testing.assert_allclose(edge[edge[:, 3] > 8, :3], 200, atol=4)  # rounding of faint alpha


class Mirror:
    """A tracker that reads the weights off the first row of a picture."""

    def __init__(self, is_blind: bool = False) -> None:
        self.is_blind = is_blind

    def __enter__(self) -> Mirror:
        return self

    def __exit__(self, *error: object) -> None: ...

    def faces(self, picture: NDArray[np.uint8]) -> tuple[FaceLandmarks, ...]:
        if self.is_blind:
            return ()
        points = np.zeros((478, 3), np.float32)
        points[1] = 10.0
        weights = picture[0, : arkit.COUNT, 0].astype(np.float32) / 255.0
        return (FaceLandmarks(points, weights, np.zeros(3, np.float32)),)


def echo(pose: Pose, share: float = 1.0) -> Rgba:
    picture = flat(0, side=64)
    picture[0, : arkit.COUNT, :3] = np.round(share * pose.weights * 255.0)[:, None]
    return picture


def test_a_face_with_half_the_weights_responds_by_half() -> None:
    ours = perception.read_controls("half", lambda pose: echo(pose, 0.5), Mirror())
    true = perception.read_controls("truth", echo, Mirror())
    found = {row.control: row for row in perception.read_back([ours], [true])}
    assert set(found) == {one.name for one in perception.CONTROLS}
    for row in found.values():
        assert row.correlation == pytest.approx(1.0, abs=0.01)  # levels are rounded
        assert row.ratio == pytest.approx(0.5, abs=0.02)
    assert ours.winks.full == pytest.approx(0.5, abs=0.01)
    assert ours.winks.half == pytest.approx(0.25, abs=0.01)
    assert ours.winks.other == pytest.approx(0.0)


def test_without_truth_the_response_is_not_known_and_unread_pictures_are_counted() -> None:
    ours = perception.read_controls("ours", echo, Mirror())
    assert all(math.isnan(row.ratio) for row in perception.read_back([ours], []))
    unread = replace(ours, responses=tuple(replace(one, slope=0.05) for one in ours.responses))
    assert all(math.isnan(row.ratio) for row in perception.read_back([ours], [unread]))
    blind = perception.read_controls("blind", echo, Mirror(is_blind=True))
    assert blind.unread == 5 * len(perception.CONTROLS) + 3
    assert math.isnan(perception.mean_winks([blind]).full)


def test_a_drawn_face_is_read_by_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = np.zeros((200, 200, 4), np.uint8)
    points = drawings.usual_points(drawing)

    def read(**moved: tuple[float, float]) -> dict[str, float]:
        shown = {
            name: (x + moved.get(name, (0, 0))[0], y + moved.get(name, (0, 0))[1]) for name, (x, y) in points.items()
        }
        monkeypatch.setattr(perception, "find_face", lambda _: drawings.FoundFace(shown, 1.0))
        (face,) = perception.DrawnFaceTracker().faces(drawing[..., :3])
        return dict(zip(arkit.NAMES, face.weights.tolist(), strict=True))

    rest = read()
    assert read(chin=(0, 5))["jawOpen"] > rest["jawOpen"] + 0.2
    assert read(mouth_left=(0, -2), mouth_right=(0, -2))["mouthSmileLeft"] > rest["mouthSmileLeft"] + 0.1
    closed = read(left_eye_top=(0, 5))
    assert closed["eyeBlinkLeft"] > rest["eyeBlinkLeft"] + 0.15
    assert closed["eyeBlinkRight"] == rest["eyeBlinkRight"]
    assert read(left_iris=(2, 0))["eyeLookOutLeft"] > rest["eyeLookOutLeft"]
    monkeypatch.setattr(perception, "find_face", lambda _: None)
    assert perception.DrawnFaceTracker().faces(drawing[..., :3]) == ()


class ByColour:
    """A recognizer whose embedding is the mean level of a picture."""

    def embed(self, rgb: NDArray[np.uint8], points: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.array([rgb[1:].mean() / 100.0])


def test_identity_distance_is_measured_from_the_photo_to_each_face() -> None:
    finder = Mirror()
    photo = Photo("me", flat(100, side=64)[..., :3], finder.faces(echo(REST)[..., :3])[0])
    found = perception.identity_distances(
        photo, lambda pose: flat(130, side=64), lambda pose: flat(100, side=64), finder, ByColour()
    )
    assert found.drawn == pytest.approx([0.3] * len(perception.IDENTITY_POSES))
    assert found.drawn_mean == pytest.approx(0.3)
    assert found.copied == pytest.approx([0.0] * len(perception.IDENTITY_POSES))
    lost = perception.identity_distances(photo, echo, echo, Mirror(is_blind=True), ByColour())
    assert all(math.isnan(distance) for distance in lost.drawn)


def noisy_stripes(pose: Pose, share: float) -> Rgba:
    """Stripes, which move by the head's yaw."""
    level = 100.0 + 20.0 * (np.arange(64) // 8 % 2) + share * 2000.0 * pose.head_rotation[1]
    picture = flat(0, side=64)
    picture[..., :3] = np.clip(np.round(level), 0, 255)[:, None].astype(np.uint8)
    return picture


def test_half_the_noise_at_equal_sharpness_is_a_ratio_of_a_half() -> None:
    found = perception.measure_stability(
        "calm", lambda pose: noisy_stripes(pose, 0.5), lambda pose: noisy_stripes(pose, 1.0), is_truth=False
    )
    assert found.is_still
    assert found.sharpness == pytest.approx(1.0, abs=0.02)
    assert found.noise_ratio == pytest.approx(0.5, abs=0.05)  # levels are rounded
    assert math.isnan(found.flicker)


def test_a_picture_that_never_comes_twice_is_not_still() -> None:
    rng = np.random.default_rng(0)
    restless = lambda pose: textured(int(rng.integers(1000)), 64)  # noqa: E731
    found = perception.measure_stability("restless", restless, lambda pose: noisy_stripes(pose, 1.0), is_truth=True)
    assert not found.is_still
    assert found.flicker > found.truth_motion


def evaluated() -> Evaluation:
    score = Score(32.0, 30.0, 28.0, 27.0, 0.01, 0.9, 0.85)
    case = Case("people, with anchors", 2, (Group("varied", 14, score),))
    photo = perception.IdentityDistances("photo 1", (0.3, 0.4, math.nan), (0.2, 0.3, 0.4))
    found = Evaluation("2026-11-23", "abc", {}, "0123", "openvino", 512, cases=(case,), likeness=(photo,))
    return Evaluation(**{**vars(found), "targets": tuple(targets(found))})


def test_targets_are_met_missed_or_not_measured() -> None:
    assert [Target("", value, 0.5).is_met for value in (0.6, 0.4, math.nan)] == [True, False, None]
    assert Target("", 0.6, 0.5, is_at_most=True).is_met is False
    verdicts = {one.claim: one.is_met for one in evaluated().targets}
    assert verdicts["people, with anchors: PSNR of the head, dB"] is True
    assert verdicts["people, with anchors: mouth below the head, dB"] is False
    assert verdicts["people, one photo: PSNR of the head, dB"] is None


def test_a_record_is_written_and_read_as_tables(tmp_path: object) -> None:
    record = report.as_json(evaluated())
    text = report.markdown(record)
    assert "| people, with anchors | varied | 14 | 32.0 | 30.0 | 28.0 | 27.0 | 0.0100 | 0.90 | 0.85 |" in text
    assert "| people, with anchors: mouth below the head, dB | 4.000 | at most 3 | missed |" in text
    assert "| photo 1 | drawn | 0.30 | 0.40 | - | 0.35 |" in text
    assert "| photo 1 | copied | 0.20 | 0.30 | 0.40 | 0.30 |" in text
    assert "Winks" not in text  # what was not measured has no table
    assert record["targets"][1]["found"] is None


def test_a_photoreal_character_is_compared_with_its_photo_and_has_no_copy() -> None:
    photo = Photo("me", flat(100, side=64)[..., :3], Mirror().faces(echo(REST)[..., :3])[0])
    identity = perception.identity_distances(photo, lambda pose: flat(130, side=64), None, Mirror(), ByColour())
    assert identity.drawn_mean == pytest.approx(0.3)
    assert all(math.isnan(distance) for distance in identity.copied)
    steady = perception.measure_stability("me", lambda pose: noisy_stripes(pose, 1.0), None, is_truth=False)
    assert steady.is_still
    assert steady.noise > 1.0
    assert math.isnan(steady.noise_ratio)


def test_the_exposure_of_a_photo_is_that_of_its_estimated_light() -> None:
    light = np.arange(1.0, 28.0, dtype=np.float32)
    reference = Reference(textured(), FlameParams.neutral(), light * 0.5, "photo")
    character = Character("me", "open", np.zeros(100, np.float32), (reference,), "", "")
    np.testing.assert_allclose(truth.exposed(light * 3.0, light, character), light * 1.5, rtol=1e-6)


@needs_kit
def test_a_rendered_person_has_its_anchors_as_references() -> None:
    person, light = RenderedCharacter.person(load(KIT), UNSEEN_SEED, SIDE), studio()
    character = person.character(light)
    np.testing.assert_array_equal(character.references[0].rgba, person.truth(light)(REST))
    assert len(character.references) == 5  # at rest, teeth, closed lids, both sides
    yaw = [float(np.degrees(one.params.neck_pose[1])) for one in character.references]
    assert yaw == pytest.approx([0.0, 0.0, 0.0, -30.0, 30.0], abs=1e-3)
    assert character.references[2].params.eyelids.min() == 1.0
