"""A destination as a person types it after `--out`, taken apart: `vmc://HOST:PORT?names=pascal`, `ndi://NAME`."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from .datagrams import SenderError

WANTED = "livelink://HOST, vmc://HOST, vts://HOST, virtualcam, ndi, spout or syphon"
PICTURES = ("virtualcam", "ndi", "spout", "syphon")
FACES = ("livelink", "vmc", "vts")
_HERE = {"vts": "127.0.0.1"}  # whose host need not be said


@dataclass(frozen=True)
class Destination:
    """What kind of program, where it is or what it is called, and how it wants things."""

    spec: str  # as it was typed
    kind: str  # one of `PICTURES` or `FACES`
    host: str  # of a face; "" of a picture
    port: int | None
    name: str  # of a picture: of its source, or of the camera; "" where none was said
    options: Mapping[str, str]

    @classmethod
    def parse(cls, spec: str) -> Destination:
        """SenderError says what is wrong with it, and the nearest kind."""
        kind = spec.partition("?")[0].partition(":")[0].lower()
        if kind in PICTURES:
            return _picture(spec, kind)
        if kind in FACES:
            return _face(spec, kind)
        near = difflib.get_close_matches(kind, (*FACES, *PICTURES), 1)
        hint = f"did you mean {near[0]}{'://' if near[0] in FACES else ''}?" if near else f"wanted {WANTED}"
        raise SenderError(f"{spec}: there is no way out called {kind or 'nothing'}; {hint}")

    def check(self, known: Mapping[str, Collection[str]]) -> None:
        """SenderError unless each option is one of those, and its value one of its words, if it has words."""
        for name, value in self.options.items():
            if name not in known:
                said = f"only {', '.join(known)}" if known else f"{self.kind} has none"
                raise SenderError(f"there is no option {name}, {said}")
            if known[name] and value not in known[name]:
                raise SenderError(f"{name} must be {' or '.join(known[name])}, got {value!r}")


def _face(spec: str, kind: str) -> Destination:
    try:
        parts = urlsplit(spec)
        port = parts.port  # urllib reads it only when asked
    except ValueError as error:
        raise SenderError(f"{spec}: {error}; wanted {WANTED}") from error
    host = parts.hostname or _HERE.get(kind, "")
    is_path = bool(parts.path.strip("/")) and parts.path != kind  # `vts` alone is a path to urllib
    if not host or port == 0 or is_path or parts.fragment or parts.username is not None:
        raise SenderError(f"{spec} is no destination: wanted {WANTED}")
    return Destination(spec, kind, host, port, "", dict(parse_qsl(parts.query, keep_blank_values=True)))


def _picture(spec: str, kind: str) -> Destination:
    """Not by urllib, which makes a host's small letters of a name."""
    said, _, query = spec.partition("?")
    rest = said[len(kind) :]
    if rest and not rest.startswith("://"):
        raise SenderError(f"{spec} is no destination: wanted {kind} or {kind}://NAME")
    name = unquote(rest.removeprefix("://"))
    if len(name.encode()) > 64 or not (name or "x").isprintable():
        raise SenderError(f"{spec}: a name has at most 64 bytes that can be printed, got {name!r}")
    return Destination(spec, kind, "", None, name, dict(parse_qsl(query, keep_blank_values=True)))
