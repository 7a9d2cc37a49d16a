"""The page's HTTP API: its routes, request bodies and JSON responses."""

from __future__ import annotations

import asyncio
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
from omote.engine.capture.recorder import RecordingProgress

from ..app.characters import MAX_MODEL_BYTES, MAX_PICTURE_BYTES, MAX_TERMS_BYTES
from ..app.guests import read_guests
from ..app.hotkeys import KEY_PHASES, KeyPhase, read_hotkeys
from ..app.outputs import MOST_SPEC
from ..app.session import StudioSession, as_control_errors
from ..app.state import recording_state, state_of
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
from .library_api import LibraryApi
from .source_api import SourceApi
from .time_limit import BODY_TIMEOUT_S

CALIBRATION = ("start", "begin", "redo", "skip", "cancel", "save")
STATUSES: Mapping[str, int] = {"invalid": 400, "unsupported": 404, "failed": 409, "busy": 503}

Handler = Callable[[Arguments], object]

log = logging.getLogger(__name__)

MAX_JSON_BYTES = 262_144
MAX_SENTENCE = 600  # letters of an error
_SENTENCES = {404: "there is nothing at {path}", 405: "{path} does not support {method}: see docs/control-page.md"}


class Api:
    """The routes under /api. The session's methods run in threads, because they may block."""

    def __init__(self, studio: StudioSession) -> None:
        self._studio = studio

    def routes(self) -> list[Route]:
        studio, sources = self._studio, SourceApi(self._studio)
        library = LibraryApi(studio, read_body)
        posts: Mapping[str, Handler] = {
            "source": lambda arguments: studio.use_source(choice_argument(arguments, "source", studio.switch.offered)),
            "source/camera": studio.use_camera,
            "source/phone": sources.use_phone,
            "character": lambda arguments: studio.use_character(text_argument(arguments, "name")),
            "expression": self._express,
            "hotkeys": self._use_hotkeys,
            "hotkeys/global": lambda arguments: studio.use_global_hotkeys(bool_argument(arguments, "on")),
            "tuning": studio.tune,
            "tuning/reset": lambda arguments: studio.reset_tuning(),
            "light": studio.light,
            "scene": studio.change_scene,
            "items/add": lambda arguments: studio.add_item(text_argument(arguments, "picture")),
            "items/change": lambda arguments: studio.change_item(
                arguments.get("item"), {name: value for name, value in arguments.items() if name != "item"}
            ),
            "items/remove": lambda arguments: studio.remove_item(arguments.get("item")),
            "items/throw": lambda arguments: studio.throw(
                text_argument(arguments, "picture"), int(checked_number(arguments.get("count", 1), '"count"', 1, 12))
            ),
            "apps/answer": lambda arguments: studio.apps.answer(arguments.get("id"), arguments.get("grants")),
            "apps/revoke": lambda arguments: studio.apps.revoke(arguments.get("name")),
            "guests": lambda arguments: studio.use_guests(read_guests(arguments.get("guests"))),
            "scenes/save": lambda arguments: studio.save_scene(text_argument(arguments, "name")),
            "scenes/show": lambda arguments: studio.show_scene(text_argument(arguments, "name")),
            "scenes/remove": lambda arguments: studio.remove_scene(text_argument(arguments, "name")),
            "voice": studio.use_voice,
            "actor": lambda arguments: studio.use_actor(text_argument(arguments, "name")),
            "recalibrate": self._recalibrate,
            "calibration": lambda arguments: studio.calibrate(
                choice_argument(arguments, "do", CALIBRATION), str(arguments.get("step", ""))
            ),
            "quality": studio.use_quality,
            "output": lambda arguments: studio.use_output(
                text_argument(arguments, "destination", high=MOST_SPEC).strip(), bool_argument(arguments, "on")
            ),
            "endpoint": lambda arguments: studio.use_endpoint(
                text_argument(arguments, "name"), arguments.get("on"), arguments.get("port")
            ),
            "clear": lambda arguments: studio.command("clear"),
            "pause": lambda arguments: studio.command("pause", bool_argument(arguments, "on")),
            "hide": lambda arguments: studio.command("hide", bool_argument(arguments, "on")),
            "label": lambda arguments: studio.command("label", bool_argument(arguments, "on")),
            **library.posts(),
        }
        return [
            Route("/api/state", with_error_responses(self._state)),
            *(
                Route(f"/api/{path}", with_error_responses(_post_handler(do)), methods=["POST"])
                for path, do in posts.items()
            ),
            *(
                Route(path, with_error_responses(do), methods=[method])
                for path, do, method in (*sources.endpoints(), *library.endpoints())
            ),
            Route("/api/expression/now", with_error_responses(self._capture_expression)),
            Route("/api/recording", with_error_responses(self._record), methods=["POST"]),
            Route("/api/jobs/{number:int}", with_error_responses(self._remove_job), methods=["DELETE"]),
            Route("/api/trigger/{id}", with_error_responses(self._trigger), methods=["GET", "POST"]),
            Route("/api/characters/photo", with_error_responses(self._make_from_photo), methods=["POST"]),
            Route("/api/characters/points", with_error_responses(self._points), methods=["POST"]),
            Route("/api/characters/terms", with_error_responses(self._terms), methods=["POST"]),
            Route("/api/characters/{name}/thumbnail", with_error_responses(self._thumbnail)),
            Route("/api/characters/{name}", with_error_responses(self._remove), methods=["DELETE"]),
            Route("/api/pictures", with_error_responses(self._add_picture), methods=["POST"]),
            Route("/api/pictures/{name}", with_error_responses(self._picture), methods=["GET", "DELETE"]),
            Route("/api/voice/microphones", with_error_responses(self._microphones)),
            Route("/api/calibration/report", with_error_responses(self._report)),
        ]

    async def _state(self, request: Request) -> Response:
        return JsonResponse(await run_in_threadpool(state_of, self._studio))

    def _express(self, arguments: Arguments) -> None:
        self._studio.express(expression_argument(arguments), text_argument(arguments, "layer", default=""))

    async def _capture_expression(self, request: Request) -> Response:
        return JsonResponse({"error": "", "weights": await _call(self._studio.captured_expression)})

    def _recalibrate(self, arguments: Arguments) -> None:
        do = {"set": self._studio.recalibrate, "undo": self._studio.undo_rest, "forget": self._studio.forget_rest}
        do[choice_argument(arguments, "do", tuple(do), default="set")]()

    def _use_hotkeys(self, arguments: Arguments) -> None:
        seen = read_hotkeys(arguments["seen"]) if "seen" in arguments else None
        self._studio.use_hotkeys(read_hotkeys(arguments.get("hotkeys")), seen)

    async def _trigger(self, request: Request) -> Response:
        arguments = await read_object(request) if request.method == "POST" else {}
        fields = {"phase": request.query_params.get("phase", "press"), **arguments}
        phase = cast(KeyPhase, choice_argument(fields, "phase", KEY_PHASES))
        with as_control_errors():
            is_on = self._studio.trigger(request.path_params["id"], phase)
        return JsonResponse({"error": "", "is_on": is_on})

    async def _make_from_photo(self, request: Request) -> Response:
        fields = {key: value for key, value in request.query_params.items() if key != "token"}
        photo = await read_body(request, MAX_MODEL_BYTES if fields.get("of") == "model" else MAX_PICTURE_BYTES)
        return JsonResponse({"error": "", "job": await _call(self._studio.characters.make, fields, photo)}, 202)

    async def _record(self, request: Request) -> Response:
        arguments = await read_object(request)
        progress = await _call(lambda: self._studio.record(bool_argument(arguments, "on")))
        return JsonResponse({"error": "", "recording": recording_state(cast(RecordingProgress | None, progress))})

    async def _remove_job(self, request: Request) -> Response:
        await _call(self._studio.characters.remove_job, request.path_params["number"])
        return JsonResponse({"error": ""})

    async def _points(self, request: Request) -> Response:
        drawing = await read_body(request, MAX_PICTURE_BYTES)
        return JsonResponse(
            {"error": "", **cast(dict[str, object], await _call(self._studio.characters.points, drawing))}
        )

    async def _terms(self, request: Request) -> Response:
        start = await read_body(request, MAX_TERMS_BYTES)
        found = cast(dict[str, object], await _call(self._studio.characters.terms, start))
        return JsonResponse({"error": "", **found})

    async def _thumbnail(self, request: Request) -> Response:
        picture = await run_in_threadpool(self._studio.characters.thumbnail, request.path_params["name"])
        if picture is None:
            raise ControlError("unsupported", "there is no picture of this character")
        return Response(picture, media_type="image/webp")

    async def _remove(self, request: Request) -> Response:
        await _call(self._studio.characters.remove, request.path_params["name"])
        return JsonResponse({"error": ""})

    async def _add_picture(self, request: Request) -> Response:
        data = await read_body(request, MAX_PICTURE_BYTES)
        name = request.query_params.get("name", "picture")
        return JsonResponse({"error": "", "name": await _call(self._studio.add_picture, name, data)})

    async def _picture(self, request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "DELETE":
            await _call(self._studio.remove_picture, name)
            return JsonResponse({"error": ""})
        return Response(cast(bytes, await _call(self._studio.pictures.thumbnail, name)), media_type="image/png")

    async def _microphones(self, request: Request) -> Response:
        return JsonResponse({"error": "", "microphones": await _call(self._studio.voice.choices)})

    async def _report(self, request: Request) -> Response:
        page = await _call(self._studio.performer.report)
        if page is None:
            raise ControlError("unsupported", "this performer has no calibration for this camera yet")
        return HTMLResponse(page, headers={"Content-Security-Policy": _report_policy(str(page))})


def with_error_responses(
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Wraps an endpoint so that errors become a response {"error": a sentence}."""

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
    """The policy of the report: its own inline style, and nothing else."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    own = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; {own}"


class BodyError(OmoteError, ValueError):
    """The body of a request is too long or invalid; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read_body(request: Request, most: int) -> bytes:
    """Reads the body; BodyError if it is longer than `most` bytes, whatever its header says, or takes too long."""
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or int(length[:20]) > most:
        raise _too_long_error(most)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise _too_long_error(most)
    except TimeoutError as error:
        raise BodyError(408, f"the request's body did not come within {BODY_TIMEOUT_S:g} s: send it again") from error
    except ClientDisconnect as error:
        raise BodyError(400, "the request ended before its body was complete") from error
    return bytes(body)


async def read_object(request: Request) -> Mapping[str, object]:
    """Reads a JSON object; an empty body is an empty object."""
    body = await read_body(request, MAX_JSON_BYTES)
    if not body.strip():
        return {}
    try:
        arguments = parse_json(body)
    except JsonError as error:
        raise BodyError(400, f"the request's body cannot be read: {error}") from error
    if not isinstance(arguments, dict):
        raise BodyError(400, f"the request's body must be a JSON object, got {type(arguments).__name__}")
    return arguments


def _too_long_error(most: int) -> BodyError:
    return BodyError(413, f"the request's body may have at most {most} bytes")


class JsonResponse(JSONResponse):
    """JSON in ASCII, because file names may hold surrogates that UTF-8 cannot encode."""

    def render(self, content: object) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def error_response(sentence: str, status: int) -> Response:
    """{"error": the sentence}, cut to MAX_SENTENCE."""
    return JsonResponse(
        {"error": sentence if len(sentence) <= MAX_SENTENCE else f"{sentence[:MAX_SENTENCE]}..."}, status
    )


async def not_found(request: Request, error: Exception) -> Response:
    """The response for an unknown address or method: JSON under /api, else plain text."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    path, headers = request.scope["path"], getattr(error, "headers", None)
    if not path.startswith("/api/"):
        return PlainTextResponse(str(getattr(error, "detail", "")), status, headers)
    sentence = _SENTENCES.get(status, "the request failed").format(path=path[:100], method=request.method[:20])
    answer = error_response(sentence, status)
    answer.headers.update(headers or {})
    return answer
