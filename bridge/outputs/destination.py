"""Parses `--out`, creates the sender that it names, and lists which outputs this machine supports."""

from __future__ import annotations

import difflib
import errno
import re
import socket
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata, util
from pathlib import Path
from typing import NamedTuple, Protocol, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from .. import livelink, vmc
from ..endpoint import EndpointError
from ..payload import Params
from . import ndi, textures, virtualcam
from .datagrams import SUBJECT, LiveLinkSender, SenderError, VmcSender
from .pictures import Canvas, FixedSize, PictureSender, Premultiplied
from .vtubestudio_api import ENABLE_HINT, PORT

DESTINATION_FORMATS = "livelink://HOST, vmc://HOST, vts://HOST, virtualcam, ndi, spout or syphon"
PICTURE_KINDS = ("virtualcam", "ndi", "spout", "syphon")
FACE_KINDS = ("livelink", "vmc", "vts")
_DEFAULT_HOSTS = {"vts": "127.0.0.1"}  # whose host need not be said


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
        if kind in PICTURE_KINDS:
            return _parse_picture(spec, kind)
        if kind in FACE_KINDS:
            return _parse_face(spec, kind)
        near = difflib.get_close_matches(kind, (*FACE_KINDS, *PICTURE_KINDS), 1)
        hint = (
            f"did you mean {near[0]}{'://' if near[0] in FACE_KINDS else ''}?"
            if near
            else f"wanted {DESTINATION_FORMATS}"
        )
        raise SenderError(f"{spec}: there is no way out called {kind or 'nothing'}; {hint}")

    def check(self, known: Mapping[str, Collection[str]]) -> None:
        """SenderError unless each option is one of those, and its value one of its words, if it has words."""
        for name, value in self.options.items():
            if name not in known:
                said = f"only {', '.join(known)}" if known else f"{self.kind} has none"
                raise SenderError(f"there is no option {name}, {said}")
            if known[name] and value not in known[name]:
                raise SenderError(f"{name} must be {' or '.join(known[name])}, got {value!r}")


def _parse_face(spec: str, kind: str) -> Destination:
    try:
        parts = urlsplit(spec)
        port = parts.port  # urllib reads it only when asked
    except ValueError as error:
        raise SenderError(f"{spec}: {error}; wanted {DESTINATION_FORMATS}") from error
    host = parts.hostname or _DEFAULT_HOSTS.get(kind, "")
    is_path = bool(parts.path.strip("/")) and parts.path != kind  # `vts` alone is a path to urllib
    if not host or port == 0 or is_path or parts.fragment or parts.username is not None:
        raise SenderError(f"{spec} is no destination: wanted {DESTINATION_FORMATS}")
    return Destination(spec, kind, host, port, "", dict(parse_qsl(parts.query, keep_blank_values=True)))


def _parse_picture(spec: str, kind: str) -> Destination:
    """Not by urllib, which makes a host's small letters of a name."""
    said, _, query = spec.partition("?")
    rest = said[len(kind) :]
    if rest and not rest.startswith("://"):
        raise SenderError(f"{spec} is no destination: wanted {kind} or {kind}://NAME")
    name = unquote(rest.removeprefix("://"))
    if len(name.encode()) > 64 or not (name or "x").isprintable():
        raise SenderError(f"{spec}: a name has at most 64 bytes that can be printed, got {name!r}")
    return Destination(spec, kind, "", None, name, dict(parse_qsl(query, keep_blank_values=True)))


PROGRAM_NAME = "Omote"
_COLOUR = re.compile(r"[0-9a-fA-F]{6}\Z")
_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})\Z", re.ASCII)
_SIDES = (64, 4096)


class FaceSender(Protocol):
    """Sends a face in some program's protocol; open between `with` and its end."""

    name: str  # with host and port: who looks shall see where the face goes

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    @property
    def trouble(self) -> str:
        """Why nothing arrives there now, in one line; empty while all is well, as far as that can be known."""
        ...

    def offer(self, wall_ns: int, params: Params) -> None:
        """Sends this face, captured at that time of the wall clock. Never blocks, never raises."""
        ...


def takes_pictures(spec: str) -> bool:
    """Whether `picture_sender` makes it, or else `face_sender`; SenderError where it is no destination at all."""
    return Destination.parse(spec).kind in PICTURE_KINDS


def face_sender(spec: str, settings: Path | None = None) -> FaceSender:
    """Who sends a face to this destination; SenderError says what is wrong with it. Nothing is opened yet.

    What has to be remembered (VTube Studio's token) is kept in the folder `settings`; None: for this run only.
    """
    to = Destination.parse(spec)
    makers: dict[str, Callable[[Destination], FaceSender]] = {
        "livelink": _live_link,
        "vmc": _vmc,
        "vts": partial(_vts, settings=settings),
    }
    if to.kind not in makers:
        raise SenderError(f"{spec}: {to.kind} takes pictures, no faces")
    try:
        return makers[to.kind](to)
    except SenderError as error:
        raise SenderError(f"{spec}: {error}") from error


def picture_sender(spec: str) -> PictureSender:
    """Who sends pictures to this destination; SenderError says what is wrong with it. Nothing is opened yet."""
    to = Destination.parse(spec)
    if to.kind not in _PICTURE_SENDERS:
        raise SenderError(f"{spec}: {to.kind} takes a face, no pictures")
    try:
        return _PICTURE_SENDERS[to.kind](to)
    except SenderError as error:
        raise SenderError(f"{spec}: {error}") from error


def _live_link(to: Destination) -> FaceSender:
    to.check({"subject": ()})
    return LiveLinkSender(to.host, to.port or livelink.PORT, to.options.get("subject", SUBJECT))


def _vmc(to: Destination) -> FaceSender:
    to.check({"names": ("camel", "pascal"), "presets": ("yes", "no")})
    names = vmc.PASCAL if to.options.get("names") == "pascal" else vmc.CAMEL
    return VmcSender(to.host, to.port or vmc.PORT, names, has_presets=to.options.get("presets") != "no")


def _vts(to: Destination, settings: Path | None) -> FaceSender:
    from .vtubestudio import VtsSender

    to.check({"arkit": ("yes", "no")})
    try:
        to.host.encode("idna")  # as the system will, which says nothing in time
        return VtsSender(to.host, to.port or PORT, settings, has_arkit=to.options.get("arkit") == "yes")
    except (EndpointError, UnicodeError) as error:
        raise SenderError(f"{to.host!r} is no host's name nor number") from error


def _virtualcam(to: Destination) -> PictureSender:
    to.check({"size": (), "background": (), "alpha": ("yes", "no")})
    has_alpha = to.options.get("alpha") == "yes"
    if has_alpha and "background" in to.options:
        raise SenderError("with alpha=yes there is no background")
    width, height = _parse_size(to)
    opens = partial(virtualcam.open_camera, to.name or None, width, height, has_alpha)
    return PictureSender(
        f"virtual camera {to.name}".rstrip(), opens, Canvas(width, height, None if has_alpha else _parse_background(to))
    )


def _ndi(to: Destination) -> PictureSender:
    to.check({"size": ()})
    name = to.name or PROGRAM_NAME
    return PictureSender(f"ndi {name}", partial(ndi.open_sender, name), FixedSize(_parse_side(to)), warning=ndi.WARNING)


def _spout(to: Destination) -> PictureSender:
    to.check({"size": ()})
    name = to.name or PROGRAM_NAME
    return PictureSender(f"spout {name}", partial(textures.open_spout, name), Premultiplied(_parse_side(to)))


def _syphon(to: Destination) -> PictureSender:
    to.check({"size": ()})
    name = to.name or PROGRAM_NAME
    return PictureSender(f"syphon {name}", partial(textures.open_syphon, name), Premultiplied(_parse_side(to)))


def _parse_size(to: Destination) -> tuple[int, int]:
    """Of a camera's picture: even numbers, as cameras have them."""
    said = to.options.get("size")
    found = _SIZE.match(said) if said is not None else None
    size = (int(found[1]), int(found[2])) if found else virtualcam.SIZE
    if (said is not None and not found) or any(one % 2 or not _SIDES[0] <= one <= _SIDES[1] for one in size):
        raise SenderError(
            f"size must be WIDTHxHEIGHT, as 1280x720, in even numbers from {_SIDES[0]} to {_SIDES[1]}, got {said!r}"
        )
    return size


def _parse_side(to: Destination) -> int | None:
    said = to.options.get("size")
    if said is None:
        return None
    if not (said.isascii() and said.isdigit() and len(said) <= 4 and _SIDES[0] <= int(said) <= _SIDES[1]):
        raise SenderError(f"size must be a number of pixels from {_SIDES[0]} to {_SIDES[1]}, got {said!r}")
    return int(said)


def _parse_background(to: Destination) -> tuple[int, int, int]:
    said = to.options.get("background", "000000").removeprefix("#")
    if not _COLOUR.match(said):
        raise SenderError(f"background must be six hexadecimal digits, as 00ff00, got {said!r}")
    return int(said[:2], 16), int(said[2:4], 16), int(said[4:], 16)


_PICTURE_SENDERS: dict[str, Callable[[Destination], PictureSender]] = {
    "virtualcam": _virtualcam,
    "ndi": _ndi,
    "spout": _spout,
    "syphon": _syphon,
}


_VIDEO_DEVICES = Path("/sys/devices/virtual/video4linux")  # Linux lists here the cameras that are none


class Availability(NamedTuple):
    """One way out."""

    name: str
    is_there: bool
    found: str
    cure: str  # what to do about what is not there; empty where it is


def availability(platform: str = sys.platform) -> list[Availability]:
    """A row for each way out that this system can have."""
    rows = [_virtual_camera(platform), _package("NDI", "cyndilib", "cyndilib", ndi.INSTALL)]
    if platform == "win32":
        rows.append(_package("Spout", "SpoutGL", "SpoutGL", textures.SPOUT_INSTALL))
    if platform == "darwin":
        rows.append(_package("Syphon", "syphon", "syphon-python", textures.SYPHON_INSTALL))
    return [*rows, _vtube_studio()]


def _package(name: str, module: str, distribution: str, install: str) -> Availability:
    if util.find_spec(module) is None:
        return Availability(name, False, f"{distribution} is not installed", install)
    return Availability(name, True, f"{distribution} {metadata.version(distribution)}", "")


def _virtual_camera(platform: str) -> Availability:
    row = _package("virtual camera", "pyvirtualcam", "pyvirtualcam", virtualcam.INSTALL)
    if not row.is_there or platform != "linux":
        return row
    devices = sorted(path.name for path in _VIDEO_DEVICES.glob("video*"))
    if not devices:
        return Availability(row.name, False, f"{row.found}, but no v4l2loopback device", virtualcam.cure(platform))
    return Availability(row.name, True, f"{row.found}, /dev/{', /dev/'.join(devices)}", "")


def _vtube_studio() -> Availability:
    """Whether its port is taken on this machine: no connection is made."""
    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", PORT))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return Availability("VTube Studio", True, f"something listens on port {PORT}", "")
    return Availability(
        "VTube Studio", False, f"nothing listens on port {PORT}", f"start VTube Studio, and {ENABLE_HINT}"
    )
