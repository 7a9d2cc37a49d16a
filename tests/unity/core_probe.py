"""A probe that listens in a process of its own, and pictures to send to it."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np

from omote.bridge import arkit, picture
from omote.bridge.frame import Params, Video
from omote.bridge.picture import Format
from omote.bridge.publisher import Publisher, Shot

PATIENCE_S = 120.0  # the test fails after it; it never passes because of it
FREE_PORT = "tcp://127.0.0.1:*"
TRANSPORTS = ("managed", "libzmq")


class Probe:
    """A running probe; leaving `with` ends it."""

    def __init__(self, program: Path, endpoint: str, *arguments: object) -> None:
        command = ["mono", str(program), "--endpoint", endpoint, *map(str, arguments)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)
        self._watchdog = threading.Timer(PATIENCE_S, self._process.kill)

    def __enter__(self) -> Self:
        self._watchdog.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._watchdog.cancel()
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout
        line = self._process.stdout.readline().rstrip()
        assert line, f"the probe ended: {self._process.stderr.read() if self._process.stderr else ''}"
        return line

    def line_that_begins(self, word: str) -> str:
        """The next line that begins so."""
        while not (line := self.line()).startswith(word):
            pass
        return line

    def figures(self) -> dict[str, object]:
        """What it has counted, when it has come to its end."""
        found = json.loads(self.line_that_begins("{"))
        assert isinstance(found, dict)
        return found

    def refusal(self) -> str:
        """What a probe says that cannot begin."""
        _, said = self._process.communicate(timeout=PATIENCE_S)
        assert self._process.returncode == 2, said
        return said


def noise(seed: int, side: int) -> Video:
    """A picture that no mistake leaves as it was."""
    return Video(np.random.default_rng(seed).integers(0, 256, (side, side + 2, 4), np.uint8))


def shot(index: int, video: Video, weight: float = 0.5) -> Shot:
    now_ns = time.perf_counter_ns()
    return Shot(index, now_ns, now_ns, time.time_ns(), video, face(weight))


def face(weight: float) -> Params:
    zeros = np.zeros
    return Params(
        weights=np.full(arkit.COUNT, weight, np.float32),
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
