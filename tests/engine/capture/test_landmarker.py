"""What MediaPipe says becomes a Signal: names, signs, colours, clock and the enlarged view, on made-up numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.bridge import arkit
from omote.engine.capture import landmarker
from omote.engine.capture.face_search import SearchRegion
from omote.engine.capture.landmarker import Landmarker, rotation_vector
from omote.engine.capture.mediapipe import project_px, stretched_weights, weights_from_scores
from omote.engine.capture.source import SourceError
from omote.engine.capture.video import open_video


@dataclass(frozen=True)
class Score:
    category_name: str
    score: float


def turned(axis: int, angle: float) -> np.ndarray:
    matrix = np.eye(4)
    other, third = (axis + 1) % 3, (axis + 2) % 3
    matrix[other, other] = matrix[third, third] = np.cos(angle)
    matrix[third, other], matrix[other, third] = np.sin(angle), -np.sin(angle)
    return matrix


def test_weights_go_by_name_and_never_by_place() -> None:
    alphabetical = [Score("_neutral", 0.9), *(Score(name, 0.0) for name in sorted(arkit.NAMES) if name != "tongueOut")]
    scores = [Score(s.category_name, 0.7) if s.category_name == "jawOpen" else s for s in alphabetical]
    np.testing.assert_array_equal(weights_from_scores(scores), arkit.weights({"jawOpen": 0.7}))


def test_a_name_that_arkit_does_not_know_is_an_error() -> None:
    with pytest.raises(KeyError, match="noseWiggle"):
        weights_from_scores([Score("noseWiggle", 0.5)])


def test_weights_beyond_one_are_cut() -> None:
    assert weights_from_scores([Score("jawOpen", 1.0001)])[arkit.INDEX["jawOpen"]] == 1.0


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("angle", [-0.9, 0.0, 0.4])
def test_the_matrix_becomes_a_rotation_vector(axis: int, angle: float) -> None:
    wanted = np.zeros(3)
    wanted[axis] = angle
    np.testing.assert_allclose(rotation_vector(turned(axis, angle)), wanted, atol=1e-6)


def test_positive_x_looks_down_and_positive_y_to_the_subjects_left() -> None:
    forward = np.array([0.0, 0.0, 1.0])  # the nose of a head that looks into the camera
    assert (turned(0, 0.3)[:3, :3] @ forward)[1] < 0.0  # down in the picture
    assert (turned(1, 0.3)[:3, :3] @ forward)[0] > 0.0  # right in the picture


def test_a_red_film_is_red_to_mediapipe(tmp_path: Path) -> None:
    red = Image.new("RGB", (32, 32), (255, 0, 0))
    red.save(tmp_path / "red.gif", save_all=True, append_images=[Image.new("RGB", (32, 32), (250, 0, 0))])
    is_read, picture = open_video(tmp_path / "red.gif").read()
    assert is_read
    red_green_blue = landmarker._mediapipe_image(picture).numpy_view()[16, 16]
    np.testing.assert_allclose(red_green_blue, [255, 0, 0], atol=16)  # the decoder goes through YUV


def test_times_of_mediapipe_grow_even_where_pictures_come_at_once() -> None:
    clock = landmarker._Milliseconds()
    start = 7_000_000_000
    times = [clock.at(start + ns) for ns in (0, 33_000_000, 33_000_000, 33_400_000, 20_000_000, 66_000_000)]
    assert times == sorted(set(times))
    assert times[1] - times[0] == 33


def test_the_enlarged_view_gives_the_place_that_the_whole_picture_would() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    seen = np.array([3.0, -2.0, -40.0])  # cm, to the enlarged view's camera
    view = SearchRegion(160, 60, 320, 240)
    whole = view.translation_cm(seen, picture)
    at = project_px(seen[None], *view.cut(picture).shape[:2])[0] + (160, 60)
    np.testing.assert_allclose(project_px(whole[None], 480, 640)[0], at, atol=1e-9)
    assert whole[2] == 2 * seen[2]
    np.testing.assert_array_equal(SearchRegion.whole(picture).translation_cm(seen, picture), seen)


def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.task"
    bad.write_bytes(b"no model" * 100)
    with pytest.raises(SourceError, match=r"cannot use .*bad\.task.*delete it"), Landmarker(bad):
        pass
    assert capfd.readouterr().err == ""


def test_blink_and_squint_are_drawn_out_to_rest_and_full_and_nothing_else_is() -> None:
    relaxed = arkit.weights({"eyeBlinkLeft": 0.15, "eyeBlinkRight": 0.1, "eyeSquintLeft": 0.4, "jawOpen": 0.15})
    assert stretched_weights(relaxed).tolist() == arkit.weights({"jawOpen": 0.15}).tolist()
    shut = stretched_weights(arkit.weights({"eyeBlinkRight": 0.7, "eyeSquintRight": 0.85, "mouthSmileLeft": 1.0}))
    wanted = arkit.weights({"eyeBlinkRight": 1.0, "eyeSquintRight": 1.0, "mouthSmileLeft": 1.0})
    np.testing.assert_allclose(shut, wanted, atol=1e-6)
