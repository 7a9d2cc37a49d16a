"""MediaPipe's scores, matrices and points in our terms; missing libraries, and start-up notices."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture import mediapipe
from omote.engine.capture.mediapipe import (
    RIGID_LANDMARKS,
    Points,
    fit_confidence,
    missing_library,
    project_px,
    rotation_vector,
    stretched_weights,
    weights_from_scores,
    without_notices,
)

HEIGHT, WIDTH = 480, 640
AT_30_CM = np.diag([1.0, 1.0, 1.0, 1.0])
AT_30_CM[:3, 3] = (2.0, -1.0, -30.0)


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


def test_weights_go_by_name_and_never_by_position() -> None:
    alphabetical = [Score("_neutral", 0.9), *(Score(name, 0.0) for name in sorted(arkit.NAMES) if name != "tongueOut")]
    scores = [Score(s.category_name, 0.7) if s.category_name == "jawOpen" else s for s in alphabetical]
    np.testing.assert_array_equal(weights_from_scores(scores), arkit.weights({"jawOpen": 0.7}))


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(arkit.FaceWeightError, match="noseWiggle"):
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


def test_only_blink_and_squint_are_stretched() -> None:
    relaxed = arkit.weights({"eyeBlinkLeft": 0.15, "eyeBlinkRight": 0.1, "eyeSquintLeft": 0.4, "jawOpen": 0.15})
    assert stretched_weights(relaxed).tolist() == arkit.weights({"jawOpen": 0.15}).tolist()
    shut = stretched_weights(arkit.weights({"eyeBlinkRight": 0.7, "eyeSquintRight": 0.85, "mouthSmileLeft": 1.0}))
    wanted = arkit.weights({"eyeBlinkRight": 1.0, "eyeSquintRight": 1.0, "mouthSmileLeft": 1.0})
    np.testing.assert_allclose(shut, wanted, atol=1e-6)


def points(matrix: Points = AT_30_CM) -> Points:
    return project_px(mediapipe._POSITION @ matrix[:3, :3].T + matrix[:3, 3], HEIGHT, WIDTH)


def test_points_on_the_face_have_full_confidence() -> None:
    assert fit_confidence(points(), AT_30_CM, HEIGHT, WIDTH) == pytest.approx(1.0)


def test_confidence_falls_with_the_distance_and_stays_above_zero() -> None:
    eyes = points()[list(RIGID_LANDMARKS).index(33)] - points()[list(RIGID_LANDMARKS).index(263)]
    off = np.linalg.norm(eyes) * np.array([0.0, 0.04, 0.1, 0.3, 30.0])
    scores = [fit_confidence(points() + np.array([d, 0.0]), AT_30_CM, HEIGHT, WIDTH) for d in off]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] == pytest.approx(np.exp(-0.16), abs=1e-6)
    assert scores[-1] > 0.0


def test_a_turned_head_and_a_far_one_lose_no_confidence_by_that_alone() -> None:
    turned = AT_30_CM.copy()
    turned[:3, :3] = [[0.6, 0.0, 0.8], [0.0, 1.0, 0.0], [-0.8, 0.0, 0.6]]
    turned[2, 3] = -90.0
    assert fit_confidence(points(turned), turned, HEIGHT, WIDTH) == pytest.approx(1.0)


def test_the_subjects_left_eye_is_on_the_right_of_the_picture() -> None:
    x_of = dict(zip(RIGID_LANDMARKS.tolist(), points()[:, 0], strict=True))
    assert x_of[263] > x_of[33]  # 263 is the left eye's outer corner


@pytest.mark.parametrize("library", ["libEGL.so.1", "libGLESv2.so.2", "libGL.so.1", "libgthread-2.0.so.0"])
def test_the_missing_library_is_named_with_the_command(library: str) -> None:
    error = missing_library(OSError(f"{library}: cannot open shared object file: No such file or directory"))
    assert library in str(error)
    assert "apt-get install -y --no-install-recommends libegl1 libgles2 libgl1 libglib2.0-0" in str(error)
    assert "the demo works without it" in str(error)


def test_a_missing_package_is_named() -> None:
    assert "package mediapipe" in str(missing_library(ModuleNotFoundError("no", name="mediapipe")))


def test_other_errors_keep_their_words() -> None:
    assert "wrong ELF class" in str(missing_library(OSError("x.so: wrong ELF class: ELFCLASS32")))


def test_notices_are_held_back_and_errors_pass(capfd: pytest.CaptureFixture[str]) -> None:
    with without_notices():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n")
        os.write(2, b"W0000 00:00:1795257062.586838    4569 face_landmarker_graph.cc:174] notice\n")
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        os.write(2, b"E0000 00:00:1795257062.586838    4569 graph.cc:1] broken\n")
        os.write(2, b"ours\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "E0000 00:00:1795257062.586838    4569 graph.cc:1] broken\nours\nafter\n"


def test_importing_the_sources_does_not_load_mediapipe() -> None:
    code = "import sys, omote.engine.capture.sources; sys.exit('mediapipe' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
