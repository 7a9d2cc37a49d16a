"""Writes the demo take, a performance composed from moods and speech: `python -m omote.engine.training.demo_take`."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..capture import sources
from ..capture.take import Take, write_take
from ..face.retarget import gaze_from_weights, weights_from_gaze
from .faces.expression import MOODS, VISEMES, settle

Array = NDArray[np.float32]

FPS = 30.0
LENGTH_S = 24.0
_REST: dict[str, float] = {}
# The time at which the face reaches each expression; it rests there until 0.35 s before the next.
_FACE: tuple[tuple[float, dict[str, float]], ...] = (
    (0.0, _REST), (1.2, _REST), (1.8, MOODS["smile"]), (3.4, MOODS["grin"]), (4.4, _REST), (8.6, _REST),
    (9.1, MOODS["surprise"]), (10.6, _REST), (11.2, MOODS["doubt"]), (12.6, _REST), (13.0, MOODS["kiss"]),
    (14.0, _REST), (14.5, MOODS["wink"]), (15.4, MOODS["smile"]), (16.4, MOODS["laugh"]), (18.4, MOODS["smile"]),
    (19.4, _REST), (20.0, MOODS["sad"]), (21.4, MOODS["angry"]), (22.6, _REST), (24.0, _REST),
)  # fmt: skip
_TALK = ((4.6, 8.4), (10.8, 12.4), (18.5, 19.8))
_SPOKEN = ["aa", "E", "ih", "DD", "oh", "SS", "aa", "PP", "ou", "TH", "E", "FF", "aa", "CH", "ih", "closed"]
_BLINKS_S = (0.7, 3.0, 5.4, 8.2, 10.4, 12.9, 15.9, 18.2, 20.9, 23.2)
# Pitch (down), yaw (to the subject's left) and roll of the head in radians.
_HEAD: tuple[tuple[float, tuple[float, float, float]], ...] = (
    (0.0, (0.0, 0.0, 0.0)), (2.4, (-0.04, 0.08, 0.05)), (4.6, (0.0, -0.05, 0.0)), (5.6, (0.05, 0.22, -0.03)),
    (6.8, (0.02, -0.24, 0.04)), (8.2, (0.0, 0.0, 0.0)), (9.1, (-0.12, 0.0, 0.0)), (10.6, (0.03, 0.05, 0.0)),
    (11.4, (0.0, 0.16, 0.12)), (13.2, (0.04, 0.0, 0.0)), (14.6, (0.02, -0.1, -0.1)), (16.6, (-0.12, 0.06, 0.03)),
    (17.4, (0.06, 0.04, 0.02)), (18.6, (0.0, 0.34, 0.0)), (19.6, (0.0, -0.34, 0.0)), (20.4, (0.1, 0.0, 0.0)),
    (21.6, (0.06, 0.0, 0.0)), (24.0, (0.0, 0.0, 0.0)),
)  # fmt: skip
_GAZE: tuple[tuple[float, tuple[float, float]], ...] = (
    (0.0, (0.0, 0.0)), (5.6, (0.02, 0.3)), (6.6, (0.0, -0.3)), (7.6, (0.0, 0.0)), (11.3, (-0.1, -0.25)),
    (12.4, (0.0, 0.0)), (18.6, (0.0, -0.3)), (19.6, (0.0, 0.3)), (20.1, (0.3, 0.0)),
    (21.3, (0.0, 0.0)), (24.0, (0.0, 0.0)),
)  # fmt: skip


def _eased(keys: tuple[tuple[float, Array], ...], at_s: NDArray[np.float64], move_s: float) -> NDArray[np.float64]:
    """[n,...] holds each key and moves to the next in `move_s` seconds (smoothstep)."""
    value = np.tile(keys[0][1].astype(np.float64), (len(at_s), 1))
    for (_, here), (arrival_s, there) in pairwise(keys):
        t = np.clip((at_s - (arrival_s - move_s)) / move_s, 0.0, 1.0)[:, None]
        value += (there - here) * t * t * (3.0 - 2.0 * t)
    return value


def _speech(at_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n,52] visemes, seven a second, during speech."""
    beat_s = 1.0 / 7.0
    keys = tuple(
        (k * beat_s, arkit.weights(VISEMES[_SPOKEN[(k * 5) % len(_SPOKEN)]])) for k in range(int(LENGTH_S * 7) + 1)
    )
    talks = np.zeros(len(at_s))
    for begin_s, end_s in _TALK:
        talks = np.maximum(talks, np.clip(np.minimum(at_s - begin_s, end_s - at_s) / 0.25, 0.0, 1.0))
    return _eased(keys, at_s, beat_s) * talks[:, None] * 0.8


def demo_take() -> Take:
    """24 seconds that begin and end at rest, so that they loop."""
    at_s = np.arange(int(LENGTH_S * FPS)) / FPS
    weights = _eased(tuple((s, arkit.weights(mood)) for s, mood in _FACE), at_s, 0.35) + _speech(at_s)
    weights += _eased(tuple((s, weights_from_gaze(np.array([angles, angles]))) for s, angles in _GAZE), at_s, 0.07)
    for start_s in _BLINKS_S:
        phase = (at_s - start_s) / 0.23
        shut = np.clip(np.minimum(phase / 0.35, (1.0 - phase) / 0.65), 0.0, 1.0)
        for side in ("Left", "Right"):
            k = arkit.INDEX[f"eyeBlink{side}"]
            weights[:, k] = np.maximum(weights[:, k], shut)
    settled = np.stack([settle(row.astype(np.float32)) for row in weights])
    head = _eased(tuple((s, np.array(turn)) for s, turn in _HEAD), at_s, 0.8)
    turn = 2.0 * np.pi * at_s / LENGTH_S
    head += 0.012 * np.stack([np.sin(5 * turn), np.sin(3 * turn), np.sin(4 * turn)], 1)  # a head never rests completely
    return Take(
        fps=FPS,
        time_s=at_s,
        weights=settled,
        head_rotation=head.astype(np.float32),
        head_translation=np.zeros((len(at_s), 3), np.float32),
        gaze=np.stack([gaze_from_weights(row) for row in settled]),
        confidence=np.ones(len(at_s), np.float32),
        provenance="Composed by hand from named moods and visemes; nobody was recorded.",
    )


def main() -> None:
    path = Path(sources.__file__).with_name("demo.csv")
    write_take(path, demo_take())
    print(path)


if __name__ == "__main__":
    main()
