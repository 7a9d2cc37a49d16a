"""The /apps WebSocket: other programs ask the user, then trigger expressions, items and characters, and hear events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from omote.bridge.control import ControlError
from omote.engine.face.expressions import EXPRESSION_NAMES
from omote.engine.version import version

from ..app.apps import AppError, Permission
from ..app.hotkeys import KEY_PHASES, KeyPhase
from ..app.session import StudioSession, as_control_errors
from ..app.shipped_pictures import SHIPPED_PICTURES
from ..app.validation import (
    Arguments,
    JsonError,
    bool_argument,
    checked_number,
    choice_argument,
    expression_argument,
    parse_json,
    text_argument,
)

MOST_CLIENTS = 8
HELLO_S = 10.0  # within which a program introduces itself
ANSWER_S = 300.0  # within which the user answers
MOST_A_SECOND = 20  # requests
POLL_S = 0.05

Values = dict[str, object]
Method = Callable[[StudioSession, Arguments, str], Values]


class AppServer:
    """Serves programs; its state is that of the event loop."""

    def __init__(self, studio: StudioSession) -> None:
        self._studio = studio
        self._clients = 0

    async def serve(self, client: WebSocket) -> None:
        """Serves one program until either side ends."""
        await client.accept()
        if self._clients >= MOST_CLIENTS:
            await client.close(1013, "too many programs are connected")
            return
        self._clients += 1
        try:
            with suppress(WebSocketDisconnect, RuntimeError):  # it has gone
                await self._serve(client)
        finally:
            self._clients -= 1

    async def _serve(self, client: WebSocket) -> None:
        try:
            hello = _object(await asyncio.wait_for(_received(client), HELLO_S))
            name, grants, token = await self._admitted(client, hello)
        except (TimeoutError, AppError, JsonError) as error:
            await _send(client, type="error", error=str(error) or "no hello came within 10 seconds")
            await client.close(1008)
            return
        if not grants:
            await _send(client, type="denied")
            await client.close(1008)
            return
        await _send(client, type="welcome", omote=version(), grants=list(grants), **({"token": token} if token else {}))
        self._studio.apps.connect(name, True)
        listening = asyncio.ensure_future(self._announce(client, name, "events" in grants))
        answering = asyncio.ensure_future(self._answer(client, name))
        try:
            await asyncio.wait((listening, answering), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._studio.apps.connect(name, False)
            for task in (listening, answering):
                task.cancel()
            await asyncio.gather(listening, answering, return_exceptions=True)
        with suppress(WebSocketDisconnect, RuntimeError):
            await client.close()

    async def _admitted(
        self, client: WebSocket, hello: Mapping[str, object]
    ) -> tuple[str, tuple[Permission, ...], str]:
        """The program's name, what it may do, and its new token if it was allowed just now."""
        apps = self._studio.apps
        name, token = hello.get("app"), hello.get("token", "")
        if isinstance(name, str) and isinstance(token, str) and (known := apps.grants_of(name.strip(), token)):
            return name.strip(), known, ""
        id = apps.ask(hello)
        await _send(client, type="asking")
        deadline_s = time.monotonic() + ANSWER_S
        gone = asyncio.ensure_future(client.receive())
        try:
            while not gone.done() and time.monotonic() < deadline_s:
                if (answer := apps.answered(id)) is not None:
                    return answer.name, answer.grants, answer.token
                await asyncio.sleep(POLL_S)
        finally:
            gone.cancel()
            apps.withdraw(id)
        raise AppError("the user has not answered, or a message came before the answer")

    async def _answer(self, client: WebSocket, name: str) -> None:
        times: list[float] = []
        while True:
            text = await _received(client)
            now_s = time.monotonic()
            times = [one for one in times if now_s - one < 1.0]
            reply: Values
            if len(times) >= MOST_A_SECOND:
                reply = {"id": None, "error": f"more than {MOST_A_SECOND} requests a second: wait a moment"}
            else:
                times.append(now_s)
                reply = await run_in_threadpool(self._reply, text, name)
            await _send(client, type="reply", **reply)

    def _reply(self, text: str | None, name: str) -> Values:
        id: object = None
        try:
            request = _object(text)
            id = request.get("id") if isinstance(request.get("id"), int | str) else None
            do = choice_argument(request, "do", METHODS)
            permission, method = METHODS[do]
            grants = next((one.grants for one in self._studio.apps.allowed if one.name == name), ())
            if permission is not None and permission not in grants:
                raise ControlError("failed", f'this needs the permission "{permission}", which the user has not given')
            with as_control_errors():
                return {"id": id, "result": method(self._studio, request, name)}
        except (ControlError, JsonError) as error:
            return {"id": id, "error": error.message if isinstance(error, ControlError) else str(error)}

    async def _announce(self, client: WebSocket, name: str, has_events: bool) -> None:
        """Sends what has changed, until the program is no longer allowed."""
        before = _observed(self._studio)
        while any(one.name == name for one in self._studio.apps.allowed):
            await asyncio.sleep(POLL_S)
            now = _observed(self._studio)
            if has_events:
                for event in _changes(before, now):
                    await _send(client, type="event", **event)
            before = now


def _observed(studio: StudioSession) -> Mapping[str, object]:
    """The state whose changes are sent as events."""
    return {
        "expressions": set(studio.recognised),
        "hotkeys": {one.id for one in studio.hotkeys.active},
        "character": studio.character_name() or "",
        "is_tracked": studio.confidence > 0.0,
    }


def _changes(before: Mapping[str, object], now: Mapping[str, object]) -> list[Values]:
    events: list[Values] = []
    for key, kind in (("expressions", "expression"), ("hotkeys", "hotkey")):
        was, is_now = before[key], now[key]
        assert isinstance(was, set)
        assert isinstance(is_now, set)
        events += [{"event": kind, "name": name, "is_on": True} for name in sorted(is_now - was)]
        events += [{"event": kind, "name": name, "is_on": False} for name in sorted(was - is_now)]
    if before["character"] != now["character"]:
        events.append({"event": "character", "name": now["character"]})
    if before["is_tracked"] != now["is_tracked"]:
        events.append({"event": "face", "is_tracked": now["is_tracked"]})
    return events


# The methods, each with the permission that it needs.


def _list(studio: StudioSession, arguments: Arguments, app: str) -> Values:
    scene = studio.scenes.choice
    return {
        "expressions": list(EXPRESSION_NAMES),
        "hotkeys": [one.id for one in studio.hotkeys.definitions],
        "characters": [row["name"] for row in studio.characters.rows()],
        "scenes": [one.name for one in scene.presets],
        "items": [one.name for one in studio.items.items],
        "pictures": [*SHIPPED_PICTURES, *studio.pictures.names()],
    }


def _express(studio: StudioSession, arguments: Arguments, app: str) -> Values:
    studio.express(expression_argument(arguments), f"app {app}")
    return {}


def _press(studio: StudioSession, arguments: Arguments, app: str) -> Values:
    phase: KeyPhase = choice_argument(arguments, "phase", KEY_PHASES, default="press")  # type: ignore[assignment]
    return {"is_on": studio.trigger(text_argument(arguments, "name"), phase)}


def _show_character(studio: StudioSession, arguments: Arguments, app: str) -> Values:
    studio.use_character(text_argument(arguments, "name"))
    return {}


def _show_scene(studio: StudioSession, arguments: Arguments, app: str) -> Values:
    studio.show_scene(text_argument(arguments, "name"))
    return {}


def _show_item(studio: StudioSession, arguments: Arguments, app: str) -> Values:
    studio.change_item(text_argument(arguments, "name"), {"is_shown": bool_argument(arguments, "is_shown")})
    return {}


def _throw(studio: StudioSession, arguments: Arguments, app: str) -> Values:
    count = int(checked_number(arguments.get("count", 1), '"count"', 1, 12))
    studio.throw(text_argument(arguments, "picture"), count)
    return {}


METHODS: Mapping[str, tuple[Permission | None, Method]] = {
    "list": (None, _list),
    "expression": ("expressions", _express),
    "hotkey": ("hotkeys", _press),
    "character": ("characters", _show_character),
    "scene": ("scenes", _show_scene),
    "item": ("items", _show_item),
    "throw": ("items", _throw),
}


async def _received(client: WebSocket) -> str | None:
    """The text of the next message, None for bytes; WebSocketDisconnect if the program has gone."""
    message = await client.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    text: str | None = message.get("text")
    return text


def _object(text: str | None) -> Mapping[str, object]:
    if text is None:
        raise JsonError("a message must be text, not bytes")
    value = parse_json(text)
    if not isinstance(value, dict):
        raise JsonError(f"a message must be a JSON object, got {type(value).__name__}")
    return value


async def _send(client: WebSocket, **values: object) -> None:
    await client.send_text(json.dumps(values, allow_nan=False, separators=(",", ":")))
