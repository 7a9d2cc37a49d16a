"""The page's HTTP interface, for its scripts, Stream Deck buttons and OBS: each route asks the desk for one thing."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from omote.bridge.control import ControlError

from ..arguments import Arguments, flag, one_of, said_expression, word
from ..asking import told
from ..desk import Desk
from ..hotkeys import read_hotkeys
from ..state import state_of
from ..switchboard import PHASES, Phase
from .answer import Json, refused
from .body import MOST_MODEL, MOST_PHOTO, BodyError, read_body, read_object

CALIBRATION = ("start", "begin", "redo", "skip", "cancel", "save")
STATUSES: Mapping[str, int] = {"invalid": 400, "unsupported": 404, "failed": 409, "busy": 503}

Do = Callable[[Arguments], None]

log = logging.getLogger(__name__)


class Api:
    """The routes under /api; what the desk does runs in threads beside the server's own."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """All of them."""
        desk = self._desk
        posts: Mapping[str, Do] = {
            "source": lambda said: desk.use_source(one_of(said, "source", desk.switch.offered)),
            "character": lambda said: desk.use_character(word(said, "name")),
            "expression": self._express,
            "hotkeys": lambda said: desk.use_hotkeys(read_hotkeys(said.get("hotkeys"))),
            "tuning": lambda said: _nothing(desk.tune(said)),
            "tuning/reset": lambda said: desk.untune(),
            "light": desk.light,
            "actor": lambda said: desk.use_actor(word(said, "name")),
            "recalibrate": lambda said: _nothing(desk.recalibrate()),
            "calibration": lambda said: desk.calibrate(one_of(said, "do", CALIBRATION), str(said.get("step", ""))),
            "recording": lambda said: _nothing(desk.record(flag(said, "on"))),
        }
        return [
            Route("/api/state", answering(self._state)),
            *(Route(f"/api/{path}", answering(_asking(do)), methods=["POST"]) for path, do in posts.items()),
            Route("/api/trigger/{id}", answering(self._trigger), methods=["GET", "POST"]),
            Route("/api/characters/photo", answering(self._make_from_photo), methods=["POST"]),
            Route("/api/characters/points", answering(self._points), methods=["POST"]),
            Route("/api/characters/{name}/thumbnail", answering(self._thumbnail)),
            Route("/api/characters/{name}", answering(self._remove), methods=["DELETE"]),
            Route("/api/calibration/report", answering(self._report)),
        ]

    async def _state(self, request: Request) -> Response:
        return Json(await run_in_threadpool(state_of, self._desk))

    def _express(self, said: Arguments) -> None:
        self._desk.express(said_expression(said), word(said, "layer", default=""))

    async def _trigger(self, request: Request) -> Response:
        said = await read_object(request) if request.method == "POST" else {}
        asked = {"phase": request.query_params.get("phase", "press"), **said}
        phase = cast(Phase, one_of(asked, "phase", PHASES))
        with told():
            is_on = self._desk.trigger(request.path_params["id"], phase)
        return Json({"error": "", "is_on": is_on})

    async def _make_from_photo(self, request: Request) -> Response:
        asked = {key: value for key, value in request.query_params.items() if key != "token"}
        photo = await read_body(request, MOST_MODEL if asked.get("of") == "model" else MOST_PHOTO)
        return Json({"error": "", "job": await _asked(self._desk.casting.make, asked, photo)}, 202)

    async def _points(self, request: Request) -> Response:
        drawing = await read_body(request, MOST_PHOTO)
        return Json({"error": "", **cast(dict[str, object], await _asked(self._desk.casting.points, drawing))})

    async def _thumbnail(self, request: Request) -> Response:
        picture = await run_in_threadpool(self._desk.casting.thumbnail, request.path_params["name"])
        if picture is None:
            raise ControlError("unsupported", "there is no picture of this character")
        return Response(picture, media_type="image/webp")

    async def _remove(self, request: Request) -> Response:
        await _asked(self._desk.casting.remove, request.path_params["name"])
        return Json({"error": ""})

    async def _report(self, request: Request) -> Response:
        page = await _asked(self._desk.performer.report)
        if page is None:
            raise ControlError("unsupported", "whoever performs has not been calibrated before this camera yet")
        return HTMLResponse(page, headers={"Content-Security-Policy": _report_policy(str(page))})


def answering(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The same, but what goes wrong becomes an answer: {"error": a sentence}."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ControlError as error:
            return refused(error.message, STATUSES.get(error.code, 409))
        except BodyError as error:
            return refused(str(error), error.status)
        except Exception:
            log.exception("%s failed", request.scope["path"])
            return refused("this failed inside Omote; its log says why", 500)

    return answer


def _asking(do: Do) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        await _asked(do, await read_object(request))
        return Json({"error": ""})

    return answer


async def _asked(do: Callable[..., object], *arguments: object) -> object:
    def within() -> object:
        with told():
            return do(*arguments)

    return await run_in_threadpool(within)


def _report_policy(page: str) -> str:
    """A page of its own: it may have the one style that is written in it, and nothing else."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    own = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; {own}"


def _nothing(_: object) -> None:
    return None
