"""The parts of the tracker on made-up numbers: colours, clock, the enlarged region, and a damaged model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine.capture import landmarker
from omote.engine.capture.face_search import SearchRegion
from omote.engine.capture.landmarker import Landmarker
from omote.engine.capture.mediapipe import project_px
from omote.engine.capture.source import SourceError
from omote.engine.capture.video import open_video


def test_a_red_film_is_red_to_mediapipe(tmp_path: Path) -> None:
    red = Image.new("RGB", (32, 32), (255, 0, 0))
    red.save(tmp_path / "red.gif", save_all=True, append_images=[Image.new("RGB", (32, 32), (250, 0, 0))])
    is_read, picture = open_video(tmp_path / "red.gif").read()
    assert is_read
    seen = landmarker._image(picture)  # its view ends with it
    np.testing.assert_allclose(seen.numpy_view()[16, 16], [255, 0, 0], atol=16)  # The decoder goes through YUV.


def test_times_of_mediapipe_grow_even_where_pictures_come_at_once() -> None:
    clock = landmarker._MillisecondClock()
    start = 7_000_000_000
    times = [clock.at(start + ns) for ns in (0, 33_000_000, 33_000_000, 33_400_000, 20_000_000, 66_000_000)]
    assert times == sorted(set(times))
    assert times[1] - times[0] == 33


def test_the_enlarged_region_gives_the_position_in_the_whole_picture() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    position = np.array([3.0, -2.0, -40.0])  # cm, for the camera of the region
    region = SearchRegion(160, 60, 320, 240)
    whole = region.translation_cm(position, picture)
    at = project_px(position[None], *region.cut(picture).shape[:2])[0] + (160, 60)
    np.testing.assert_allclose(project_px(whole[None], 480, 640)[0], at, atol=1e-9)
    assert whole[2] == 2 * position[2]
    np.testing.assert_array_equal(SearchRegion.whole(picture).translation_cm(position, picture), position)


def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.task"
    bad.write_bytes(b"no model" * 100)
    with pytest.raises(SourceError, match=r"cannot use .*bad\.task.*delete it"), Landmarker(bad):
        pass
    assert capfd.readouterr().err == ""
