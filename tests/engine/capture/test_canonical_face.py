"""Confidence: full where the points lie on the canonical face, less the farther they lie off."""

from __future__ import annotations

import numpy as np
import pytest

from omote.engine.capture import mediapipe as face

HEIGHT, WIDTH = 480, 640
AT_30_CM = np.diag([1.0, 1.0, 1.0, 1.0])
AT_30_CM[:3, 3] = (2.0, -1.0, -30.0)


def points(matrix: face.Points = AT_30_CM) -> face.Points:
    return face.project_px(face._POSITION @ matrix[:3, :3].T + matrix[:3, 3], HEIGHT, WIDTH)


def test_points_on_the_face_have_full_confidence() -> None:
    assert face.fit_confidence(points(), AT_30_CM, HEIGHT, WIDTH) == pytest.approx(1.0)


def test_confidence_falls_with_the_distance_and_stays_above_zero() -> None:
    eyes = points()[list(face.RIGID_LANDMARKS).index(33)] - points()[list(face.RIGID_LANDMARKS).index(263)]
    off = np.linalg.norm(eyes) * np.array([0.0, 0.04, 0.1, 0.3, 30.0])
    scores = [face.fit_confidence(points() + np.array([d, 0.0]), AT_30_CM, HEIGHT, WIDTH) for d in off]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] == pytest.approx(np.exp(-0.16), abs=1e-6)
    assert scores[-1] > 0.0


def test_a_turned_head_and_a_far_one_lose_no_confidence_by_that_alone() -> None:
    turned = AT_30_CM.copy()
    turned[:3, :3] = [[0.6, 0.0, 0.8], [0.0, 1.0, 0.0], [-0.8, 0.0, 0.6]]
    turned[2, 3] = -90.0
    assert face.fit_confidence(points(turned), turned, HEIGHT, WIDTH) == pytest.approx(1.0)


def test_the_subjects_left_eye_is_on_the_right_of_the_picture() -> None:
    x_of = dict(zip(face.RIGID_LANDMARKS.tolist(), points()[:, 0], strict=True))
    assert x_of[263] > x_of[33]  # 263 is the left eye's outer corner
