"""Takes of random numbers for tests."""

from __future__ import annotations

import numpy as np

from omote.bridge import arkit
from omote.engine.capture.take import Take


def random_take(count: int = 30, fps: float = 30.0, seed: int = 1) -> Take:
    rng = np.random.default_rng(seed)

    def spread(*shape: int, scale: float = 0.3) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.normal(0.0, scale, (count, *shape)).astype(np.float32)

    return Take(
        fps=fps,
        time_s=np.arange(count) / fps,
        weights=rng.uniform(0.0, 1.0, (count, arkit.COUNT)).astype(np.float32),
        head_rotation=spread(3),
        head_translation=spread(3),
        gaze=spread(2, 2),
        confidence=rng.uniform(0.0, 1.0, count).astype(np.float32),
        provenance="made of random numbers",
    )
