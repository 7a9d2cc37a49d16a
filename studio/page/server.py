"""The preview page and the clean page, on loopback: an output of the loop that shows the newest portrait."""

from __future__ import annotations

import errno
import json
import logging
import mimetypes
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from omote.engine.capture.source import SourceError
from omote.engine.nouns import Portrait

from .doorkeeper import Doorkeeper
from .message import encode
from .newest import Newest
from .status import Status

STATIC = Path(__file__).parent / "static"
DEFAULT_PORT = 8765
SOURCES = ("webcam", "demo")  # what a click may ask for; never a path
POLITE_STOP_S = 0.4

log = logging.getLogger(__name__)


class PageError(ValueError):
    """The page cannot be served; the message says what was found and the cure."""


class PageServer:
    """Shows portraits in a browser: `with` opens it, `offer` never blocks, `show` sets the numbers.

    A page asks for each picture when it has drawn the one before, and gets the newest. So a slow browser sees fewer
    pictures and never older ones, and a picture nobody looks at costs nothing.
    """

    name = "page"

    def __init__(self, port: int = DEFAULT_PORT, on_source: Callable[[str], None] | None = None) -> None:
        """`on_source` is told "webcam" or "demo" from another thread after a click; its SourceError is shown."""
        self.port = port  # 0: any free one, known once it is open
        self._on_source = on_source
        self._newest: Newest[Portrait] = Newest()
        self._status: Status | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where a person looks."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def clean_url(self) -> str:
        """Where OBS looks: the portrait and nothing else."""
        return f"http://127.0.0.1:{self.port}/clean"

    def __enter__(self) -> Self:
        listener = _listen(self.port)
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            Doorkeeper(self._app(), self.port),
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # it would spend a core on pixels that travel within this machine
            ws_max_size=1024,  # all that a page says is "next"
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="page", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Ends within a second, whoever is connected and whether or not they answer."""
        if self._server is None or self._thread is None:
            return
        self._newest.close()
        self._server.should_exit = True
        self._thread.join(POLITE_STOP_S)
        self._server.force_exit = True
        self._thread.join(POLITE_STOP_S)
        if self._thread.is_alive():
            log.warning("the page's server did not end; it ends with the process")

    def offer(self, portrait: Portrait) -> None:
        """Makes this the portrait that whoever looks gets next."""
        self._newest.put(portrait)

    def show(self, status: Status) -> None:
        """Makes these the numbers beside the portrait."""
        self._status = status

    def _app(self) -> Starlette:
        # On Windows the registry decides, and where it calls scripts plain text a browser does not run them.
        mimetypes.add_type("text/javascript", ".js")
        mimetypes.add_type("text/css", ".css")
        return Starlette(
            routes=[
                Route("/", _page("preview.html")),
                Route("/clean", _page("clean.html")),
                Route("/status", self._answer_status),
                Route("/source", self._change_source, methods=["POST"]),
                WebSocketRoute("/pictures", self._send_pictures),
                Mount("/static", StaticFiles(directory=STATIC)),
            ]
        )

    async def _send_pictures(self, client: WebSocket) -> None:
        await client.accept()
        number = 0
        try:
            while (await client.receive()).get("text") == "next":
                newest = await self._newest.after(number)
                if newest is None:
                    break
                number, portrait = newest
                await client.send_bytes(encode(portrait, number, time.perf_counter_ns()))
            if client.client_state is WebSocketState.CONNECTED:
                await client.close()
        except WebSocketDisconnect:
            pass  # they closed the page while we sent

    async def _answer_status(self, request: Request) -> Response:
        return JSONResponse(self._status.as_json() if self._status else None)

    async def _change_source(self, request: Request) -> Response:
        wanted = _wanted_source(await request.body())
        if wanted is None:
            return JSONResponse({"error": f'the page may ask for {{"source": "{SOURCES[0]}"}} or "{SOURCES[1]}"'}, 400)
        if self._on_source is None:
            return JSONResponse({"error": "the source cannot be changed here"}, 409)
        try:
            await run_in_threadpool(self._on_source, wanted)  # opening a camera takes its time
        except SourceError as error:
            return JSONResponse({"error": str(error)}, 409)
        return JSONResponse({"error": ""})


def _page(name: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return FileResponse(STATIC / name)

    return answer


def _wanted_source(body: bytes) -> str | None:
    try:
        wanted = json.loads(body)["source"]
    except (ValueError, TypeError, KeyError):
        return None
    return wanted if wanted in SOURCES else None


def _listen(port: int) -> socket.socket:
    """A listening socket on loopback; PageError where the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform == "win32":  # where SO_REUSEADDR would share the port with whoever has it
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:  # so that a new start may follow an old one at once
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError as error:
        listener.close()
        found = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
        raise PageError(f"port {port} {found}: choose another with --page-port, or --no-page") from error
    return listener
