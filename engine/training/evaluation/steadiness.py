"""Steadiness: a still control gives equal bytes, a noisy one little noise, and a sequence no flicker of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from . import metrics
from .drawing import Draw, Pose

WEIGHT_NOISE, TURN_NOISE_RAD = 0.012, 0.004  # of a webcam's tracker, one standard deviation
_SEED = 0x0E7A_1000
_OPAQUE = 250


def still_poses(count: int = 4) -> list[Pose]:
    """A half smile, again and again."""
    return [Pose.of({"mouthSmile": 0.4, "cheekSquint": 0.2})] * count


def noisy_poses(count: int = 12) -> list[Pose]:
    """The half smile as a tracker reports it: each weight and the head's turn with noise of their own."""
    rng, held = np.random.default_rng(_SEED), still_poses(1)[0]
    poses = []
    for _ in range(count):
        weights = np.clip(held.weights + rng.normal(0.0, WEIGHT_NOISE, arkit.COUNT), 0.0, 1.0)
        poses.append(Pose(weights.astype(np.float32), rng.normal(0.0, TURN_NOISE_RAD, 3).astype(np.float32)))
    return poses


def sequence_poses(count: int = 20) -> list[Pose]:
    """Someone who talks, looks around and blinks, 30 pictures a second."""
    from ..faces.expression import sample_take

    weights, turns = sample_take(np.random.default_rng(_SEED + 1), count)
    return [Pose(row, turn) for row, turn in zip(weights, turns, strict=True)]


@dataclass(frozen=True)
class Steadiness:
    """One character; levels of 255. `expected` is the truth's, or the bare copy's where no truth is known."""

    name: str
    is_still: bool  # a still control gives the same bytes
    noise: float  # on the head, of a noisy control
    expected_noise: float
    sharpness: float  # of those pictures, as a part of the expected ones'
    flicker: float  # change in a sequence that the truth does not make; NaN where no truth is known
    truth_motion: float  # all change that it makes

    @property
    def noise_ratio(self) -> float:
        """Noise as a part of the expected, at equal sharpness: blur does not count as steady."""
        return self.noise / self.expected_noise / self.sharpness


def steadiness(name: str, draw: Draw, expected: Draw | None, *, is_truth: bool) -> Steadiness:
    """`expected` draws the truth, or copies the bare reference; a sequence is compared with the truth alone."""
    still = [draw(pose) for pose in still_poses()]
    is_still = all(np.array_equal(one, still[0]) for one in still)
    if expected is None:
        pictures = metrics.over_grey(_drawn(draw, noisy_poses()))
        return Steadiness(name, is_still, metrics.noise(pictures), *[float("nan")] * 4)
    ours, other = (_drawn(by, noisy_poses()) for by in (draw, expected))
    head = np.asarray((np.minimum(ours, other)[..., 3] >= _OPAQUE).all(0))
    mine, theirs = metrics.over_grey(ours), metrics.over_grey(other)
    sharp = [float(np.mean([metrics.sharpness(one, head) for one in part])) for part in (mine, theirs)]
    flicker = moved = float("nan")
    if is_truth:
        poses = sequence_poses()
        played, true = (metrics.over_grey(_drawn(by, poses)) for by in (draw, expected))
        flicker, moved = metrics.flicker(played, true), metrics.motion(true)
    return Steadiness(
        name=name,
        is_still=is_still,
        noise=metrics.noise(mine, head),
        expected_noise=metrics.noise(theirs, head),
        sharpness=sharp[0] / sharp[1],
        flicker=flicker,
        truth_motion=moved,
    )


def _drawn(draw: Draw, poses: Sequence[Pose]) -> NDArray[np.uint8]:
    """[n,S,S,4]"""
    return np.stack([draw(pose) for pose in poses])
