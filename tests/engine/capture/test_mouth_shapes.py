"""Tongue and cheeks are read from a crop that does not depend on where the face is, how large and how turned."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from omote.bridge import arkit
from omote.engine.capture.mouth_shapes import NAMES, SIDE, MouthReader, crop_mouth

POINTS = np.array([(120.0, 100.0), (200.0, 100.0), (160.0, 150.0)])  # eyes and nose of a face from the front
# Crops of an invented person who was never trained on, from the training's renderer: at rest, tongue out, cheeks out.
RENDERED = np.asarray(Image.open(Path(__file__).with_name("mouths.png")))
REST, TONGUE, CHEEKS = (RENDERED[:, SIDE * k : SIDE * (k + 1)] for k in range(3))


def soft_picture() -> np.ndarray:
    coarse = np.random.default_rng(3).uniform(0.0, 255.0, (8, 10, 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (320, 256), interpolation=cv2.INTER_LINEAR), np.uint8)


@pytest.mark.parametrize(("scale", "turn_deg"), [(1.0, 20.0), (0.8, -15.0), (3.0, 0.0), (5.0, 10.0)])
def test_a_face_that_is_near_or_leans_has_the_same_crop(scale: float, turn_deg: float) -> None:
    picture = soft_picture()
    matrix = cv2.getRotationMatrix2D((160.0, 128.0), turn_deg, scale)
    matrix[:, 2] += 128.0 * scale
    size = (int(320 * scale + 256 * scale), int(256 * scale + 256 * scale))
    moved = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    points = POINTS @ matrix[:, :2].T + matrix[:, 2]
    there, here = crop_mouth(moved, points).astype(float), crop_mouth(picture, POINTS).astype(float)
    inside = here[4:-4, 4:-4]  # the picture may end at the crop's border
    assert np.abs(there[4:-4, 4:-4] - inside).mean() < 3.0  # of 255 levels: both are interpolated
    assert inside.std() > 20.0


def test_what_lies_outside_the_picture_is_grey() -> None:
    assert (crop_mouth(np.zeros((64, 64, 3), np.uint8), POINTS + 5000.0) == 127).all()
    assert crop_mouth(np.zeros((64, 64, 3), np.uint8), np.zeros((3, 2))).shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize(("crop", "shown"), [(REST, ""), (TONGUE, "tongueOut"), (CHEEKS, "cheekPuff")])
def test_a_rendered_tongue_and_rendered_cheeks_are_read(crop: np.ndarray, shown: str) -> None:
    before = arkit.weights({"mouthSmileLeft": 0.25})
    after = MouthReader().added(before, crop)
    assert [name for name in NAMES if after[arkit.INDEX[name]] > 0.3] == ([shown] if shown else [])
    others = [k for k, name in enumerate(arkit.NAMES) if name not in NAMES]
    np.testing.assert_array_equal(after[others], before[others])


def test_a_shape_that_the_tracker_sees_stays() -> None:
    puffed = arkit.weights({"cheekPuff": 0.6})
    assert MouthReader().added(puffed, REST)[arkit.INDEX["cheekPuff"]] == pytest.approx(0.6)
