"""Pictures that read those beside them: what trembles is averaged, what moves stays where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.engine.data import FlameParams
from omote.engine.face.correspondence import Viewer
from omote.engine.face.head import open_head
from omote.engine.offline.picture_consistency import attended, ways_to

SIDE = 128


@pytest.fixture(scope="module")
def viewer() -> Viewer:
    return Viewer(open_head().shaped(np.zeros(100, np.float32)))


def pattern(shift: int = 0) -> np.ndarray:
    """Smooth stripes, so many pixels further right."""
    columns = np.arange(SIDE) - shift
    row = 128.0 + 90.0 * np.sin(columns / 9.0)
    return np.repeat(np.repeat(row[None, :, None], SIDE, 0), 4, 2).round().astype(np.uint8)


def way(columns: float) -> np.ndarray:
    """Everything lies so many pixels further right."""
    found = np.zeros((33, 33, 2), np.float32)
    found[..., 0] = columns / SIDE
    return found


def turned(angle: float) -> FlameParams:
    return replace(FlameParams.neutral(), neck_pose=np.array([0.0, angle, 0.0], np.float32))


def test_noise_is_averaged_out() -> None:
    rng, truth = np.random.default_rng(0), pattern()
    noisy = [np.clip(truth + rng.normal(0.0, 3.0, truth.shape), 0, 255).astype(np.uint8) for _ in range(5)]
    found = attended(noisy[0], noisy[1:], [way(0.0)] * 4)
    before, after = (np.abs(one.astype(float) - truth).mean() for one in (noisy[0], found))
    assert after < 0.65 * before  # 0.45 were they all alike; neighbourhoods that differ by noise weigh a little less


def test_what_moved_is_read_where_it_is_now() -> None:
    moved = attended(pattern(), [pattern(3)], [way(3.0)])
    inside = np.s_[:, 8:-8]
    assert np.abs(moved[inside].astype(int) - pattern()[inside]).max() <= 1


def test_what_is_another_picture_is_not_read() -> None:
    other = 255 - pattern()
    lit = np.abs(other.astype(int) - pattern()).min(2) > 60  # where the two are alike nobody can tell them apart
    found = attended(pattern(), [other, other], [way(0.0)] * 2)
    np.testing.assert_array_equal(found[lit], pattern()[lit])


def test_alone_a_picture_stays_as_it_is(viewer: Viewer) -> None:
    picture = pattern()
    assert attended(picture, [], ways_to(viewer, turned(0.0), [])) is picture


def test_a_still_head_leads_nowhere_and_a_turning_one_to_where_it_turns(viewer: Viewer) -> None:
    still, left, right = ways_to(viewer, turned(0.0), [turned(0.0), turned(0.1), turned(-0.1)])
    assert not still.any()
    middle = np.s_[14:18, 15:18]
    assert (left[middle][..., 0] > 0.005).all()  # the subject's left is the picture's right
    assert (right[middle][..., 0] < -0.005).all()
    assert np.abs(left[middle][..., 1]).max() < 0.005
    assert np.isfinite(left).all()
    assert np.abs(left[-1]).max() < np.abs(left[middle]).max()  # the shoulders stay behind
