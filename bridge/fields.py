"""The msgpack maps of the wire: read within their bounds, and each value checked before it is used."""

from __future__ import annotations

from collections.abc import Mapping

import msgpack

from .errors import OmoteError

Part = bytes | memoryview

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
    """These bytes are no message of our wire; the sentence says what was found and what was wanted."""


def unpack(part: Part, what: str, most: int = MAX_HEADER_BYTES) -> Mapping[str, object]:
    """The map in these bytes; WireError, and nothing else, where there is none within the bounds of WIRE.md."""
    if len(part) > most:
        raise WireError(f"a {what} has at most {most} bytes, got {len(part)}")
    try:
        said = msgpack.unpackb(part, strict_map_key=True, **_BOUNDS)
    except UnicodeDecodeError as error:
        raise WireError(f"a text of the {what} is not UTF-8: {error.reason}") from error
    except (ValueError, msgpack.UnpackException) as error:
        raise WireError(f"the {what} is not msgpack within its bounds: {error or type(error).__name__}") from error
    if not isinstance(said, dict):
        raise WireError(f"the {what} must be a map, got {type(said).__name__}")
    _check(said, what, 1)
    return said


def _check(value: object, what: str, depth: int) -> None:
    """msgpack itself bounds neither how deep its values lie nor what a key is."""
    if not isinstance(value, dict | list):
        return
    if depth > MAX_DEPTH:
        raise WireError(f"the {what} is more than {MAX_DEPTH} maps and lists deep")
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        raise WireError(f"the keys of the {what} must be texts")
    for inner in value.values() if isinstance(value, dict) else value:
        _check(inner, what, depth + 1)


def whole(said: Mapping[str, object], key: str, most: int = (1 << 64) - 1) -> int:
    """The whole number under this key, from 0 to `most`."""
    value = said.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise WireError(f"{key!r} must be a whole number from 0 to {most}, got {value!r}")
    return value


def text(said: Mapping[str, object], key: str) -> str:
    """The text under this key."""
    value = said.get(key)
    if not isinstance(value, str):
        raise WireError(f"{key!r} must be a text, got {value!r}")
    return value


def texts(said: Mapping[str, object], key: str) -> tuple[str, ...]:
    """The list of texts under this key."""
    value = said.get(key)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise WireError(f"{key!r} must be a list of texts, got {value!r}")
    return tuple(value)
