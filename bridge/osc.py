"""OSC 1.0 messages out of a datagram: read within its bounds, one after another."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from .datagram import ProtocolError

MAX_DEPTH = 4  # a bundle in a bundle is two deep
MAX_ARGUMENTS = 64
MAX_MESSAGES = 1024  # of a datagram; a whole body and face are 200

_BUNDLE = b"#bundle\0"
_FIXED = {"i": ">i", "f": ">f", "h": ">q", "d": ">d", "t": ">Q", "r": ">I", "m": ">I", "c": ">I"}
_PLAIN: dict[str, bool | None] = {"T": True, "F": False, "N": None, "I": None}

Argument = int | float | str | bytes | bool | None


class Message(NamedTuple):
    address: str
    arguments: tuple[Argument, ...]


def messages(data: bytes) -> list[Message]:
    """All messages in their order, out of bundles too; ProtocolError, and nothing else, where this is no OSC."""
    found = list(islice(_messages(data, 1), MAX_MESSAGES + 1))
    if len(found) > MAX_MESSAGES:
        raise ProtocolError(f"an OSC datagram has at most {MAX_MESSAGES} messages")
    return found


def _messages(data: bytes, depth: int) -> Iterator[Message]:
    if not data.startswith(_BUNDLE):
        yield _message(data)
        return
    if depth > MAX_DEPTH:
        raise ProtocolError(f"OSC bundles are at most {MAX_DEPTH} deep")
    if len(data) < 16:
        raise ProtocolError(f"an OSC bundle begins with 16 bytes, got {len(data)}")
    at = 16
    while at < len(data):
        if len(data) - at < 4:
            raise ProtocolError(f"the length of an OSC message needs 4 bytes, {len(data) - at} are left")
        (length,) = struct.unpack_from(">i", data, at)
        at += 4
        if not 0 < length <= len(data) - at or length % 4:
            raise ProtocolError(f"an OSC message has 4 to {len(data) - at} bytes, in fours, got {length}")
        yield from _messages(data[at : at + length], depth + 1)
        at += length


def _message(data: bytes) -> Message:
    address, at = _text(data, 0, "an OSC address")
    if not address.startswith("/"):
        raise ProtocolError(f"an OSC address begins with /, got {address[:20]!r}")
    if at == len(data):  # old senders leave out the types where there are no arguments
        return Message(address, ())
    kinds, at = _text(data, at, "the types")
    if not kinds.startswith(",") or len(kinds) > MAX_ARGUMENTS:
        raise ProtocolError(f"OSC types begin with a comma and are at most {MAX_ARGUMENTS}, got {kinds[:20]!r}")
    arguments = []
    for kind in kinds[1:]:
        value, at = _argument(kind, data, at)
        arguments.append(value)
    return Message(address, tuple(arguments))


def _argument(kind: str, data: bytes, at: int) -> tuple[Argument, int]:
    if kind in _PLAIN:
        return _PLAIN[kind], at
    if kind in "sS":
        return _text(data, at, "a text")
    if kind == "b":
        return _blob(data, at)
    form = _FIXED.get(kind)
    if form is None:
        raise ProtocolError(f"there is no OSC type {kind!r}")
    size = struct.calcsize(form)
    if len(data) - at < size:
        raise ProtocolError(f"an argument of type {kind} needs {size} bytes, {len(data) - at} are left")
    value: int | float = struct.unpack_from(form, data, at)[0]
    if not math.isfinite(value):
        raise ProtocolError(f"numbers must be finite, got {value}")
    return value, at + size


def _blob(data: bytes, at: int) -> tuple[bytes, int]:
    if len(data) - at < 4:
        raise ProtocolError(f"the length of a blob needs 4 bytes, {len(data) - at} are left")
    (length,) = struct.unpack_from(">i", data, at)
    padded = length + -length % 4
    if length < 0 or padded > len(data) - at - 4:
        raise ProtocolError(f"a blob has 0 to {len(data) - at - 4} bytes, got {length}")
    return data[at + 4 : at + 4 + length], at + 4 + padded


def _text(data: bytes, at: int, what: str) -> tuple[str, int]:
    """The text that begins here, and where the next thing does: it ends with a zero, and is padded to fours."""
    end = data.find(b"\0", at)
    after = end + 1 + -(end + 1) % 4
    if end < 0 or after > len(data):
        raise ProtocolError(f"{what} must end with a zero, padded to four bytes")
    try:
        return data[at:end].decode(), after
    except UnicodeDecodeError as error:
        raise ProtocolError(f"{what} is not UTF-8: {error}") from error
