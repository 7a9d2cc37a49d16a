"""A WebSocket's two sides at once: what a page says is heard while something is being said to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState


async def converse(client: WebSocket, hear: Callable[[str], bool], speak: Callable[[], Awaitable[None]]) -> None:
    """Calls `hear` with each text until it returns False or the page is gone; `speak` ends with it, or before.

    A page that says what is not understood is sent away, and so is everybody when `speak` has ended.
    """
    await client.accept()
    speaking = asyncio.ensure_future(speak())
    hearing = asyncio.ensure_future(_hear(client, hear))
    try:
        await asyncio.wait((speaking, hearing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (speaking, hearing):
            task.cancel()
        results = await asyncio.gather(speaking, hearing, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not _is_gone(result):
            raise result
    if client.client_state is WebSocketState.CONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError):  # they may have gone this moment
            await client.close()


async def _hear(client: WebSocket, hear: Callable[[str], bool]) -> None:
    while True:
        text = (await client.receive()).get("text")
        if text is None or not hear(text):  # bytes, or the page is closed
            return


def _is_gone(error: Exception) -> bool:
    """Whether the page has gone, or uvicorn has just ended it for bytes that are no frame, or no answer to a ping."""
    return isinstance(error, WebSocketDisconnect) or "after sending 'websocket.close'" in str(error)
