"""What the tests of receivers send: pictures and faces, at a steady rate; and how long they wait."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable

import numpy as np

from omote.bridge import arkit, picture
from omote.bridge.payload import Params, Video
from omote.bridge.picture import Format
from omote.bridge.publisher import Publisher, Sample

PATIENCE_S = 120.0  # a test fails after it; it never passes because of it
FREE_PORT = "tcp://127.0.0.1:*"


def noise(seed: int, side: int) -> Video:
    """A picture that no mistake leaves as it was."""
    return Video(np.random.default_rng(seed).integers(0, 256, (side, side + 2, 4), np.uint8))


def shot(index: int, video: Video, seen: float = 0.5, shown: float = 0.5) -> Sample:
    now_ns = time.perf_counter_ns()
    return Sample(index, now_ns, now_ns, time.time_ns(), video, face(seen, shown))


def face(seen: float, shown: float) -> Params:
    """A face whose weights are all alike, and the rest at rest."""
    zeros = np.zeros
    return Params(
        weights=np.full(arkit.COUNT, seen, np.float32),
        expression=zeros(50, np.float32),
        jaw_pose=zeros(3, np.float32),
        neck_pose=zeros(3, np.float32),
        eye_pose=zeros((2, 3), np.float32),
        eyelids=zeros(2, np.float32),
        translation=zeros(3, np.float32),
        head_rotation=zeros(3, np.float32),
        head_translation=zeros(3, np.float32),
        gaze=zeros((2, 2), np.float32),
        confidence=0.75,
        presence=1.0,
        basis="open",
        shown_weights=np.full(arkit.COUNT, shown, np.float32),
    )


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


def wait_for(what: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.005)
