"""A covered face and one that leaves the picture, from the real tracker to the drawn face."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from omote.engine.capture.landmarker import Landmarker
from omote.engine.capture.source import Picture
from omote.engine.capture.video import open_video
from omote.engine.data import Actor, Signal, Stamp
from omote.engine.face.performance import Performance, PerformedFace
from omote.engine.face.presence import Phase
from omote.engine.face.retarget import seen_weights, to_weights
from omote.engine.face.stabilizer import DOUBTED

RATE = 30


@pytest.fixture(scope="module")
def person(media: Path) -> Picture:
    is_read, picture = open_video(media / "d18.mp4").read()
    assert is_read
    return np.asarray(picture, np.uint8)


def performed(model: Path, count: int, picture_at: Callable[[int], Picture]) -> list[tuple[Signal, PerformedFace]]:
    performance, frames = Performance(Actor()), []
    with Landmarker(model) as landmarker:
        for index in range(count):
            signal = landmarker.track(picture_at(index), Stamp(index, index * 1_000_000_000 // RATE, 0))
            frames.append((signal, performance.follow(signal)))
    return frames


def largest_step(rows: list[np.ndarray]) -> float:
    return float(np.abs(np.diff(np.array(rows), axis=0)).max())


def test_a_covered_face_is_held_then_eased_and_comes_back_without_a_jump(model: Path, person: Picture) -> None:
    covered = person.copy()
    covered[40:400, 90:390] = (120, 150, 200)  # a hand in front of the whole face
    frames = performed(model, 75, lambda index: covered if 20 <= index < 50 else person)
    assert all(signal.confidence == 0.0 for signal, _ in frames[20:50])
    phases = [face.shown.phase for _, face in frames]
    order = [phase for index, phase in enumerate(phases) if index == 0 or phase is not phases[index - 1]]
    assert order == [Phase.FOLLOWING, Phase.HOLDING, Phase.EASING, Phase.RETURNING, Phase.FOLLOWING]
    assert phases.count(Phase.RETURNING) <= 0.3 * RATE + 1
    # The weights of the raw signal fall to 0 and rise again in one picture each; the drawn face changes in steps.
    drawn = [face.params.vector()[:64] for _, face in frames[5:]]
    assert largest_step(drawn) < 0.35 * float(np.ptp(np.array(drawn), axis=0).max())


def test_a_face_that_leaves_the_picture_eases_while_its_points_fit_badly(model: Path, person: Picture) -> None:
    height, width = person.shape[:2]

    def leaving(index: int) -> Picture:
        shown, left = np.full((height, width + 160, 3), 110, np.uint8), 80 + max(index - 8, 0) * 12
        part = min(width, width + 160 - left)
        shown[:, left : left + part] = person[:, :part]
        return shown

    frames = performed(model, 45, leaving)
    doubtful = [(signal, face) for signal, face in frames if 0.0 < signal.confidence < DOUBTED]
    assert len(doubtful) > 4
    jump = largest_step([seen_weights(signal) for signal, _ in doubtful])
    assert jump > 0.15  # The raw signal does shake.
    assert largest_step([to_weights(face.params) for _, face in doubtful]) < 0.5 * jump
    assert not frames[-1][0].is_tracked
