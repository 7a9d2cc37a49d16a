"""Clients of the page's server, over real sockets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from omote.engine.capture.source import TrackedPicture
from omote.engine.data import Portrait, Signal
from omote.studio.page.server import PageServer

Draw = Callable[[int], Portrait]
PATIENCE_S = 30.0


class Camera:
    """A source with the camera picture that a test sets; it never ends."""

    name, dropped = "camera", 0

    def __init__(self) -> None:
        self.tracked_picture: TrackedPicture | None = None

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *error: object) -> None: ...

    def read(self, timeout_s: float) -> Signal | None:
        return None


def base(server: PageServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def stranger(server: PageServer, token: str = "", **headers: str) -> httpx.Client:
    """A client with another token, or with the headers of another site."""
    query = {"token": token} if token else {}
    return httpx.Client(base_url=base(server), params=query, headers=headers, timeout=PATIENCE_S, trust_env=False)


@contextmanager
def listening(server: PageServer, path: str = "/events") -> Iterator[ClientConnection]:
    """A WebSocket with the control token and the Origin of the page."""
    address = f"ws://127.0.0.1:{server.port}{path}?token={server.tokens.control}"
    with connect(address, origin=Origin(base(server)), proxy=None) as client:
        yield client


def next_of(client: ClientConnection, type: str) -> dict[str, Any]:
    """The next message of this type."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        message: dict[str, Any] = json.loads(client.recv(timeout=PATIENCE_S))
        if message["type"] == type:
            return message
    pytest.fail(f"no {type} came")
