"""The page's WebSocket streams: portraits and the camera picture, newest first."""

from __future__ import annotations

import asyncio
import io
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

import numpy as np
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from omote.engine.capture.source import TrackedPicture
from omote.engine.data import Portrait


async def serve_pictures(client: WebSocket, newest: LatestBroadcast[Portrait]) -> None:
    """Answers each "next" with the newest portrait that this one has not had, until it goes or all is over."""
    wanted = asyncio.Event()

    def hear(text: str) -> bool:
        if text == "next":
            wanted.set()
        return text == "next"

    async def speak() -> None:
        number = 0
        while True:
            await wanted.wait()
            wanted.clear()
            found = await newest.after(number)
            if found is None:
                return
            number, portrait = found
            await client.send_bytes(encode_portrait(portrait, number, time.perf_counter_ns()))

    await serve_websocket(client, hear, speak)


# Little-endian: magic, width, height, number of the picture since the server started, index at its source,
# the wall clock in milliseconds at its capture and at its sending. static/stream.js reads the same.
PORTRAIT_HEADER = struct.Struct("<4sHHIIdd")
PORTRAIT_MAGIC = b"OMP1"
_U32 = 0xFFFFFFFF


def encode_portrait(portrait: Portrait, number: int, now_ns: int) -> bytes:
    """One binary message. `now_ns` is of the clock that stamped the capture.

    The pixels are not compressed: alpha stays exact, it costs a copy, and 256x256 at 30 a second
    is 8 MB/s over loopback.
    """
    height, width, _ = portrait.rgba.shape
    stamp = portrait.stamp
    captured_ms = stamp.captured_wall_ns / 1e6
    sent_ms = captured_ms + (now_ns - stamp.captured_ns) / 1e6
    header = PORTRAIT_HEADER.pack(
        PORTRAIT_MAGIC, width, height, number & _U32, stamp.index & _U32, captured_ms, sent_ms
    )
    return header + portrait.rgba.tobytes()


T = TypeVar("T")


class LatestBroadcast(Generic[T]):
    """`Latest` with many readers in one event loop: nothing queues, and nobody waits for a slow one."""

    def __init__(self) -> None:
        self._newest: tuple[int, T | None] = (0, None)  # one attribute, so that no reader sees half a change
        self._came = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None  # the readers'; None until somebody looks
        self._is_closed = False

    def put(self, value: T) -> None:
        """Makes `value` the newest, from any thread but only ever the same one, without blocking."""
        self._newest = (self._newest[0] + 1, value)
        self._wake()

    def close(self) -> None:
        """Sends the readers home."""
        self._is_closed = True
        self._wake()

    async def after(self, number: int) -> tuple[int, T] | None:
        """The newest value and its number, once that is beyond `number`; None when closed."""
        self._loop = asyncio.get_running_loop()  # before the look at the value: a put after it will wake us
        while not self._is_closed:
            newest_number, value = self._newest
            if newest_number > number and value is not None:
                return newest_number, value
            self._came.clear()
            await self._came.wait()
        return None

    def _wake(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody looks any more
                self._loop.call_soon_threadsafe(self._came.set)


# Little-endian: magic, width and height of the JPEG, how many points, how many other faces; confidence (float32), bytes
# of the JPEG, number of this message; the wall clock in milliseconds at the capture. Then the points as float32 pairs,
# in the JPEG's pixels, and last the JPEG. static/camera.js reads the same.
CAMERA_HEADER = struct.Struct("<4sHHHHfIId")
CAMERA_MAGIC = b"OMC1"
MAX_CAMERA_WIDTH = 480  # pixels; nobody needs more to see whether the camera sees them
CAMERA_QUALITY = 70
CAMERA_PERIOD_S = 0.1  # from one picture to the next, at least
CAMERA_POLL_S = 0.05  # how often one looks for a new one, while there is none

_MAX_POINTS = 0xFFFF


def encode_camera(sight: TrackedPicture, number: int, now_ns: int, now_wall_ns: int) -> bytes:
    """One binary message; the clocks are those that stamped the capture, and the wall's, at the same moment."""
    height, width = sight.picture.shape[:2]
    shown = Image.fromarray(np.ascontiguousarray(sight.picture[..., ::-1]))
    scale = min(1.0, MAX_CAMERA_WIDTH / width)
    if scale < 1.0:
        size = MAX_CAMERA_WIDTH, max(round(height * scale), 1)
        shown = shown.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    jpeg = io.BytesIO()
    shown.save(jpeg, "JPEG", quality=CAMERA_QUALITY)
    points = np.ascontiguousarray(sight.points[:_MAX_POINTS] * scale, "<f4")
    captured_ms = (now_wall_ns - (now_ns - sight.captured_ns)) / 1e6
    counts = len(points), min(sight.others, 0xFFFF)
    confidence, size_bytes = float(sight.confidence), len(jpeg.getbuffer())
    header = CAMERA_HEADER.pack(
        CAMERA_MAGIC, *shown.size, *counts, confidence, size_bytes, number & 0xFFFFFFFF, captured_ms
    )
    return header + points.tobytes() + jpeg.getvalue()


async def serve_camera(client: WebSocket, sight: Callable[[], TrackedPicture | None]) -> None:
    """Answers each "next" with the newest picture that this one has not had, until it goes."""
    wanted = asyncio.Event()

    def hear(text: str) -> bool:
        if text == "next":
            wanted.set()
        return text == "next"

    async def speak() -> None:
        told: TrackedPicture | None = None
        number = 0
        while True:
            await wanted.wait()
            while (newest := sight()) is None or newest is told:
                await asyncio.sleep(CAMERA_POLL_S)
            wanted.clear()
            told, number = newest, number + 1
            message = await run_in_threadpool(encode_camera, newest, number, time.perf_counter_ns(), time.time_ns())
            await client.send_bytes(message)
            await asyncio.sleep(CAMERA_PERIOD_S)

    await serve_websocket(client, hear, speak)


async def serve_websocket(client: WebSocket, hear: Callable[[str], bool], speak: Callable[[], Awaitable[None]]) -> None:
    """Calls `hear` with each text until it returns False or the page is gone; `speak` ends with it, or before.

    A page that says what is not understood is sent away, and so is everybody when `speak` has ended.
    """
    await client.accept()
    speaking = asyncio.ensure_future(speak())
    hearing = asyncio.ensure_future(_receive_texts(client, hear))
    try:
        await asyncio.wait((speaking, hearing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (speaking, hearing):
            task.cancel()
        results = await asyncio.gather(speaking, hearing, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not _is_disconnect(result):
            raise result
    if client.client_state is WebSocketState.CONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError):  # they may have gone this moment
            await client.close()


async def _receive_texts(client: WebSocket, hear: Callable[[str], bool]) -> None:
    while True:
        text = (await client.receive()).get("text")
        if text is None or not hear(text):  # bytes, or the page is closed
            return


def _is_disconnect(error: Exception) -> bool:
    """Whether the page has gone, or uvicorn has just ended it for bytes that are no frame, or no answer to a ping."""
    return isinstance(error, WebSocketDisconnect) or "after sending 'websocket.close'" in str(error)
