"""Reads msgpack maps within the bounds of WIRE.md, and checks each value before it is used."""

from __future__ import annotations

from collections.abc import Mapping

import msgpack

from .errors import OmoteError

Part = bytes | memoryview
Fields = Mapping[str, object]

MAX_HEADER_BYTES = 4096
MAX_TEXT_BYTES = 256
MAX_DEPTH = 8  # a map in a map is two deep

_BOUNDS = {
    "max_str_len": MAX_TEXT_BYTES,
    "max_bin_len": 256,
    "max_array_len": 256,
    "max_map_len": 64,
    "max_ext_len": 16,
}


class WireError(OmoteError, ValueError):
    """The bytes are not a message of our wire; the message says what was found and what was expected."""


def unpack(part: Part, what: str, max_bytes: int = MAX_HEADER_BYTES) -> Fields:
    """The map in these bytes; raises only WireError. `what` names the map in the message."""
    if len(part) > max_bytes:
        raise WireError(f"a {what} has at most {max_bytes} bytes, got {len(part)}")
    try:
        fields = msgpack.unpackb(part, strict_map_key=True, **_BOUNDS)
    except UnicodeDecodeError as error:
        raise WireError(f"a text of the {what} is not UTF-8: {error.reason}") from error
    except (ValueError, msgpack.UnpackException) as error:
        raise WireError(f"the {what} is not msgpack within its bounds: {error or type(error).__name__}") from error
    if not isinstance(fields, dict):
        raise WireError(f"the {what} must be a map, got {type(fields).__name__}")
    _check(fields, what, 1)
    return fields


def _check(value: object, what: str, depth: int) -> None:
    """Checks what msgpack does not: the depth of nested values and the type of keys."""
    if not isinstance(value, dict | list):
        return
    if depth > MAX_DEPTH:
        raise WireError(f"the {what} is more than {MAX_DEPTH} maps and lists deep")
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        raise WireError(f"the keys of the {what} must be texts")
    for inner in value.values() if isinstance(value, dict) else value:
        _check(inner, what, depth + 1)


def pack(fields: Fields, what: str, max_bytes: int = MAX_HEADER_BYTES) -> bytes:
    """The map in bytes; WireError where it is too large."""
    packed: bytes = msgpack.packb(fields)
    if len(packed) > max_bytes:
        raise WireError(f"a {what} has at most {max_bytes} bytes, got {len(packed)}")
    return packed


def uint(fields: Fields, key: str, most: int = (1 << 64) - 1) -> int:
    """The integer under this key, from 0 to `most`."""
    value = fields.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise WireError(f"{key!r} must be a whole number from 0 to {most}, got {value!r}")
    return value


def text(fields: Fields, key: str) -> str:
    """The text under this key."""
    value = fields.get(key)
    if not isinstance(value, str):
        raise WireError(f"{key!r} must be a text, got {value!r}")
    return value


def texts(fields: Fields, key: str) -> tuple[str, ...]:
    """The list of texts under this key."""
    value = fields.get(key)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise WireError(f"{key!r} must be a list of texts, got {value!r}")
    return tuple(value)
