"""The page's requests about profiles and recorded takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ..app.profiles import MAX_PROFILE_BYTES
from ..app.session import StudioSession, as_control_errors
from ..app.validation import Arguments, checked_number, text_argument

LONGEST_TAKE_S = 1e6

Endpoint = Callable[[Request], Awaitable[Response]]
ReadBody = Callable[[Request, int], Awaitable[bytes]]


class LibraryApi:
    """The handlers of /api/profiles and /api/takes."""

    def __init__(self, studio: StudioSession, read_body: ReadBody) -> None:
        self._studio, self._read_body = studio, read_body

    def posts(self) -> Mapping[str, Callable[[Arguments], object]]:
        """The handlers of JSON requests by their path below /api."""
        studio, takes = self._studio, self._studio.takes
        return {
            "profiles/save": lambda arguments: studio.save_profile(text_argument(arguments, "name").strip()),
            "profiles/use": lambda arguments: studio.use_profile(text_argument(arguments, "name")),
            "profiles/remove": lambda arguments: studio.remove_profile(text_argument(arguments, "name")),
            "takes/play": lambda arguments: studio.play_take(text_argument(arguments, "name")),
            "takes/trim": lambda arguments: takes.trim(
                text_argument(arguments, "name"),
                checked_number(arguments.get("start", 0.0), '"start"', 0.0, LONGEST_TAKE_S),
                checked_number(arguments.get("end", LONGEST_TAKE_S), '"end"', 0.0, LONGEST_TAKE_S),
                text_argument(arguments, "to").strip(),
            ),
            "takes/render": lambda arguments: takes.render(
                text_argument(arguments, "name"), studio.character_name() or ""
            ),
            "takes/remove": lambda arguments: takes.remove(text_argument(arguments, "name")),
        }

    def endpoints(self) -> tuple[tuple[str, Endpoint, str], ...]:
        """The other handlers: path, handler, method."""
        return (
            ("/api/profiles/{name}/file", self._export, "GET"),
            ("/api/profiles/{name}/file", self._import, "POST"),
            ("/api/renderings/{number:int}", self._remove_job, "DELETE"),
        )

    async def _export(self, request: Request) -> Response:
        name = request.path_params["name"]
        with as_control_errors():
            text = await run_in_threadpool(self._studio.profiles.text, name)
        return PlainTextResponse(text, media_type="application/json", headers={"Content-Disposition": "attachment"})

    async def _import(self, request: Request) -> Response:
        data = await self._read_body(request, MAX_PROFILE_BYTES)
        with as_control_errors():
            await run_in_threadpool(self._studio.add_profile, request.path_params["name"], data)
        return JSONResponse({"error": ""})

    async def _remove_job(self, request: Request) -> Response:
        with as_control_errors():
            await run_in_threadpool(self._studio.takes.remove_job, request.path_params["number"])
        return JSONResponse({"error": ""})
