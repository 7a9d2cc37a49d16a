"""The sixth noun: a Frame is what leaves the process, header and payload, laid out as WIRE.md specifies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgpack
import numpy as np

from .payload import (
    FIELDS,
    MAX_PAYLOAD_BYTES,
    MAX_SIDE,
    PARAMS_BYTES,
    Params,
    Part,
    Schema,
    Video,
    WireError,
    is_side,
)

__all__ = [
    "DEFAULT_SUBJECT",
    "FIELDS",
    "MAX_HEADER_BYTES",
    "MAX_PAYLOAD_BYTES",
    "MAX_SIDE",
    "PARAMS",
    "PARAMS_BYTES",
    "SCHEMA",
    "UINT64",
    "VERSION",
    "VIDEO",
    "Frame",
    "Header",
    "Params",
    "Part",
    "Schema",
    "Video",
    "WireError",
    "decode",
    "encode",
    "topic",
]

VERSION = 1
MAX_HEADER_BYTES = 4096
DEFAULT_SUBJECT = "omote"

VIDEO, PARAMS, SCHEMA = "v", "p", "s"

_TOPIC = re.compile(rb"([vps])/([A-Za-z0-9_.-]{1,64})\Z")
_VIDEO_WORDS = {"fmt": "rgba8", "colour": "srgb", "origin": "top", "alpha": "straight"}


@dataclass(frozen=True)
class Header:
    """Which message this is, and when. All times but `wall_ns` are of the sender's monotonic clock."""

    session: int  # one run of one publisher; another session has another clock and counts anew
    sequence: int  # counts the messages of this session and topic, from 0
    index: int  # which picture of the source it belongs to: the same in video and params
    captured_ns: int
    generated_ns: int
    sent_ns: int
    wall_ns: int  # time.time_ns when it was captured
    subject: str = DEFAULT_SUBJECT

    def __post_init__(self) -> None:
        for name in UINT64:
            if not 0 <= getattr(self, name) < 1 << 64:
                raise WireError(f"{name} must be a uint64, got {getattr(self, name)}")


# Field of Header, key on the wire.
UINT64 = {
    "session": "session",
    "sequence": "seq",
    "index": "index",
    "captured_ns": "captured",
    "generated_ns": "generated",
    "sent_ns": "sent",
    "wall_ns": "wall",
}


@dataclass(frozen=True)
class Frame:
    """One message on the wire."""

    header: Header
    payload: Video | Params | Schema

    @property
    def kind(self) -> str:
        """`VIDEO`, `PARAMS` or `SCHEMA`: the letter with which its topic begins."""
        return {Video: VIDEO, Params: PARAMS, Schema: SCHEMA}[type(self.payload)]


def topic(kind: str, subject: str) -> bytes:
    """The first part of a message, by which subscribers choose; WireError where the subject has odd letters."""
    name = f"{kind}/{subject}".encode(errors="replace")
    if not _TOPIC.match(name):
        raise WireError(f"a subject is 1 to 64 of A-Z a-z 0-9 _ . -, got {subject!r}")
    return name


def encode(frame: Frame) -> list[Part]:
    """The parts of the message: topic, header, payload. The picture is not copied if its rows lie without gaps."""
    described, payload = _encode_payload(frame.payload)
    stamped = {key: getattr(frame.header, name) for name, key in UINT64.items()}
    header = msgpack.packb({"v": VERSION, **stamped, **described})
    return [topic(frame.kind, frame.header.subject), header, payload]


def _encode_payload(payload: Video | Params | Schema) -> tuple[dict[str, object], Part]:
    if isinstance(payload, Video):
        pixels = np.ascontiguousarray(payload.pixels)
        height, width, _ = pixels.shape
        return {"w": width, "h": height, "stride": 4 * width, **_VIDEO_WORDS}, pixels.data.cast("B")
    if isinstance(payload, Params):
        return {"basis": payload.basis}, payload.to_bytes()
    return {}, msgpack.packb({"weights": payload.weights, "fields": payload.fields})


def decode(parts: Sequence[Part]) -> Frame:
    """The frame in these parts; WireError, and nothing else, where they are none. Pixels are a view of the payload."""
    if not 3 <= len(parts) <= 8:
        raise WireError(f"a message has 3 to 8 parts, got {len(parts)}")
    kind, subject = _decode_topic(parts[0])
    fields = _decode_header(parts[1])
    stamps = {name: _uint64(fields, key) for name, key in UINT64.items()}
    header = Header(**stamps, subject=subject)
    if len(parts[2]) > MAX_PAYLOAD_BYTES:
        raise WireError(f"a payload has at most {MAX_PAYLOAD_BYTES} bytes, got {len(parts[2])}")
    if kind == VIDEO:
        return Frame(header, _decode_video(fields, parts[2]))
    if kind == PARAMS:
        return Frame(header, _decode_params(fields, parts[2]))
    return Frame(header, _decode_schema(parts[2]))


def _decode_topic(part: Part) -> tuple[str, str]:
    found = _TOPIC.match(bytes(part[:80]))
    if not found or len(part) > 80:
        raise WireError(f"a topic reads v/NAME, p/NAME or s/NAME, got {bytes(part[:80])!r}")
    return found[1].decode(), found[2].decode()


def _decode_header(part: Part) -> Mapping[str, object]:
    if len(part) > MAX_HEADER_BYTES:
        raise WireError(f"a header has at most {MAX_HEADER_BYTES} bytes, got {len(part)}")
    fields = _unpack(part, "header")
    version = fields.get("v")
    if type(version) is not int or version < 1:
        raise WireError(f"a header says its version, 'v': {VERSION}, got {version!r}")
    if version > VERSION:
        raise WireError(f"wire version {version} is newer than {VERSION}, the newest known here; update this receiver")
    return fields


def _unpack(part: Part, what: str) -> Mapping[str, object]:
    try:
        fields = msgpack.unpackb(
            part,
            max_str_len=256,
            max_bin_len=256,
            max_array_len=256,
            max_map_len=64,
            max_ext_len=16,
            strict_map_key=True,
        )
    except (ValueError, msgpack.UnpackException) as error:
        raise WireError(f"the {what} is not msgpack within its bounds: {error or type(error).__name__}") from error
    if not isinstance(fields, dict):
        raise WireError(f"the {what} must be a map, got {type(fields).__name__}")
    return fields


def _uint64(fields: Mapping[str, object], key: str, most: int = (1 << 64) - 1) -> int:
    value = fields.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise WireError(f"{key!r} must be a whole number from 0 to {most}, got {value!r}")
    return value


def _decode_video(fields: Mapping[str, object], part: Part) -> Video:
    for key, wanted in _VIDEO_WORDS.items():
        if fields.get(key) != wanted:
            raise WireError(f"{key} {fields.get(key)!r} is not known here, only {wanted!r}; ask the sender for it")
    width, height = _uint64(fields, "w", MAX_SIDE), _uint64(fields, "h", MAX_SIDE)
    stride = _uint64(fields, "stride", MAX_PAYLOAD_BYTES)
    if not is_side(width, height) or stride < 4 * width:
        raise WireError(
            f"a picture has sides from 1 and rows of at least 4 bytes a pixel, got {width}x{height}, stride {stride}"
        )
    if len(part) != stride * height:
        raise WireError(f"{height} rows of {stride} bytes are {stride * height}, got {len(part)}")
    return Video(np.ndarray((height, width, 4), np.uint8, part, strides=(stride, 4, 1)))


def _decode_params(fields: Mapping[str, object], part: Part) -> Params:
    basis = fields.get("basis")
    if not isinstance(basis, str):
        raise WireError(f"params name their basis, got {basis!r}")
    return Params.from_bytes(part, basis)


def _decode_schema(part: Part) -> Schema:
    if len(part) > MAX_HEADER_BYTES:
        raise WireError(f"a schema has at most {MAX_HEADER_BYTES} bytes, got {len(part)}")
    said = _unpack(part, "schema")
    weights, fields = said.get("weights"), said.get("fields")
    if not isinstance(weights, list) or not all(isinstance(name, str) for name in weights):
        raise WireError("a schema lists the names of the weights")
    if not isinstance(fields, list) or not all(_is_field(field) for field in fields):
        raise WireError("a schema lists the fields of the params payload as [name, count]")
    return Schema(tuple(weights), tuple((name, count) for name, count in fields))


def _is_field(field: object) -> bool:
    return isinstance(field, list) and len(field) == 2 and isinstance(field[0], str) and type(field[1]) is int
