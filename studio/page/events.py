"""The /events WebSocket: state, status, faces and recognised expressions for pages and scripts."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket

from omote.engine.data import OPEN_BASIS, Portrait
from omote.engine.face.retarget import seen_weights, to_weights

from ..app.state import Status
from .streams import serve_websocket

# The shortest time between two messages of a kind.
STATE_S = 0.1
FACE_S = 1.0 / 15.0
IDLE_S = 1.0  # between two checks whether the server ends
MAX_PENDING = 1024  # recognised expressions that wait for one client; the oldest are dropped

_COMMANDS = {
    "face on": ("face", True),
    "face off": ("face", False),
    "voice on": ("voice", True),
    "voice off": ("voice", False),
}


class EventStream:
    """Sends events to any number of clients; the newest state wins, so no queue grows.

    Every method but `serve` may be called from any thread, and none blocks.
    """

    def __init__(
        self,
        state: Callable[[], object],
        voice: Callable[[], Mapping[str, object] | None] = lambda: None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`state` returns everything that the page shows as JSON values, `voice` what a voice does now, if any.

        They are called only while a client is there.
        """
        self._state, self._voice, self._clock_s = state, voice, clock_s
        self._changes = 0
        self._status: Status | None = None
        self._portrait: Portrait | None = None
        self._listeners: tuple[_Client, ...] = ()  # replaced as a whole, in the event loop alone
        self._is_closed = False

    def changed(self) -> None:
        """Announces that the state has changed."""
        self._changes += 1
        self._wake()

    def show(self, status: Status) -> None:
        """Sets the newest status."""
        self._status = status
        self._wake()

    def offer(self, portrait: Portrait) -> None:
        """Sets the newest portrait, for clients that want faces."""
        self._portrait = portrait

    def recognised(self, name: str, is_on: bool) -> None:
        """Announces that a recognised expression begins or ends."""
        for listener in self._listeners:
            listener.recognitions.append((name, is_on))
        self._wake()

    def close(self) -> None:
        """Disconnects all clients."""
        self._is_closed = True
        self._wake()

    async def serve(self, client: WebSocket) -> None:
        """Sends events to this client until it disconnects."""
        listener = _Client(asyncio.get_running_loop())
        self._listeners = (*self._listeners, listener)
        try:
            await serve_websocket(client, listener.receive, lambda: self._send_events(client, listener))
        finally:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

    async def _send_events(self, client: WebSocket, listener: _Client) -> None:
        while not self._is_closed:
            listener.woken.clear()
            while listener.recognitions:
                name, is_on = listener.recognitions.popleft()
                await client.send_text(_message("recognised", name=name, is_on=is_on))
            if self._changes != listener.changes and self._clock_s() >= listener.state_s:
                listener.changes, listener.state_s = self._changes, self._clock_s() + STATE_S
                await client.send_text(_message("state", state=await run_in_threadpool(self._state)))
            status = self._status
            if status is not None and status is not listener.status:
                listener.status = status
                await client.send_text(_message("status", **status.as_json()))
            portrait = self._portrait
            is_new = portrait is not None and portrait is not listener.portrait
            if "face" in listener.wants and portrait and is_new and self._clock_s() >= listener.face_s:
                listener.portrait, listener.face_s = portrait, self._clock_s() + FACE_S
                await client.send_text(_message("face", **_face_values(portrait)))
            if "voice" in listener.wants and self._clock_s() >= listener.voice_s:
                listener.voice_s = self._clock_s() + FACE_S
                if voice := self._voice():
                    await client.send_text(_message("voice", **voice))
            with suppress(TimeoutError):
                await asyncio.wait_for(listener.woken.wait(), self._pause_s(listener))

    def _pause_s(self, listener: _Client) -> float:
        """How long to wait for a wake-up."""
        if listener.wants:
            return FACE_S
        return STATE_S if self._changes != listener.changes else IDLE_S

    def _wake(self) -> None:
        for listener in self._listeners:
            with suppress(RuntimeError):  # the event loop is closed
                listener.loop.call_soon_threadsafe(listener.woken.set)


class _Client:
    """One client: what it has received and what it requests."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.woken = asyncio.Event()
        self.recognitions: deque[tuple[str, bool]] = deque(maxlen=MAX_PENDING)
        self.changes = -1  # the last one it has received; -1 sends the state at once
        self.state_s = self.face_s = self.voice_s = 0.0  # when it may receive the next, by the clock
        self.status: Status | None = None
        self.portrait: Portrait | None = None
        self.wants: frozenset[str] = frozenset()  # "face", "voice"

    def receive(self, text: str) -> bool:
        if text not in _COMMANDS:
            return False
        kind, is_on = _COMMANDS[text]
        self.wants = self.wants | {kind} if is_on else self.wants - {kind}
        self.woken.set()
        return True


def _message(type: str, **fields: object) -> str:
    return json.dumps({"type": type, **fields}, allow_nan=False, separators=(",", ":"))


def _face_values(portrait: Portrait) -> dict[str, object]:
    """The tracked and the shown weights, rounded for the page's bars."""
    signal, params = portrait.signal, portrait.params
    shown = to_weights(params) if params.basis == OPEN_BASIS else None
    return {
        "weights": None if signal is None else [round(float(one), 3) for one in seen_weights(signal)],
        "shown": None if shown is None else [round(float(one), 3) for one in shown],
        "confidence": 0.0 if signal is None else round(float(signal.confidence), 3),
        "head": [0.0] * 3 if signal is None else [round(float(one), 4) for one in signal.head_rotation],
    }
