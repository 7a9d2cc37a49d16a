"""What the camera sees, for the page alone: a small picture with the face's points, made only while somebody asks."""

from __future__ import annotations

import asyncio
import io
import struct
import time
from collections.abc import Callable

import numpy as np
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket

from omote.engine.capture.sight import Sight

from .conversation import converse

# Little-endian: magic, width and height of the JPEG, how many points, how many other faces; confidence (float32), bytes
# of the JPEG, number of this message; the wall clock in milliseconds at the capture. Then the points as float32 pairs,
# in the JPEG's pixels, and last the JPEG. static/camera.js reads the same.
HEADER = struct.Struct("<4sHHHHfIId")
MAGIC = b"OMC1"
WIDEST = 480  # pixels; nobody needs more to see whether the camera sees them
QUALITY = 70
PERIOD_S = 0.1  # from one picture to the next, at least
LOOK_S = 0.05  # how often one looks for a new one, while there is none

_MOST_POINTS = 0xFFFF


def encode(sight: Sight, number: int, now_ns: int, now_wall_ns: int) -> bytes:
    """One binary message; the clocks are those that stamped the capture, and the wall's, at the same moment."""
    height, width = sight.picture.shape[:2]
    shown = Image.fromarray(np.ascontiguousarray(sight.picture[..., ::-1]))
    scale = min(1.0, WIDEST / width)
    if scale < 1.0:
        size = WIDEST, max(round(height * scale), 1)
        shown = shown.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    jpeg = io.BytesIO()
    shown.save(jpeg, "JPEG", quality=QUALITY)
    points = np.ascontiguousarray(sight.points[:_MOST_POINTS] * scale, "<f4")
    captured_ms = (now_wall_ns - (now_ns - sight.captured_ns)) / 1e6
    counts = len(points), min(sight.others, 0xFFFF)
    confidence, size_bytes = float(sight.confidence), len(jpeg.getbuffer())
    header = HEADER.pack(MAGIC, *shown.size, *counts, confidence, size_bytes, number & 0xFFFFFFFF, captured_ms)
    return header + points.tobytes() + jpeg.getvalue()


async def serve_camera(client: WebSocket, sight: Callable[[], Sight | None]) -> None:
    """Answers each "next" with the newest picture that this one has not had, until it goes."""
    wanted = asyncio.Event()

    def hear(text: str) -> bool:
        if text == "next":
            wanted.set()
        return text == "next"

    async def speak() -> None:
        told: Sight | None = None
        number = 0
        while True:
            await wanted.wait()
            while (newest := sight()) is None or newest is told:
                await asyncio.sleep(LOOK_S)
            wanted.clear()
            told, number = newest, number + 1
            message = await run_in_threadpool(encode, newest, number, time.perf_counter_ns(), time.time_ns())
            await client.send_bytes(message)
            await asyncio.sleep(PERIOD_S)

    await converse(client, hear, speak)
