"""Portraits to whoever looks: each asks for one, and gets the newest."""

from __future__ import annotations

import asyncio
import time

from starlette.websockets import WebSocket

from omote.engine.nouns import Portrait

from .conversation import converse
from .message import encode
from .newest import Newest


async def serve_pictures(client: WebSocket, newest: Newest[Portrait]) -> None:
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
            await client.send_bytes(encode(portrait, number, time.perf_counter_ns()))

    await converse(client, hear, speak)
