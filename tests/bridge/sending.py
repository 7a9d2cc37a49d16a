"""What tests send: pictures and faces, at a steady rate; and how long they wait."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit, picture
from omote.bridge.frame import Frame
from omote.bridge.payload import FIELDS, Params, Video
from omote.bridge.picture import Format
from omote.bridge.publisher import Publisher, Sample
from omote.bridge.subscriber import Subscriber

PATIENCE_S = 120.0  # a test fails after it; it never passes because of it
FREE_PORT = "tcp://127.0.0.1:*"
_SHAPES = {"eye_pose": (2, 3), "gaze": (2, 2)}


def noise(seed: int, side: int) -> Video:
    """A picture that no mistake leaves as it was."""
    return Video(np.random.default_rng(seed).integers(0, 256, (side, side + 2, 4), np.uint8))


def params(
    seen: NDArray[np.float32], shown: NDArray[np.float32] | None, confidence: float = 1.0, **posed: list[Any]
) -> Params:
    """A face with these weights, as seen and as shown, and these poses; the rest is zero."""
    arrays: dict[str, Any] = {name: np.zeros(_SHAPES.get(name, count), np.float32) for name, count in FIELDS}
    arrays |= {name: np.array(value, np.float32) for name, value in posed.items()}
    arrays |= {"weights": seen, "shown_weights": shown, "confidence": confidence, "presence": 1.0}
    return Params(**arrays, basis="open")


def face(seen: float = 0.5, shown: float = 0.5) -> Params:
    """A face whose weights are all equal, and the rest at rest."""
    return params(np.full(arkit.COUNT, seen, np.float32), np.full(arkit.COUNT, shown, np.float32), 0.75)


def shot(index: int, video: Video, seen: float = 0.5, shown: float = 0.5) -> Sample:
    now_ns = time.perf_counter_ns()
    return Sample(index, now_ns, now_ns, time.time_ns(), video, face(seen, shown))


def checksum(video: Video, format: Format) -> str:
    """What the probe prints for this picture in this format: of its pixels, or of its JPEG."""
    header, parts = picture.encode(video, format)
    content = parts[0] if format.is_compressed else picture.decode(header, parts).pixels.tobytes()
    return f"{zlib.crc32(content):08x}"


def publish_until(
    publisher: Publisher, is_over: Callable[[], bool], video: Video, fps: float = 60.0, first: int = 0
) -> int:
    """Sends pictures at a steady rate until it is over; returns how many."""
    sent, next_s, deadline_s = 0, time.monotonic(), time.monotonic() + PATIENCE_S
    while not is_over():
        assert time.monotonic() < deadline_s, "published in vain"
        publisher.publish(shot(first + sent, video))
        sent, next_s = sent + 1, next_s + 1 / fps
        time.sleep(max(0.0, next_s - time.monotonic()))
    return sent


def taken(subscriber: Subscriber) -> Frame:
    message = subscriber.take(PATIENCE_S)
    assert message, "nothing came"
    return message


def wait_for(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.005)
