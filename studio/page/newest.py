"""The newest picture for everybody who looks: one thread puts, any number of readers in one event loop wait."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
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
