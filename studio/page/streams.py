"""The /pictures, /faces and /camera WebSockets: the newest portrait, face or camera picture for each request."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from omote.engine.capture.source import TrackedPicture
from omote.engine.data import Portrait
from omote.engine.live.outputs import published_picture

# Little-endian: magic, width, height, number of the picture since the server started, index at its source,
# wall clock in milliseconds at capture and at sending. static/stream.js reads it.
PORTRAIT_HEADER = struct.Struct("<4sHHIIdd")
PORTRAIT_MAGIC = b"OMP1"
_U32 = 0xFFFFFFFF
# What /faces sends besides `shown_weights`, as WIRE.md describes it; not the expression, whose basis is FLAME's.
FACE_ARRAYS = (
    *("weights", "jaw_pose", "neck_pose", "eye_pose", "eyelids", "translation"),
    *("head_rotation", "head_translation", "gaze"),
)
T = TypeVar("T")
# Little-endian: magic, width and height of the JPEG, number of points, number of other faces, confidence (float32),
# bytes of the JPEG, number of this message, wall clock in milliseconds at capture. Then the points as float32 pairs in
# the JPEG's pixels, and the JPEG. static/camera.js reads it.
CAMERA_HEADER = struct.Struct("<4sHHHHfIId")
CAMERA_MAGIC = b"OMC1"
MAX_CAMERA_WIDTH = 480  # pixels, enough to see what the camera sees
CAMERA_QUALITY = 70
CAMERA_PERIOD_S = 0.1  # the shortest time between two pictures
CAMERA_POLL_S = 0.05  # while there is no new picture
_MAX_POINTS = 0xFFFF


async def serve_pictures(
    client: WebSocket, newest: LatestBroadcast[Portrait], picture: Callable[[Portrait], Portrait] | None = None
) -> None:
    """Answers each "next" with the newest portrait that this client has not received, until either side ends.

    `picture` makes what this client sees of it, if that is another one.
    """

    async def send(portrait: Portrait, number: int) -> None:
        shown = await run_in_threadpool(picture, portrait) if picture else portrait
        await client.send_bytes(encode_portrait(shown, number, time.perf_counter_ns()))

    await _serve_newest(client, newest, send)


async def serve_faces(client: WebSocket, newest: LatestBroadcast[Portrait]) -> None:
    """Answers each "next" with the face of the newest portrait, as `serve_pictures` does with its picture."""

    def send(portrait: Portrait, number: int) -> Awaitable[None]:
        return client.send_text(encode_face(portrait, number, time.perf_counter_ns()))

    await _serve_newest(client, newest, send)


async def _serve_newest(
    client: WebSocket,
    newest: LatestBroadcast[Portrait],
    send_one: Callable[[Portrait, int], Awaitable[None]],
) -> None:
    requested = asyncio.Event()

    def receive(text: str) -> bool:
        if text == "next":
            requested.set()
        return text == "next"

    async def send() -> None:
        number = 0
        while True:
            await requested.wait()
            requested.clear()
            found = await newest.after(number)
            if found is None:
                return
            number, portrait = found
            await send_one(portrait, number)

    await serve_websocket(client, receive, send)


def without_background(portrait: Portrait) -> Portrait:
    """The portrait over nothing; the same if it has no background."""
    if portrait.cutout is None:
        return portrait
    height, width, _ = portrait.cutout.shape
    cutout = Image.frombuffer("RGBa", (width, height), portrait.cutout, "raw", "RGBa", 0, 1)
    return replace(portrait, rgba=np.asarray(cutout.convert("RGBA")), cutout=None)


def encode_portrait(portrait: Portrait, number: int, now_ns: int) -> bytes:
    """Encodes a binary message. `now_ns` is of the clock that stamped the capture.

    The pixels are not compressed, so alpha stays exact and encoding is one copy; 256x256 at 30 pictures a second is
    8 MB/s over loopback.
    """
    height, width, _ = portrait.rgba.shape
    index, times = portrait.stamp.index & _U32, _times_ms(portrait, now_ns)
    header = PORTRAIT_HEADER.pack(PORTRAIT_MAGIC, width, height, number & _U32, index, *times)
    return header + portrait.rgba.tobytes()


def encode_face(portrait: Portrait, number: int, now_ns: int) -> str:
    """Encodes a text message: the params of WIRE.md by name, in JSON; `index` is the picture's in `/pictures`."""
    params = published_picture(portrait).params
    captured_ms, sent_ms = _times_ms(portrait, now_ns)
    face: dict[str, object] = {"number": number & _U32, "index": portrait.stamp.index & _U32}
    face |= {"captured_ms": captured_ms, "sent_ms": sent_ms, "basis": params.basis}
    face |= {"recognised": params.recognised, "confidence": params.confidence, "presence": params.presence}
    arrays = {name: getattr(params, name) for name in FACE_ARRAYS} | {"shown_weights": params.portrait_weights}
    face |= {name: np.round(np.ravel(array).astype(float), 5).tolist() for name, array in arrays.items()}
    return json.dumps(face, allow_nan=False, separators=(",", ":"))


def _times_ms(portrait: Portrait, now_ns: int) -> tuple[float, float]:
    """The wall clock in milliseconds at capture and now."""
    captured_ms = portrait.stamp.captured_wall_ns / 1e6
    return captured_ms, captured_ms + (now_ns - portrait.stamp.captured_ns) / 1e6


class LatestBroadcast(Generic[T]):
    """`Latest` for many readers in one event loop: nothing queues, and no reader waits for a slow one."""

    def __init__(self) -> None:
        self._newest: tuple[int, T | None] = (0, None)  # one attribute, so that a change is atomic
        self._came = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None  # the readers'; None before the first
        self._is_closed = False

    def put(self, value: T) -> None:
        """Sets the newest value without blocking; always from the same thread."""
        self._newest = (self._newest[0] + 1, value)
        self._wake()

    def close(self) -> None:
        """Ends all readers."""
        self._is_closed = True
        self._wake()

    async def after(self, number: int) -> tuple[int, T] | None:
        """Waits for a value whose number is above `number`, and returns it; None when closed."""
        self._loop = asyncio.get_running_loop()  # before the value is read: a later `put` wakes this reader
        while not self._is_closed:
            newest_number, value = self._newest
            if newest_number > number and value is not None:
                return newest_number, value
            self._came.clear()
            await self._came.wait()
        return None

    def _wake(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the event loop is closed
                self._loop.call_soon_threadsafe(self._came.set)


def encode_camera(tracked_picture: TrackedPicture, number: int, now_ns: int, now_wall_ns: int) -> bytes:
    """Encodes a binary message. `now_ns` is of the clock that stamped the capture."""
    height, width = tracked_picture.picture.shape[:2]
    shown = Image.fromarray(np.ascontiguousarray(tracked_picture.picture[..., ::-1]))
    scale = min(1.0, MAX_CAMERA_WIDTH / width)
    if scale < 1.0:
        size = MAX_CAMERA_WIDTH, max(round(height * scale), 1)
        shown = shown.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    jpeg = io.BytesIO()
    shown.save(jpeg, "JPEG", quality=CAMERA_QUALITY)
    points = np.ascontiguousarray(tracked_picture.points[:_MAX_POINTS] * scale, "<f4")
    captured_ms = (now_wall_ns - (now_ns - tracked_picture.captured_ns)) / 1e6
    counts = len(points), min(tracked_picture.others, 0xFFFF)
    confidence, size_bytes = float(tracked_picture.confidence), len(jpeg.getbuffer())
    header = CAMERA_HEADER.pack(
        CAMERA_MAGIC, *shown.size, *counts, confidence, size_bytes, number & 0xFFFFFFFF, captured_ms
    )
    return header + points.tobytes() + jpeg.getvalue()


async def serve_camera(client: WebSocket, tracked_picture: Callable[[], TrackedPicture | None]) -> None:
    """Answers each "next" with the newest picture that this client has not received, until it disconnects."""
    requested = asyncio.Event()

    def receive(text: str) -> bool:
        if text == "next":
            requested.set()
        return text == "next"

    async def send() -> None:
        sent: TrackedPicture | None = None
        number = 0
        while True:
            await requested.wait()
            while (newest := tracked_picture()) is None or newest is sent:
                await asyncio.sleep(CAMERA_POLL_S)
            requested.clear()
            sent, number = newest, number + 1
            message = await run_in_threadpool(encode_camera, newest, number, time.perf_counter_ns(), time.time_ns())
            await client.send_bytes(message)
            await asyncio.sleep(CAMERA_PERIOD_S)

    await serve_websocket(client, receive, send)


async def serve_websocket(
    client: WebSocket, receive: Callable[[str], bool], send: Callable[[], Awaitable[None]]
) -> None:
    """Runs `send`, and calls `receive` with each text, until one of them ends or the client disconnects.

    `receive` returns False for a text that it does not know, which disconnects the client.
    """
    await client.accept()
    sending = asyncio.ensure_future(send())
    receiving = asyncio.ensure_future(_receive_texts(client, receive))
    try:
        await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, receiving):
            task.cancel()
        results = await asyncio.gather(sending, receiving, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not _is_disconnect(result):
            raise result
    if client.client_state is WebSocketState.CONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError):  # the client may have disconnected
            await client.close()


async def _receive_texts(client: WebSocket, receive: Callable[[str], bool]) -> None:
    while True:
        text = (await client.receive()).get("text")
        if text is None or not receive(text):  # bytes, or the client has disconnected
            return


def _is_disconnect(error: Exception) -> bool:
    """Whether the client has disconnected, or uvicorn has closed it for an invalid frame or a missing pong."""
    return isinstance(error, WebSocketDisconnect) or "after sending 'websocket.close'" in str(error)
