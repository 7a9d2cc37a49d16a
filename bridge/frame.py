"""A `Frame` is one message on the wire, header and payload, laid out as WIRE.md specifies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgpack

from . import picture
from .fields import Fields, Part, WireError, uint, unpack
from .payload import MAX_PAYLOAD_BYTES, Hello, Params, Schema, Video
from .picture import RGBA8, Format, Layout

VERSION = 1
DEFAULT_SUBJECT = "omote"

VIDEO, PARAMS, SCHEMA, HELLO = "v", "p", "s", "h"
KINDS = {Video: VIDEO, Params: PARAMS, Schema: SCHEMA, Hello: HELLO}

_TOPIC = re.compile(rb"(v(?:\.[a-z0-9+.]{1,64})?|[psh])/([A-Za-z0-9_.-]{1,64})\Z")
_MAX_TOPIC_BYTES = 2 + 64 + 1 + 64

# Attribute of Header, key on the wire.
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
class Header:
    """Identifies a message and carries its times, which are of the sender's monotonic clock, except `wall_ns`."""

    session: int  # one run of one publisher; each session has its own clock and counts from 0
    sequence: int  # counts the messages of this session and topic, from 0
    index: int  # of the source's picture: the same in video and params
    captured_ns: int
    generated_ns: int
    sent_ns: int
    wall_ns: int  # time.time_ns at capture
    subject: str = DEFAULT_SUBJECT

    def __post_init__(self) -> None:
        for name in UINT64:
            if not 0 <= getattr(self, name) < 1 << 64:
                raise WireError(f"{name} must be a uint64, got {getattr(self, name)}")


@dataclass(frozen=True)
class Frame:
    """One message on the wire."""

    header: Header
    payload: Video | Params | Schema | Hello

    @property
    def kind(self) -> str:
        """`VIDEO`, `PARAMS`, `SCHEMA` or `HELLO`: the first letter of its topic."""
        return KINDS[type(self.payload)]


def topic(kind: str, subject: str, format: Format = RGBA8) -> bytes:
    """The first part of a message, which subscribers filter by; WireError where the subject has other letters."""
    suffix = "" if format == RGBA8 else f".{format.name}"
    name = f"{kind}{suffix}/{subject}".encode(errors="replace")
    if not _TOPIC.match(name):
        raise WireError(f"a subject is 1 to 64 of A-Z a-z 0-9 _ . -, got {subject!r}")
    return name


@dataclass(frozen=True)
class EncodedPayload:
    """A payload in bytes, without the header, which needs the time of sending."""

    kind: str
    format: Format
    fields: Fields  # what the header says about it
    parts: tuple[Part, ...]


def encode_payload(payload: Video | Params | Schema | Hello, format: Format = RGBA8) -> EncodedPayload:
    """The payload in bytes; `format` applies to pictures only."""
    if isinstance(payload, Video):
        fields, parts = picture.encode(payload, format)
        return EncodedPayload(VIDEO, format, fields, tuple(parts))
    header = payload.header_fields() if isinstance(payload, Params) else {}
    return EncodedPayload(KINDS[type(payload)], RGBA8, header, (payload.to_bytes(),))


def message(header: Header, payload: EncodedPayload) -> list[Part]:
    """The parts of the message: topic, header, payload."""
    numbers = {key: getattr(header, name) for name, key in UINT64.items()}
    packed = msgpack.packb({"v": VERSION, **numbers, **payload.fields})
    return [topic(payload.kind, header.subject, payload.format), packed, *payload.parts]


def encode(frame: Frame, format: Format = RGBA8) -> list[Part]:
    """The parts of a message that is sent as soon as it is encoded."""
    return message(frame.header, encode_payload(frame.payload, format))


@dataclass(frozen=True)
class Envelope:
    """A message whose header is decoded and checked, and whose payload is not decoded yet."""

    topic: str
    header: Header
    fields: Fields  # the header's map
    parts: tuple[Part, ...]  # of the payload
    layout: Layout | None  # of a picture

    @property
    def is_compressed(self) -> bool:
        """Whether `open` has to decompress a picture."""
        return self.layout is not None and self.layout.format.is_compressed

    def open(self) -> Frame:
        """The whole frame; WireError where the payload cannot be decoded."""
        return Frame(self.header, self._payload())

    def _payload(self) -> Video | Params | Schema | Hello:
        if self.layout:
            return self.layout.decode(self.parts)
        if self.topic.startswith(PARAMS):
            return Params.from_bytes(self.parts[0], self.fields)
        return (Schema if self.topic.startswith(SCHEMA) else Hello).from_bytes(self.parts[0])


def decode(parts: Sequence[Part]) -> Frame:
    """The frame in these parts; raises only WireError. Raw pixels are a view of the parts."""
    return peek(parts).open()


def peek(parts: Sequence[Part]) -> Envelope:
    """The message with its payload still encoded; WireError where the header or a length breaks a rule."""
    if not 3 <= len(parts) <= 8:
        raise WireError(f"a message has 3 to 8 parts, got {len(parts)}")
    name, subject = _read_topic(parts[0])
    fields = _read_header(parts[1])
    header = Header(**{name: uint(fields, key) for name, key in UINT64.items()}, subject=subject)
    payload = tuple(parts[2:4])  # no format has more
    for part in payload:
        if len(part) > MAX_PAYLOAD_BYTES:
            raise WireError(f"a payload has at most {MAX_PAYLOAD_BYTES} bytes, got {len(part)}")
    layout = Layout.read(fields, payload) if name.startswith(VIDEO) else None
    return Envelope(name, header, fields, payload, layout)


def _read_topic(part: Part) -> tuple[str, str]:
    found = _TOPIC.match(bytes(part[: _MAX_TOPIC_BYTES + 1]))
    if not found:
        raise WireError(f"a topic reads v/NAME, v.FORMAT/NAME, p/NAME, s/NAME or h/NAME, got {bytes(part[:80])!r}")
    return found[0].decode(), found[2].decode()


def _read_header(part: Part) -> Fields:
    fields = unpack(part, "header")
    version = fields.get("v")
    if type(version) is not int or version < 1:
        raise WireError(f"a header has its version, 'v': {VERSION}, got {version!r}")
    if version > VERSION:
        raise WireError(f"wire version {version} is newer than {VERSION}, the newest known here; update this receiver")
    return fields
