"""A receiver in a process of its own: the age of each picture when it arrives and, optionally, its mouth."""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import percentiles

from omote.bridge.frame import Frame
from omote.bridge.payload import Video
from omote.bridge.subscriber import Subscriber

MOST = 1 << 16  # ages that are kept, 18 minutes at 60 a second: more would look like a leak
SIDE = 48  # pixels on a side of the mouth that is kept, at most
TURN_S = 0.1


class Mouths:
    """The lower middle of every picture, grey and small, with its time of arrival."""

    def __init__(self) -> None:
        self.crops: list[NDArray[np.uint8]] = []
        self.rows: list[tuple[int, int, int]] = []  # index, captured_ns, arrived_ns

    def add(self, message: Frame, video: Video, arrived_ns: int) -> None:
        self.crops.append(mouth_of(video.pixels))
        self.rows.append((message.header.index, message.header.captured_ns, arrived_ns))

    def save(self, path: Path) -> None:
        index, captured_ns, arrived_ns = np.array(self.rows, np.int64).reshape(-1, 3).T
        crops = np.stack(self.crops) if self.crops else np.zeros((0, 1, 1), np.uint8)
        np.savez(path, index=index, captured_ns=captured_ns, arrived_ns=arrived_ns, crops=crops)


def mouth_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[h,w] grey, at most `SIDE` on a side: the mouth and the chin of a portrait."""
    height, width, _ = pixels.shape
    crop = pixels[height * 9 // 20 : height * 17 // 20, width * 3 // 10 : width * 7 // 10]
    stride = -(-max(crop.shape[:2]) // SIDE)
    grey: NDArray[np.uint8] = crop[::stride, ::stride, :3].mean(axis=2).astype(np.uint8)
    return grey


class Receiver:
    """Counts pictures. The thread that reads the socket measures their ages, before a picture is decoded."""

    def __init__(self, endpoint: str, warm_up_s: float, mouths: Mouths | None) -> None:
        self._subscriber = Subscriber(endpoint, on_arrival=self._arrived)
        self._warm_up_ns, self._mouths = int(warm_up_s * 1e9), mouths
        self._sent_ms: deque[float] = deque(maxlen=MOST)
        self._captured_ms: deque[float] = deque(maxlen=MOST)
        self._previous: NDArray[np.uint8] | None = None
        self._began_ns = self._first_ns = self._last_ns = 0
        self._counted = self._taken = self._new = 0

    def run(self, seconds: float, count: int | None = None) -> None:
        """Runs until the time is over, `count` pictures have arrived, or the stream has paused for two seconds."""
        end_s = silent_s = time.monotonic() + seconds
        with self._subscriber as subscriber:
            print("ready", flush=True)
            while (now_s := time.monotonic()) < min(end_s, silent_s) and (count is None or self._taken < count):
                message = subscriber.take(TURN_S)
                if message and isinstance(message.payload, Video):
                    self._take(message, message.payload)
                    silent_s = now_s + 2.0

    def result(self) -> dict[str, Any]:
        reception, seconds = self._subscriber.reception, (self._last_ns - self._first_ns) / 1e9
        return {
            "received": reception.received,
            "taken": self._taken,
            "new": self._new,  # differs from the previous picture
            "missed": reception.missed,
            "skipped": self._subscriber.skipped,
            "fps": round((self._counted - 1) / seconds, 2) if seconds > 0.0 else 0.0,
            "receive_ms": percentiles(self._sent_ms) if self._sent_ms else None,  # since sent
            "total_ms": percentiles(self._captured_ms) if self._captured_ms else None,  # since captured
        }

    def _arrived(self, transit_ns: int) -> None:
        now_ns = time.perf_counter_ns()
        self._began_ns = self._began_ns or now_ns
        if now_ns - self._began_ns < self._warm_up_ns:
            return
        self._last_ns = now_ns
        self._first_ns = self._first_ns or now_ns
        self._counted += 1
        self._sent_ms.append(transit_ns / 1e6)
        self._captured_ms.append(self._subscriber.reception.age_ns / 1e6)

    def _take(self, message: Frame, video: Video) -> None:
        now_ns = time.perf_counter_ns()
        self._taken += 1
        if self._previous is None or not np.array_equal(self._previous, video.pixels):
            self._new += 1
        self._previous = video.pixels
        if self._mouths:
            self._mouths.add(message, video, now_ns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--count", type=int, help="end after so many pictures")
    parser.add_argument("--warm-up-s", type=float, default=0.0, help="for how long ages do not count")
    parser.add_argument("--mouths", type=Path, metavar="FILE.npz", help="keep the mouth of every picture there")
    chosen = parser.parse_args()
    mouths = Mouths() if chosen.mouths else None
    receiver = Receiver(chosen.endpoint, chosen.warm_up_s, mouths)
    receiver.run(chosen.seconds, chosen.count)
    if mouths:
        mouths.save(chosen.mouths)
    print(json.dumps(receiver.result()), flush=True)


if __name__ == "__main__":
    main()
