"""Requests and replies of the control endpoint, as WIRE.md specifies them; bytes in and out, no sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgpack

from ..errors import OmoteError
from ..fields import Part, WireError, text, unpack, whole

VERSION = 1
MAX_BYTES = 16384
TIMEOUT = "timeout"  # never on the wire: what a client says that waited in vain

_MAX_TEXT_BYTES = 256


class ControlError(OmoteError):
    """A request was not carried out: one of WIRE.md's codes, or `TIMEOUT`, and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class MalformedError(ControlError):
    """These bytes are no message. `id` is None where not even that can be read: then there is nobody to answer."""

    def __init__(self, code: str, message: str, id: int | None = None) -> None:
        super().__init__(code, message)
        self.id = id


@dataclass(frozen=True)
class ControlRequest:
    """What a client asks."""

    id: int  # uint64, the client's choice
    method: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class ControlReply:
    """The answer to the request of that `id`: a result, or the error why there is none."""

    id: int
    result: Mapping[str, object] | None = None
    error: ControlError | None = None


def encode_request(request: ControlRequest) -> bytes:
    """The one part that travels; ControlError "invalid" where the arguments go over the wire's bounds."""
    fields = {"v": VERSION, "id": request.id, "method": request.method, "with": request.arguments}
    try:
        return _packed(fields, "request")
    except (WireError, TypeError, ValueError, OverflowError) as error:
        raise ControlError("invalid", f"{request.method} cannot be sent: {error}") from error


def decode_request(part: Part) -> ControlRequest:
    """The request in these bytes; MalformedError, and nothing else, where they are none."""
    fields, id = _open(part, "request")
    arguments = fields.get("with", {})
    if not isinstance(arguments, dict):
        raise MalformedError("invalid", f"'with' must be a map, got {type(arguments).__name__}", id)
    try:
        return ControlRequest(id, text(fields, "method"), arguments)
    except WireError as error:
        raise MalformedError("invalid", str(error), id) from error


def encode_reply(reply: ControlReply) -> bytes:
    """The one part that travels; a result that goes over the wire's bounds becomes a `failed`."""
    if reply.error:
        error = {"code": reply.error.code, "message": _short(reply.error.message)}
        return _packed({"v": VERSION, "id": reply.id, "error": error}, "reply")
    try:
        return _packed({"v": VERSION, "id": reply.id, "result": reply.result or {}}, "reply")
    except (WireError, TypeError, ValueError, OverflowError) as error:
        return encode_reply(ControlReply(reply.id, error=ControlError("failed", f"the answer cannot be sent: {error}")))


def decode_reply(part: Part) -> ControlReply:
    """The reply in these bytes; MalformedError, and nothing else, where they are none."""
    fields, id = _open(part, "reply")
    result, error = fields.get("result"), fields.get("error")
    if isinstance(result, dict) and error is None:
        return ControlReply(id, result)
    if not isinstance(error, dict):
        raise MalformedError("invalid", "a reply has a 'result' or an 'error', and each is a map", id)
    try:
        return ControlReply(id, error=ControlError(text(error, "code"), text(error, "message")))
    except WireError as wrong:
        raise MalformedError("invalid", str(wrong), id) from wrong


def _open(part: Part, what: str) -> tuple[Mapping[str, object], int]:
    """The message's map and its id."""
    try:
        fields = unpack(part, what, MAX_BYTES)
        id = whole(fields, "id")
    except WireError as error:
        raise MalformedError("invalid", str(error)) from error
    version = fields.get("v")
    if type(version) is not int or version < 1:
        raise MalformedError("invalid", f"a {what} says its version, 'v': {VERSION}, got {version!r}", id)
    if version > VERSION:
        newer = f"wire version {version} is newer than {VERSION}, the newest known here; update this side"
        raise MalformedError("version", newer, id)
    return fields, id


def _packed(fields: Mapping[str, object], what: str) -> bytes:
    packed: bytes = msgpack.packb(fields)
    unpack(packed, what, MAX_BYTES)  # what the other side would refuse is better refused here
    return packed


def _short(message: str) -> str:
    return message.encode("utf-8", "replace")[:_MAX_TEXT_BYTES].decode("utf-8", "ignore")
