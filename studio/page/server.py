"""The web server of the control page and the clean page, an output of the loop on loopback."""

from __future__ import annotations

import errno
import logging
import mimetypes
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from omote.bridge.errors import OmoteError
from omote.engine.data import Portrait

from ..app.config import DEFAULT_PAGE_PORT
from ..app.session import StudioSession
from ..app.state import Status, state_of
from .access import APPS_PATH, AccessControl, Role, Tickets, Tokens
from .api import Api, JsonResponse, not_found
from .apps import AppServer
from .events import EventStream
from .streams import LatestBroadcast, serve_camera, serve_faces, serve_pictures, without_background
from .time_limit import TimeLimitedProtocol

MAX_MESSAGE_BYTES = 4096  # of a WebSocket message to Omote: an expression of a program with all 52 weights

LOOPBACK_HOST = "127.0.0.1"
ALL = "all"  # in `show` of an address: the main character and all guests
STATIC = Path(__file__).parent / "static"
GRACEFUL_STOP_S = 0.4

log = logging.getLogger(__name__)


class PageError(OmoteError, ValueError):
    """The page cannot be served; the message says why, and what to do."""


class PageServer:
    """Serves the pages while it is entered. `offer` sets the newest portrait, `show` the status; neither blocks.

    A page asks for the next picture when it has drawn the last, and gets the newest. So a slow browser shows fewer
    pictures, never older ones, and without a browser a picture costs nothing.
    """

    name = "page"

    def __init__(
        self,
        port: int = DEFAULT_PAGE_PORT,
        studio: StudioSession | None = None,
        tokens: Tokens | None = None,
        origins: Collection[str] = (),
    ) -> None:
        """Without `tokens`, new ones are made for this run. Pages of `origins` may receive pictures and faces."""
        self._origins = origins
        self.port = port  # 0: any free one, set once the server is open
        self.tokens = tokens or Tokens.random()
        self._tickets = Tickets()
        self._studio = studio or StudioSession()
        self._newest: LatestBroadcast[Portrait] = LatestBroadcast()
        self._apps = AppServer(self._studio)
        self._events = EventStream(lambda: state_of(self._studio), self._studio.voice.now)
        self._viewers: Counter[Role] = Counter()  # changed only by the server's thread
        self._status: Status | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address of the control page; it allows everything."""
        return f"http://{LOOPBACK_HOST}:{self.port}/?token={self.tokens.control}"

    def url_for_once(self) -> str:
        """An address that opens the control page once."""
        return f"http://{LOOPBACK_HOST}:{self.port}/?ticket={self._tickets.new()}"

    @property
    def clean_url(self) -> str:
        """The address of the clean page for OBS; it allows only to view."""
        return f"http://{LOOPBACK_HOST}:{self.port}/clean?token={self.tokens.view}"

    @property
    def viewers(self) -> dict[Role, int]:
        """The number of viewers: "control" of the control page, "view" of the clean page."""
        return {"control": self._viewers["control"], "view": self._viewers["view"]}

    def __enter__(self) -> Self:
        listener = _listen_on_loopback(self.port)
        self.port = listener.getsockname()[1]
        self._studio.listener, self._studio.clean_url = self._events, self.clean_url
        config = uvicorn.Config(
            AccessControl(self._app(), self.port, self.tokens, self._tickets, self._origins),
            http=TimeLimitedProtocol,
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # would spend a core on pixels within this machine
            ws_max_size=MAX_MESSAGE_BYTES,
            lifespan="off",
            log_config=None,
            log_level="warning",  # lower levels log addresses, which hold the token
            access_log=False,
            server_header=False,
        )
        logging.getLogger("uvicorn.error").addFilter(_is_worth_logging)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="page", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Ends within a second, even if clients do not answer."""
        if self._server is None or self._thread is None:
            return
        self._studio.listener = None
        self._newest.close()
        self._events.close()
        self._server.should_exit = True
        self._thread.join(GRACEFUL_STOP_S)
        self._server.force_exit = True
        self._thread.join(GRACEFUL_STOP_S)
        if self._thread.is_alive():
            log.warning("the page's server has not ended; it ends with the process")

    def offer(self, portrait: Portrait) -> None:
        """Sets the newest portrait."""
        self._newest.put(portrait)
        self._events.offer(portrait)

    def show(self, status: Status) -> None:
        """Sets the newest status."""
        self._status = status
        self._events.show(status)

    def _app(self) -> Starlette:
        # On Windows the registry may map scripts to plain text, which a browser does not run.
        mimetypes.add_type("text/javascript", ".js")
        mimetypes.add_type("text/css", ".css")
        return Starlette(
            exception_handlers={HTTPException: not_found},
            routes=[
                Route("/", _page("studio.html")),
                Route("/clean", _page("clean.html")),
                Route("/api/status", self._answer_status),
                *Api(self._studio).routes(),
                WebSocketRoute("/pictures", self._send_pictures),
                WebSocketRoute("/faces", self._send_faces),
                WebSocketRoute("/events", self._events.serve),
                WebSocketRoute("/camera", self._send_camera),
                WebSocketRoute(APPS_PATH, self._apps.serve),
                Mount("/static", StaticFiles(directory=STATIC)),
            ],
        )

    async def _send_pictures(self, client: WebSocket) -> None:
        role: Role = client.scope["role"]
        self._viewers[role] += 1
        try:
            await serve_pictures(client, self._newest, self._picture_for(client))
        finally:
            self._viewers[role] -= 1

    def _picture_for(self, client: WebSocket) -> Callable[[Portrait], Portrait] | None:
        """What this client asks for instead of the portrait itself: its guests with it, or no background."""
        show = client.query_params.get("show")
        names = None if show == ALL else frozenset((show or "").split(","))
        has_background = client.query_params.get("background") != "none"

        if show is None and has_background:
            return None

        def picture(portrait: Portrait) -> Portrait:
            shown = portrait if show is None else self._studio.guests.shown(portrait, names)
            return shown if has_background else without_background(shown)

        return picture

    async def _send_faces(self, client: WebSocket) -> None:
        await serve_faces(client, self._newest)

    async def _send_camera(self, client: WebSocket) -> None:
        await serve_camera(client, lambda: self._studio.camera_picture)

    async def _answer_status(self, request: Request) -> Response:
        return JsonResponse(self._status.as_json() if self._status else None)


def _listen_on_loopback(port: int) -> socket.socket:
    """Opens a listening socket on loopback; PageError if the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform == "win32":  # SO_REUSEADDR would share the port with another program
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:  # the port can be used again at once
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK_HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        found = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
        raise PageError(f"port {port} {found}: choose another with --page-port, or --no-page") from error
    return listener


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Drops the message for a WebSocket that was refused with a response, which uvicorn takes for a fault."""
    return "without completing handshake" not in record.getMessage()


def _page(name: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return FileResponse(STATIC / name)

    return answer
