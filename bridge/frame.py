"""The sixth noun: a Frame is what leaves the process, header and payload, laid out as WIRE.md specifies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgpack

from . import picture
from .fields import MAX_HEADER_BYTES, Part, WireError, unpack, whole
from .payload import FIELDS, MAX_PAYLOAD_BYTES, MAX_SIDE, PARAMS_BYTES, Hello, Params, Schema, Video
from .picture import RGBA8, Format, Layout

__all__ = [
    "DEFAULT_SUBJECT",
    "FIELDS",
    "HELLO",
    "MAX_HEADER_BYTES",
    "MAX_PAYLOAD_BYTES",
    "MAX_SIDE",
    "PARAMS",
    "PARAMS_BYTES",
    "SCHEMA",
    "UINT64",
    "VERSION",
    "VIDEO",
    "Body",
    "Envelope",
    "Format",
    "Frame",
    "Header",
    "Hello",
    "Params",
    "Part",
    "Schema",
    "Video",
    "WireError",
    "body",
    "decode",
    "encode",
    "message",
    "peek",
    "topic",
]

VERSION = 1
DEFAULT_SUBJECT = "omote"

VIDEO, PARAMS, SCHEMA, HELLO = "v", "p", "s", "h"
KINDS = {Video: VIDEO, Params: PARAMS, Schema: SCHEMA, Hello: HELLO}

_TOPIC = re.compile(rb"(v(?:\.[a-z0-9+.]{1,64})?|[psh])/([A-Za-z0-9_.-]{1,64})\Z")
_MAX_TOPIC_BYTES = 2 + 64 + 1 + 64


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
    payload: Video | Params | Schema | Hello

    @property
    def kind(self) -> str:
        """`VIDEO`, `PARAMS`, `SCHEMA` or `HELLO`: the letter with which its topic begins."""
        return KINDS[type(self.payload)]


def topic(kind: str, subject: str, format: Format = RGBA8) -> bytes:
    """The first part of a message, by which subscribers choose; WireError where the subject has odd letters."""
    chosen = "" if format == RGBA8 else f".{format.name}"
    name = f"{kind}{chosen}/{subject}".encode(errors="replace")
    if not _TOPIC.match(name):
        raise WireError(f"a subject is 1 to 64 of A-Z a-z 0-9 _ . -, got {subject!r}")
    return name


@dataclass(frozen=True)
class Body:
    """A payload as it travels, encoded before it is known when it will be sent."""

    kind: str
    format: Format
    described: Mapping[str, object]  # what the header says of it
    parts: tuple[Part, ...]


def body(payload: Video | Params | Schema | Hello, format: Format = RGBA8) -> Body:
    """The payload in bytes. A picture is in `format`; what else there is has but one form."""
    if isinstance(payload, Video):
        described, parts = picture.encode(payload, format)
        return Body(VIDEO, format, described, tuple(parts))
    said = payload.described() if isinstance(payload, Params) else {}
    return Body(KINDS[type(payload)], RGBA8, said, (payload.to_bytes(),))


def message(header: Header, body: Body) -> list[Part]:
    """The parts of the message: topic, header, payload."""
    stamped = {key: getattr(header, name) for name, key in UINT64.items()}
    packed = msgpack.packb({"v": VERSION, **stamped, **body.described})
    return [topic(body.kind, header.subject, body.format), packed, *body.parts]


def encode(frame: Frame, format: Format = RGBA8) -> list[Part]:
    """The parts of a message that is sent as soon as it is encoded."""
    return message(frame.header, body(frame.payload, format))


@dataclass(frozen=True)
class Envelope:
    """A message whose header was read and whose payload was only measured, so that its decoding can wait."""

    topic: str
    header: Header
    said: Mapping[str, object]
    parts: tuple[Part, ...]  # of the payload
    layout: Layout | None  # of the picture, if it is one

    @property
    def kind(self) -> str:
        """The letter with which its topic begins."""
        return self.topic[0]

    @property
    def is_compressed(self) -> bool:
        """Whether `open` has much to do."""
        return self.layout is not None and self.layout.format.is_compressed

    def open(self) -> Frame:
        """The frame that is inside; WireError where the payload is none."""
        return Frame(self.header, self._payload())

    def _payload(self) -> Video | Params | Schema | Hello:
        if self.layout:
            return self.layout.decode(self.parts)
        if self.kind == PARAMS:
            return Params.from_bytes(self.parts[0], self.said)
        return (Schema if self.kind == SCHEMA else Hello).from_bytes(self.parts[0])


def decode(parts: Sequence[Part]) -> Frame:
    """The frame in these parts; WireError, and nothing else, where they are none. Raw pixels are a view of them."""
    return peek(parts).open()


def peek(parts: Sequence[Part]) -> Envelope:
    """The message as far as its header tells; WireError where that breaks a rule, or a length does."""
    if not 3 <= len(parts) <= 8:
        raise WireError(f"a message has 3 to 8 parts, got {len(parts)}")
    name, subject = _read_topic(parts[0])
    said = _read_header(parts[1])
    header = Header(**{name: whole(said, key) for name, key in UINT64.items()}, subject=subject)
    payload = tuple(parts[2:4])  # no format has more
    for part in payload:
        if len(part) > MAX_PAYLOAD_BYTES:
            raise WireError(f"a payload has at most {MAX_PAYLOAD_BYTES} bytes, got {len(part)}")
    layout = Layout.read(said, payload) if name.startswith(VIDEO) else None
    return Envelope(name, header, said, payload, layout)


def _read_topic(part: Part) -> tuple[str, str]:
    found = _TOPIC.match(bytes(part[: _MAX_TOPIC_BYTES + 1]))
    if not found:
        raise WireError(f"a topic reads v/NAME, v.FORMAT/NAME, p/NAME, s/NAME or h/NAME, got {bytes(part[:80])!r}")
    return found[0].decode(), found[2].decode()


def _read_header(part: Part) -> Mapping[str, object]:
    said = unpack(part, "header")
    version = said.get("v")
    if type(version) is not int or version < 1:
        raise WireError(f"a header says its version, 'v': {VERSION}, got {version!r}")
    if version > VERSION:
        raise WireError(f"wire version {version} is newer than {VERSION}, the newest known here; update this receiver")
    return said
