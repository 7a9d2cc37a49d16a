"""How long a recording plays is known before it is played."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.source import Playback, SourceError
from omote.engine.capture.sources import recording_length
from omote.engine.capture.take import Take, write_take


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Two seconds at ten pictures a second."""
    count, path = 20, tmp_path / "t.csv"
    weights, still = np.zeros((count, arkit.COUNT), np.float32), np.zeros((count, 3), np.float32)
    gaze, ones = np.zeros((count, 2, 2), np.float32), np.ones(count, np.float32)
    write_take(path, Take(10.0, np.arange(count) / 10.0, weights, still, still, gaze, ones))
    return path


def test_a_part_at_another_speed_is_counted_as_it_plays(take: Path) -> None:
    assert recording_length(str(take)) == pytest.approx((2.0, 10.0))
    assert recording_length(str(take), Playback(2.0, 0.5, 1.5)) == pytest.approx((0.5, 20.0))


def test_a_part_without_a_picture_is_refused(take: Path) -> None:
    with pytest.raises(SourceError):
        recording_length(str(take), Playback(1.0, 5.0))
