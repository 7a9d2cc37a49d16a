"""What a request brings along, read no further than it may be long."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request

from ..plain_json import JsonError, read_json

MOST_JSON = 65_536
MOST_PHOTO, MOST_MODEL = 16 * 1024 * 1024, 128 * 1024 * 1024


class BodyError(ValueError):
    """Too long, or not what was wanted; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read_body(request: Request, most: int) -> bytes:
    """All of it; BodyError as soon as it is longer than `most` bytes, whatever its header said."""
    said = request.headers.get("content-length", "0")
    if not (said.isascii() and said.isdigit()) or int(said[:20]) > most:
        raise _too_long(most)
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise _too_long(most)
    except ClientDisconnect as error:
        raise BodyError(400, "the request broke off before its body ended") from error
    return bytes(body)


async def read_object(request: Request) -> Mapping[str, object]:
    """The JSON object in it; an empty one where there is nothing."""
    body = await read_body(request, MOST_JSON)
    if not body.strip():
        return {}
    try:
        said = read_json(body)
    except JsonError as error:
        raise BodyError(400, f"the request's body cannot be read: {error}") from error
    if not isinstance(said, dict):
        raise BodyError(400, f"the request's body must be a JSON object, got {type(said).__name__}")
    return said


def _too_long(most: int) -> BodyError:
    return BodyError(413, f"the request's body may have {most} bytes and no more")
