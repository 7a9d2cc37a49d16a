"""The page's HTTP API: its routes, request bodies and JSON responses."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from omote.bridge.control import ControlError
from omote.bridge.errors import OmoteError

from ..app.hotkeys import KEY_PHASES, KeyPhase, read_hotkeys
from ..app.session import StudioSession, as_control_errors
from ..app.state import state_of
from ..app.validation import (
    Arguments,
    JsonError,
    bool_argument,
    choice_argument,
    expression_argument,
    parse_json,
    text_argument,
)

CALIBRATION = ("start", "begin", "redo", "skip", "cancel", "save")
STATUSES: Mapping[str, int] = {"invalid": 400, "unsupported": 404, "failed": 409, "busy": 503}

Handler = Callable[[Arguments], None]

log = logging.getLogger(__name__)


class Api:
    """The routes under /api; what the desk does runs in threads beside the server's own."""

    def __init__(self, desk: StudioSession) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """All of them."""
        desk = self._desk
        posts: Mapping[str, Handler] = {
            "source": lambda said: desk.use_source(choice_argument(said, "source", desk.switch.offered)),
            "character": lambda said: desk.use_character(text_argument(said, "name")),
            "expression": self._express,
            "hotkeys": lambda said: desk.use_hotkeys(read_hotkeys(said.get("hotkeys"))),
            "tuning": lambda said: _discard(desk.tune(said)),
            "tuning/reset": lambda said: desk.untune(),
            "light": desk.light,
            "actor": lambda said: desk.use_actor(text_argument(said, "name")),
            "recalibrate": lambda said: _discard(desk.recalibrate()),
            "calibration": lambda said: desk.calibrate(
                choice_argument(said, "do", CALIBRATION), str(said.get("step", ""))
            ),
            "recording": lambda said: _discard(desk.record(bool_argument(said, "on"))),
        }
        return [
            Route("/api/state", with_error_responses(self._state)),
            *(
                Route(f"/api/{path}", with_error_responses(_post_handler(do)), methods=["POST"])
                for path, do in posts.items()
            ),
            Route("/api/trigger/{id}", with_error_responses(self._trigger), methods=["GET", "POST"]),
            Route("/api/characters/photo", with_error_responses(self._make_from_photo), methods=["POST"]),
            Route("/api/characters/points", with_error_responses(self._points), methods=["POST"]),
            Route("/api/characters/{name}/thumbnail", with_error_responses(self._thumbnail)),
            Route("/api/characters/{name}", with_error_responses(self._remove), methods=["DELETE"]),
            Route("/api/calibration/report", with_error_responses(self._report)),
        ]

    async def _state(self, request: Request) -> Response:
        return JsonResponse(await run_in_threadpool(state_of, self._desk))

    def _express(self, said: Arguments) -> None:
        self._desk.express(expression_argument(said), text_argument(said, "layer", default=""))

    async def _trigger(self, request: Request) -> Response:
        said = await read_object(request) if request.method == "POST" else {}
        asked = {"phase": request.query_params.get("phase", "press"), **said}
        phase = cast(KeyPhase, choice_argument(asked, "phase", KEY_PHASES))
        with as_control_errors():
            is_on = self._desk.trigger(request.path_params["id"], phase)
        return JsonResponse({"error": "", "is_on": is_on})

    async def _make_from_photo(self, request: Request) -> Response:
        asked = {key: value for key, value in request.query_params.items() if key != "token"}
        photo = await read_body(request, MAX_MODEL_BYTES if asked.get("of") == "model" else MAX_PHOTO_BYTES)
        return JsonResponse({"error": "", "job": await _call(self._desk.casting.make, asked, photo)}, 202)

    async def _points(self, request: Request) -> Response:
        drawing = await read_body(request, MAX_PHOTO_BYTES)
        return JsonResponse({"error": "", **cast(dict[str, object], await _call(self._desk.casting.points, drawing))})

    async def _thumbnail(self, request: Request) -> Response:
        picture = await run_in_threadpool(self._desk.casting.thumbnail, request.path_params["name"])
        if picture is None:
            raise ControlError("unsupported", "there is no picture of this character")
        return Response(picture, media_type="image/webp")

    async def _remove(self, request: Request) -> Response:
        await _call(self._desk.casting.remove, request.path_params["name"])
        return JsonResponse({"error": ""})

    async def _report(self, request: Request) -> Response:
        page = await _call(self._desk.performer.report)
        if page is None:
            raise ControlError("unsupported", "whoever performs has not been calibrated before this camera yet")
        return HTMLResponse(page, headers={"Content-Security-Policy": _report_policy(str(page))})


def with_error_responses(
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """The same, but what goes wrong becomes an answer: {"error": a sentence}."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ControlError as error:
            return error_response(error.message, STATUSES.get(error.code, 409))
        except BodyError as error:
            return error_response(str(error), error.status)
        except Exception:
            log.exception("%s failed", request.scope["path"])
            return error_response("this failed inside Omote; its log says why", 500)

    return answer


def _post_handler(do: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        await _call(do, await read_object(request))
        return JsonResponse({"error": ""})

    return answer


async def _call(do: Callable[..., object], *arguments: object) -> object:
    def within() -> object:
        with as_control_errors():
            return do(*arguments)

    return await run_in_threadpool(within)


def _report_policy(page: str) -> str:
    """A page of its own: it may have the one style that is written in it, and nothing else."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    own = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; {own}"


def _discard(_: object) -> None:
    return None


MAX_JSON_BYTES = 65_536
MAX_PHOTO_BYTES, MAX_MODEL_BYTES = 16 * 1024 * 1024, 128 * 1024 * 1024


class BodyError(OmoteError, ValueError):
    """Too long, or not what was wanted; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read_body(request: Request, most: int) -> bytes:
    """All of it; BodyError as soon as it is longer than `most` bytes, whatever its header said."""
    said = request.headers.get("content-length", "0")
    if not (said.isascii() and said.isdigit()) or int(said[:20]) > most:
        raise _too_long_error(most)
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise _too_long_error(most)
    except ClientDisconnect as error:
        raise BodyError(400, "the request broke off before its body ended") from error
    return bytes(body)


async def read_object(request: Request) -> Mapping[str, object]:
    """The JSON object in it; an empty one where there is nothing."""
    body = await read_body(request, MAX_JSON_BYTES)
    if not body.strip():
        return {}
    try:
        said = parse_json(body)
    except JsonError as error:
        raise BodyError(400, f"the request's body cannot be read: {error}") from error
    if not isinstance(said, dict):
        raise BodyError(400, f"the request's body must be a JSON object, got {type(said).__name__}")
    return said


def _too_long_error(most: int) -> BodyError:
    return BodyError(413, f"the request's body may have {most} bytes and no more")


MAX_SENTENCE = 600  # letters of a refusal, whatever was asked

_SENTENCES = {404: "there is nothing at {path}", 405: "{path} is not asked by {method}: docs/control-page.md says how"}


class JsonResponse(JSONResponse):
    """In ASCII, for names of files and what others say may have letters that UTF-8 has no bytes for."""

    def render(self, content: object) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def error_response(sentence: str, status: int) -> Response:
    """{"error": the sentence}, which is cut where it is longer than anybody reads."""
    return JsonResponse(
        {"error": sentence if len(sentence) <= MAX_SENTENCE else f"{sentence[:MAX_SENTENCE]}..."}, status
    )


async def not_found(request: Request, error: Exception) -> Response:
    """The same for an address or a method that there is not; outside /api a plain text."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    path, headers = request.scope["path"], getattr(error, "headers", None)
    if not path.startswith("/api/"):
        return PlainTextResponse(str(getattr(error, "detail", "")), status, headers)
    sentence = _SENTENCES.get(status, "this cannot be asked").format(path=path[:100], method=request.method[:20])
    answer = error_response(sentence, status)
    answer.headers.update(headers or {})
    return answer
