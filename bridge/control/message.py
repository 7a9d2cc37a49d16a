"""Encodes and decodes the requests and replies of the control endpoint, as WIRE.md specifies them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import OmoteError
from ..fields import MAX_TEXT_BYTES, Fields, Part, WireError, pack, text, uint, unpack

VERSION = 1
MAX_BYTES = 16384
_ELLIPSIS = "…"
TIMEOUT = "timeout"  # only in a client, where no reply came; never on the wire


class ControlError(OmoteError):
    """A request failed: one of WIRE.md's codes, or `TIMEOUT`, and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class MalformedError(ControlError):
    """The bytes are not a message. `id` is None where it cannot be read either; such a request gets no reply."""

    def __init__(self, code: str, message: str, id: int | None = None) -> None:
        super().__init__(code, message)
        self.id = id


@dataclass(frozen=True)
class ControlRequest:
    """A call of one method."""

    id: int  # uint64, the client's choice
    method: str
    arguments: Fields = field(default_factory=dict)


@dataclass(frozen=True)
class ControlReply:
    """The reply to the request with this `id`: a result or an error."""

    id: int
    result: Fields | None = None
    error: ControlError | None = None


def encode_request(request: ControlRequest) -> bytes:
    """The message's one part; ControlError "invalid" where the arguments exceed the bounds of the wire."""
    fields = {"v": VERSION, "id": request.id, "method": request.method, "with": request.arguments}
    try:
        return _packed(fields, "request")
    except (WireError, TypeError, ValueError, OverflowError) as error:
        raise ControlError("invalid", f"{request.method} cannot be sent: {error}") from error


def decode_request(part: Part) -> ControlRequest:
    """The request in these bytes; raises only MalformedError."""
    fields, id = _open(part, "request")
    arguments = fields.get("with", {})
    if not isinstance(arguments, dict):
        raise MalformedError("invalid", f"'with' must be a map, got {type(arguments).__name__}", id)
    try:
        return ControlRequest(id, text(fields, "method"), arguments)
    except WireError as error:
        raise MalformedError("invalid", str(error), id) from error


def encode_reply(reply: ControlReply) -> bytes:
    """The message's one part; a result that exceeds the bounds of the wire becomes the error `failed`."""
    if reply.error:
        message = _bounded(reply.error.message)
        error = {"code": reply.error.code, "message": message}
        return _packed({"v": VERSION, "id": reply.id, "error": error}, "reply")
    try:
        return _packed({"v": VERSION, "id": reply.id, "result": reply.result or {}}, "reply")
    except (WireError, TypeError, ValueError, OverflowError) as error:
        return encode_reply(ControlReply(reply.id, error=ControlError("failed", f"the answer cannot be sent: {error}")))


def decode_reply(part: Part) -> ControlReply:
    """The reply in these bytes; raises only MalformedError."""
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


def _open(part: Part, what: str) -> tuple[Fields, int]:
    """The message's map and its id, with the version checked."""
    try:
        fields = unpack(part, what, MAX_BYTES)
        id = uint(fields, "id")
    except WireError as error:
        raise MalformedError("invalid", str(error)) from error
    version = fields.get("v")
    if type(version) is not int or version < 1:
        raise MalformedError("invalid", f"a {what} has its version, 'v': {VERSION}, got {version!r}", id)
    if version > VERSION:
        newer = f"wire version {version} is newer than {VERSION}, the newest known here; update this side"
        raise MalformedError("version", newer, id)
    return fields, id


def _packed(fields: Fields, what: str) -> bytes:
    """The map in bytes; WireError where the other side would refuse it."""
    packed = pack(fields, what, MAX_BYTES)
    unpack(packed, what, MAX_BYTES)
    return packed


def _bounded(sentence: str) -> str:
    """The sentence in at most 256 bytes; one that is cut ends with an ellipsis."""
    encoded = sentence.encode("utf-8", "replace")
    if len(encoded) <= MAX_TEXT_BYTES:
        return encoded.decode("utf-8")
    return encoded[: MAX_TEXT_BYTES - len(_ELLIPSIS.encode())].decode("utf-8", "ignore") + _ELLIPSIS
