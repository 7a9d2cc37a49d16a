"""What a source with a camera shows of what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from omote.engine.capture.landmarker import Landmarker
from omote.engine.capture.source import CameraView, Picture, TrackedPicture
from omote.engine.capture.video import VideoSource
from omote.engine.capture.webcam import WebcamSource
from omote.engine.data import Signal, Stamp
from omote.engine.testing.capture import BrightnessTracker, ScriptedPort

PATIENCE_S = 20.0


class Staring:
    """Finds one point in the middle of each picture."""

    def __init__(self) -> None:
        self.sight: TrackedPicture | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def track(self, picture: Picture, stamp: Stamp) -> Signal:
        height, width = picture.shape[:2]
        self.sight = TrackedPicture(picture, np.array([[width / 2, height / 2]], np.float32), stamp.captured_ns, 1.0)
        return Signal(stamp, np.zeros(52, np.float32))


def pictures(count: int) -> Sequence[Picture]:
    return [np.full((48, 64, 3), 10 * number, np.uint8) for number in range(1, count + 1)]


def test_a_webcam_shows_the_picture_itself_and_where_the_face_is() -> None:
    shown = pictures(1)
    source = WebcamSource(0, open_capture=ScriptedPort([shown]).open, open_tracker=Staring)
    assert isinstance(source, CameraView)
    assert source.sight is None
    with source:
        signal = source.read(PATIENCE_S)
        sight = source.sight
    assert signal is not None
    assert sight is not None
    assert sight.picture is shown[0]  # neither copied nor encoded
    assert sight.captured_ns == signal.stamp.captured_ns
    assert sight.points.tolist() == [[32.0, 24.0]]


def test_a_tracker_that_knows_no_points_has_no_sight(film: Path) -> None:
    with VideoSource(film, is_offline=True, open_tracker=BrightnessTracker) as source:
        assert source.read(PATIENCE_S) is not None
        assert source.sight is None


def test_a_real_face_is_shown_by_478_points_in_pixels_of_the_whole_picture(media: Path, model: Path) -> None:
    with VideoSource(media / "d0.mp4", is_offline=True, open_tracker=lambda: Landmarker(model)) as source:
        assert source.sight is None
        signal = source.read(PATIENCE_S)
        sight = source.sight
    assert signal is not None
    assert sight is not None
    assert sight.points.shape == (478, 2)
    assert sight.points.dtype == np.float32
    assert sight.confidence == signal.confidence
    assert sight.others == 0
    height, width = sight.picture.shape[:2]
    assert (sight.points > 0).all()
    assert (sight.points < (width, height)).all()
    # The face of this clip fills a good part of its picture.
    across, down = np.ptp(sight.points, axis=0)
    assert 0.2 * width < across < 0.8 * width
    assert 0.2 * height < down < 0.9 * height


def test_where_there_is_no_face_there_are_no_points(model: Path) -> None:
    with Landmarker(model) as landmarker:
        wall = np.full((240, 320, 3), 90, np.uint8)
        landmarker.track(wall, Stamp(0, 0, 0))
        sight = landmarker.sight
    assert sight is not None
    assert sight.picture is wall
    assert sight.points.shape == (0, 2)
    assert sight.confidence == 0.0
