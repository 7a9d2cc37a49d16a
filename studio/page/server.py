"""The control page and the clean page, on loopback: an output of the loop that shows the newest portrait."""

from __future__ import annotations

import logging
import mimetypes
import threading
from collections import Counter
from collections.abc import Callable
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

from omote.engine.data import Portrait

from ..app.ports import DEFAULT_PAGE_PORT, LOOPBACK_HOST, PageError, listen_on_loopback
from ..app.session import StudioSession
from ..app.state import Status, state_of
from .access import AccessControl, Role, Tickets, Tokens
from .api import Api, JsonResponse, not_found
from .events import EventStream
from .streams import LatestBroadcast, serve_camera, serve_pictures

__all__ = ["DEFAULT_PAGE_PORT", "PageError", "PageServer"]

STATIC = Path(__file__).parent / "static"
GRACEFUL_STOP_S = 0.4

log = logging.getLogger(__name__)


class PageServer:
    """Shows portraits in a browser, and the desk: `with` opens it, `offer` never blocks, `show` sets the numbers.

    A page asks for each picture when it has drawn the one before, and gets the newest. So a slow browser sees fewer
    pictures and never older ones, and a picture nobody looks at costs nothing.
    """

    name = "page"

    def __init__(
        self, port: int = DEFAULT_PAGE_PORT, desk: StudioSession | None = None, tokens: Tokens | None = None
    ) -> None:
        """Without tokens there are new ones, for this run."""
        self.port = port  # 0: any free one, known once it is open
        self.tokens = tokens or Tokens.random()
        self._tickets = Tickets()
        self._desk = desk or StudioSession()
        self._newest: LatestBroadcast[Portrait] = LatestBroadcast()
        self._events = EventStream(lambda: state_of(self._desk))
        self._viewers: Counter[Role] = Counter()  # who looks at pictures; touched by the server's thread alone
        self._status: Status | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where a person looks; whoever has this address may do everything."""
        return f"http://{LOOPBACK_HOST}:{self.port}/?token={self.tokens.control}"

    def url_for_once(self) -> str:
        """The same, for what can be overheard: it leads there one time."""
        return f"http://{LOOPBACK_HOST}:{self.port}/?ticket={self._tickets.new()}"

    @property
    def clean_url(self) -> str:
        """Where OBS looks: the portrait and nothing else; whoever has this address may do no more than look."""
        return f"http://{LOOPBACK_HOST}:{self.port}/clean?token={self.tokens.view}"

    @property
    def viewers(self) -> dict[Role, int]:
        """How many look at pictures: "control" on the page, "view" on the clean one."""
        return {"control": self._viewers["control"], "view": self._viewers["view"]}

    def __enter__(self) -> Self:
        listener = listen_on_loopback(self.port)
        self.port = listener.getsockname()[1]
        self._desk.audience, self._desk.clean_url = self._events, self.clean_url
        config = uvicorn.Config(
            AccessControl(self._app(), self.port, self.tokens, self._tickets),
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # it would spend a core on pixels that travel within this machine
            ws_max_size=1024,  # all that a page says is "next", "face on" and "face off"
            lifespan="off",
            log_config=None,
            log_level="warning",  # below it, whole addresses are logged, and the token is in them
            access_log=False,
            server_header=False,
        )
        logging.getLogger("uvicorn.error").addFilter(_is_worth_logging)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="page", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Ends within a second, whoever is connected and whether or not they answer."""
        if self._server is None or self._thread is None:
            return
        self._desk.audience = None
        self._newest.close()
        self._events.close()
        self._server.should_exit = True
        self._thread.join(GRACEFUL_STOP_S)
        self._server.force_exit = True
        self._thread.join(GRACEFUL_STOP_S)
        if self._thread.is_alive():
            log.warning("the page's server did not end; it ends with the process")

    def offer(self, portrait: Portrait) -> None:
        """Makes this the portrait that whoever looks gets next."""
        self._newest.put(portrait)
        self._events.offer(portrait)

    def show(self, status: Status) -> None:
        """Makes these the numbers beside the portrait."""
        self._status = status
        self._events.show(status)

    def _app(self) -> Starlette:
        # On Windows the registry decides, and where it calls scripts plain text a browser does not run them.
        mimetypes.add_type("text/javascript", ".js")
        mimetypes.add_type("text/css", ".css")
        return Starlette(
            exception_handlers={HTTPException: not_found},
            routes=[
                Route("/", _page("studio.html")),
                Route("/clean", _page("clean.html")),
                Route("/api/status", self._answer_status),
                *Api(self._desk).routes(),
                WebSocketRoute("/pictures", self._send_pictures),
                WebSocketRoute("/events", self._events.serve),
                WebSocketRoute("/camera", self._send_camera),
                Mount("/static", StaticFiles(directory=STATIC)),
            ],
        )

    async def _send_pictures(self, client: WebSocket) -> None:
        role: Role = client.scope["role"]
        self._viewers[role] += 1
        try:
            await serve_pictures(client, self._newest)
        finally:
            self._viewers[role] -= 1

    async def _send_camera(self, client: WebSocket) -> None:
        await serve_camera(client, lambda: self._desk.sight)

    async def _answer_status(self, request: Request) -> Response:
        return JsonResponse(self._status.as_json() if self._status else None)


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Not that a WebSocket was refused: uvicorn takes one that is told why for one that was forgotten."""
    return "without completing handshake" not in record.getMessage()


def _page(name: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return FileResponse(STATIC / name)

    return answer
