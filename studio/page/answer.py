"""What a request is answered with: JSON that any text can stand in, and a sentence where something is refused."""

from __future__ import annotations

import json

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

LONGEST = 600  # letters of a refusal, whatever was asked

_SENTENCES = {404: "there is nothing at {path}", 405: "{path} is not asked by {method}: docs/control-page.md says how"}


class Json(JSONResponse):
    """In ASCII, for names of files and what others say may have letters that UTF-8 has no bytes for."""

    def render(self, content: object) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def refused(sentence: str, status: int) -> Response:
    """{"error": the sentence}, which is cut where it is longer than anybody reads."""
    return Json({"error": sentence if len(sentence) <= LONGEST else f"{sentence[:LONGEST]}..."}, status)


async def not_there(request: Request, error: Exception) -> Response:
    """The same for an address or a method that there is not; outside /api a plain text."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    path, headers = request.scope["path"], getattr(error, "headers", None)
    if not path.startswith("/api/"):
        return PlainTextResponse(str(getattr(error, "detail", "")), status, headers)
    sentence = _SENTENCES.get(status, "this cannot be asked").format(path=path[:100], method=request.method[:20])
    answer = refused(sentence, status)
    answer.headers.update(headers or {})
    return answer
