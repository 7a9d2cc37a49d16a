"""A publisher that sends pictures at a steady rate: a class for benchmarks, and a program that the soak restarts."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from omote.bridge.payload import FIELDS, Params, Video
from omote.bridge.publisher import Publisher, Sample

SIDE = 512
FPS = 60.0


class Feed:
    """Publishes one of a few different pictures in turn, each on its own tick of the clock."""

    def __init__(self, fps: float = FPS, side: int = SIDE) -> None:
        self._period_ns = int(1e9 / fps)
        # Noise does not compress, and no two pictures are alike.
        rng = np.random.default_rng(0)
        self._pictures = [Video(rng.integers(0, 256, (side, side, 4), np.uint8)) for _ in range(4)]
        self._params = resting_params()
        self.index = 0

    def run(self, publisher: Publisher, seconds: float, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Publishes for this long, or until `goes_on` returns False. Missed ticks are skipped."""
        start_ns = due_ns = time.perf_counter_ns()
        while due_ns - start_ns < seconds * 1e9 and goes_on():
            time.sleep(max(due_ns - time.perf_counter_ns(), 0) / 1e9)
            publisher.publish(self._next_sample())
            late = max(time.perf_counter_ns() - due_ns, 0) // self._period_ns
            due_ns += (1 + late) * self._period_ns

    def _next_sample(self) -> Sample:
        now_ns = time.perf_counter_ns()
        video = self._pictures[self.index % len(self._pictures)]
        self.index += 1
        return Sample(self.index, now_ns, now_ns, time.time_ns(), video, self._params)


def resting_params() -> Params:
    """A face at rest."""
    shapes = {"eye_pose": (2, 3), "gaze": (2, 2)}
    arrays = {name: np.zeros(shapes.get(name, (count,)), np.float32) for name, count in FIELDS}
    numbers = {"confidence": 1.0, "presence": 1.0}
    return Params(**{**arrays, **numbers}, basis="open")  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", required=True, help="tcp://127.0.0.1:PORT")
    parser.add_argument("--video", required=True, help="tcp://127.0.0.1:PORT")
    parser.add_argument("--fps", type=float, default=FPS)
    chosen = parser.parse_args()
    with Publisher(chosen.params, chosen.video) as publisher:
        Feed(chosen.fps).run(publisher, float("inf"))


if __name__ == "__main__":
    main()
