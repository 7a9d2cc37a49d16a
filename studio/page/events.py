"""What happens, told to every page and script that listens: the newest state wins, and no queue grows."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket

from omote.engine.data import OPEN_BASIS, Portrait
from omote.engine.face.retarget import seen_weights, to_weights

from ..app.state import Status
from .streams import serve_websocket

STATE_S = 0.1  # from one state to the next, at least
FACE_S = 1.0 / 15.0  # from one face to the next, at least
IDLE_S = 1.0  # an eye is kept on the end
MAX_PENDING = 1024  # recognised expressions that wait for one listener; then the oldest are forgotten

_COMMANDS = {"face on": True, "face off": False}


class EventStream:
    """Tells any number of listeners. Its methods but `serve` may be called from any thread, and never block."""

    def __init__(self, state: Callable[[], object], clock_s: Callable[[], float] = time.monotonic) -> None:
        """`state` gives all that the page shows, in JSON's types; it is asked only while somebody listens."""
        self._state, self._clock_s = state, clock_s
        self._changes = 0
        self._status: Status | None = None
        self._portrait: Portrait | None = None
        self._listeners: tuple[_Client, ...] = ()  # replaced as a whole, in the event loop alone
        self._is_closed = False

    @property
    def count(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def changed(self) -> None:
        """The state is another."""
        self._changes += 1
        self._wake()

    def show(self, status: Status) -> None:
        """Makes these the numbers of this second."""
        self._status = status
        self._wake()

    def offer(self, portrait: Portrait) -> None:
        """Makes this the face that whoever wants faces gets next."""
        self._portrait = portrait

    def recognised(self, name: str, is_on: bool) -> None:
        """The performer begins or ends to make this expression."""
        for listener in self._listeners:
            listener.heard.append((name, is_on))
        self._wake()

    def close(self) -> None:
        """Sends the listeners home."""
        self._is_closed = True
        self._wake()

    async def serve(self, client: WebSocket) -> None:
        """Tells this one until it goes."""
        listener = _Client(asyncio.get_running_loop())
        self._listeners = (*self._listeners, listener)
        try:
            await serve_websocket(client, listener.hear, lambda: self._tell(client, listener))
        finally:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

    async def _tell(self, client: WebSocket, listener: _Client) -> None:
        while not self._is_closed:
            listener.woken.clear()
            while listener.heard:
                name, is_on = listener.heard.popleft()
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
            if listener.wants_face and portrait and is_new and self._clock_s() >= listener.face_s:
                listener.portrait, listener.face_s = portrait, self._clock_s() + FACE_S
                await client.send_text(_message("face", **_face_values(portrait)))
            with suppress(TimeoutError):
                await asyncio.wait_for(listener.woken.wait(), self._pause_s(listener))

    def _pause_s(self, listener: _Client) -> float:
        """How long there is surely nothing to say, unless somebody wakes us."""
        if listener.wants_face:
            return FACE_S
        return STATE_S if self._changes != listener.changes else IDLE_S

    def _wake(self) -> None:
        for listener in self._listeners:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                listener.loop.call_soon_threadsafe(listener.woken.set)


class _Client:
    """What one of them was told, and wants to be told."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.woken = asyncio.Event()
        self.heard: deque[tuple[str, bool]] = deque(maxlen=MAX_PENDING)
        self.changes = -1  # those it was told of: none, so that it is told the state at once
        self.state_s = self.face_s = 0.0  # when it may be told the next, by the clock
        self.status: Status | None = None
        self.portrait: Portrait | None = None
        self.wants_face = False

    def hear(self, text: str) -> bool:
        if text not in _COMMANDS:
            return False
        self.wants_face = _COMMANDS[text]
        self.woken.set()
        return True


def _message(type: str, **fields: object) -> str:
    return json.dumps({"type": type, **fields}, allow_nan=False, separators=(",", ":"))


def _face_values(portrait: Portrait) -> dict[str, object]:
    """What was seen and what is shown, rounded to what a bar on a page can tell."""
    signal, params = portrait.signal, portrait.params
    shown = to_weights(params) if params.basis == OPEN_BASIS else None
    return {
        "weights": None if signal is None else [round(float(one), 3) for one in seen_weights(signal)],
        "shown": None if shown is None else [round(float(one), 3) for one in shown],
        "confidence": 0.0 if signal is None else round(float(signal.confidence), 3),
        "head": [0.0] * 3 if signal is None else [round(float(one), 4) for one in signal.head_rotation],
    }
