"""Parses `--out`, makes the sender that it names, and lists which outputs this machine supports."""

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
from ..errors import SenderError
from ..payload import Params
from . import pictures, udp
from .conversion import Canvas, FixedSize
from .pictures import PictureSender
from .vtubestudio_api import ENABLE_HINT, PORT

DESTINATION_FORMATS = "livelink://HOST, vmc://HOST, vts://HOST, virtualcam, ndi, spout or syphon"
FACE_KINDS = ("livelink", "vmc", "vts")
PICTURE_KINDS = ("virtualcam", "ndi", "spout", "syphon")
PROGRAM_NAME = "Omote"

_MAX_NAME_BYTES = 64
_COLOUR = re.compile(r"[0-9a-fA-F]{6}\Z")
_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})\Z", re.ASCII)
_SIDES = (64, 4096)
_VIDEO_DEVICES = Path("/sys/devices/virtual/video4linux")  # Linux lists virtual cameras here


class FaceSender(Protocol):
    """Sends a face in the protocol of another program; open inside `with`."""

    name: str  # with host and port

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    @property
    def trouble(self) -> str:
        """Why nothing arrives now, in one line; empty while all is well, as far as the sender knows."""
        ...

    def offer(self, wall_ns: int, params: Params) -> None:
        """Sends this face, captured at this wall time. Never blocks, never raises."""
        ...


@dataclass(frozen=True)
class Destination:
    """A parsed `--out`: the kind of program, its host or the name of the source there, and options."""

    spec: str  # as typed
    kind: str  # one of `FACE_KINDS` or `PICTURE_KINDS`
    host: str  # of a face; empty for a picture
    port: int | None
    name: str  # of a picture: the source or the camera; empty for the default
    options: Mapping[str, str]

    @classmethod
    def parse(cls, spec: str) -> Destination:
        """SenderError says what is wrong, and names the nearest kind."""
        kind = spec.partition("?")[0].partition(":")[0].lower()
        if kind in PICTURE_KINDS:
            return _parse_picture(spec, kind)
        if kind in FACE_KINDS:
            return _parse_face(spec, kind)
        hint = f"expected {DESTINATION_FORMATS}"
        for near in difflib.get_close_matches(kind, (*FACE_KINDS, *PICTURE_KINDS), 1):
            hint = f"did you mean {near}{'://' if near in FACE_KINDS else ''}?"
        raise SenderError(f"{spec}: there is no output called {kind or 'nothing'}; {hint}")

    def check(self, known: Mapping[str, Collection[str]]) -> None:
        """SenderError unless each option is known, and its value among the option's words, if it has words."""
        for name, value in self.options.items():
            if name not in known:
                hint = f"only {', '.join(known)}" if known else f"{self.kind} has none"
                raise SenderError(f"there is no option {name}, {hint}")
            if known[name] and value not in known[name]:
                raise SenderError(f"{name} must be {' or '.join(known[name])}, got {value!r}")


def _parse_face(spec: str, kind: str) -> Destination:
    try:
        parts = urlsplit(spec)
        port = parts.port  # raises ValueError
    except ValueError as error:
        raise SenderError(f"{spec}: {error}; expected {DESTINATION_FORMATS}") from error
    host = parts.hostname or ("127.0.0.1" if kind == "vts" else "")
    has_path = bool(parts.path.strip("/")) and parts.path != kind  # `vts` alone is a path to urllib
    if not host or port == 0 or has_path or parts.fragment or parts.username is not None:
        raise SenderError(f"{spec} is no destination: expected {DESTINATION_FORMATS}")
    return Destination(spec, kind, host, port, "", dict(parse_qsl(parts.query, keep_blank_values=True)))


def _parse_picture(spec: str, kind: str) -> Destination:
    """Without urlsplit, which makes the name lower case."""
    path, _, query = spec.partition("?")
    rest = path[len(kind) :]
    if rest and not rest.startswith("://"):
        raise SenderError(f"{spec} is no destination: expected {kind} or {kind}://NAME")
    name = unquote(rest.removeprefix("://"))
    if len(name.encode()) > _MAX_NAME_BYTES or not (name or "x").isprintable():
        raise SenderError(f"{spec}: a name has at most {_MAX_NAME_BYTES} printable bytes, got {name!r}")
    return Destination(spec, kind, "", None, name, dict(parse_qsl(query, keep_blank_values=True)))


def takes_pictures(spec: str) -> bool:
    """Whether this destination is one for `picture_sender`, not `face_sender`; SenderError where it is neither."""
    return Destination.parse(spec).kind in PICTURE_KINDS


def face_sender(spec: str, settings: Path | None = None) -> FaceSender:
    """The sender for this destination; SenderError says what is wrong with it. `with` opens it.

    VTube Studio's token is stored in the folder `settings`; with None, only until the program ends.
    """
    to = Destination.parse(spec)
    makers: dict[str, Callable[[Destination], FaceSender]] = {
        "livelink": _livelink,
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
    """The sender for this destination; SenderError says what is wrong with it. `with` opens it."""
    to = Destination.parse(spec)
    if to.kind not in PICTURE_KINDS:
        raise SenderError(f"{spec}: {to.kind} takes a face, no pictures")
    try:
        return _virtualcam(to) if to.kind == "virtualcam" else _shared_picture(to)
    except SenderError as error:
        raise SenderError(f"{spec}: {error}") from error


def _livelink(to: Destination) -> FaceSender:
    to.check({"subject": ()})
    return udp.livelink_sender(to.host, to.port or livelink.PORT, to.options.get("subject", udp.SUBJECT))


def _vmc(to: Destination) -> FaceSender:
    to.check({"names": ("camel", "pascal"), "presets": ("yes", "no")})
    names = vmc.PASCAL if to.options.get("names") == "pascal" else vmc.CAMEL
    return udp.vmc_sender(to.host, to.port or vmc.PORT, names, has_presets=to.options.get("presets") != "no")


def _vts(to: Destination, settings: Path | None) -> FaceSender:
    from .vtubestudio import VtsSender

    to.check({"arkit": ("yes", "no")})
    try:
        to.host.encode("idna")  # the system does this too late, when it connects
        return VtsSender(to.host, to.port or PORT, settings, has_arkit=to.options.get("arkit") == "yes")
    except (EndpointError, UnicodeError) as error:
        raise SenderError(f"{to.host!r} is not a host's name or address") from error


def _virtualcam(to: Destination) -> PictureSender:
    to.check({"size": (), "background": (), "alpha": ("yes", "no")})
    has_alpha = to.options.get("alpha") == "yes"
    if has_alpha and "background" in to.options:
        raise SenderError("with alpha=yes there is no background")
    width, height = _parse_size(to)
    convert = Canvas(width, height, None if has_alpha else _parse_background(to))
    open_channel = partial(pictures.open_camera, to.name or None, width, height, has_alpha)
    return PictureSender(f"virtual camera {to.name}".rstrip(), open_channel, convert)


def _shared_picture(to: Destination) -> PictureSender:
    to.check({"size": ()})
    openers = {"ndi": pictures.open_ndi, "spout": pictures.open_spout, "syphon": pictures.open_syphon}
    name, is_ndi = to.name or PROGRAM_NAME, to.kind == "ndi"
    return PictureSender(
        f"{to.kind} {name}",
        partial(openers[to.kind], name),
        FixedSize(_parse_side(to), is_premultiplied=not is_ndi),
        warning=pictures.NDI_WARNING if is_ndi else "",
    )


def _parse_size(to: Destination) -> tuple[int, int]:
    """The size of a camera's picture, in even numbers, as cameras have them."""
    option = to.options.get("size")
    if option is None:
        return pictures.CAMERA_SIZE
    found = _SIZE.match(option)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if any(side % 2 or not _SIDES[0] <= side <= _SIDES[1] for side in size):
        raise SenderError(
            f"size must be WIDTHxHEIGHT, as 1280x720, in even numbers from {_SIDES[0]} to {_SIDES[1]}, got {option!r}"
        )
    return size


def _parse_side(to: Destination) -> int | None:
    option = to.options.get("size")
    if option is None:
        return None
    if not (option.isascii() and option.isdigit() and len(option) <= 4 and _SIDES[0] <= int(option) <= _SIDES[1]):
        raise SenderError(f"size must be a number of pixels from {_SIDES[0]} to {_SIDES[1]}, got {option!r}")
    return int(option)


def _parse_background(to: Destination) -> tuple[int, int, int]:
    option = to.options.get("background", "000000").removeprefix("#")
    if not _COLOUR.match(option):
        raise SenderError(f"background must be six hexadecimal digits, as 00ff00, got {option!r}")
    return int(option[:2], 16), int(option[2:4], 16), int(option[4:], 16)


class Availability(NamedTuple):
    """Whether this machine supports an output."""

    name: str
    is_there: bool
    found: str
    cure: str  # empty where it is there


def availability(platform: str = sys.platform) -> list[Availability]:
    """A row for each output that this system can have."""
    rows = [_virtual_camera(platform), _package("NDI", "cyndilib", "cyndilib", "ndi")]
    if platform == "win32":
        rows.append(_package("Spout", "SpoutGL", "SpoutGL", "spout"))
    if platform == "darwin":
        rows.append(_package("Syphon", "syphon", "syphon-python", "syphon"))
    return [*rows, _vtube_studio()]


def _package(name: str, module: str, distribution: str, kind: str) -> Availability:
    if util.find_spec(module) is None:
        return Availability(name, False, f"{distribution} is not installed", pictures.INSTALL[kind])
    return Availability(name, True, f"{distribution} {metadata.version(distribution)}", "")


def _virtual_camera(platform: str) -> Availability:
    row = _package("virtual camera", "pyvirtualcam", "pyvirtualcam", "virtualcam")
    if not row.is_there or platform != "linux":
        return row
    devices = sorted(path.name for path in _VIDEO_DEVICES.glob("video*"))
    if not devices:
        return Availability(row.name, False, f"{row.found}, but no v4l2loopback device", pictures.camera_cure(platform))
    return Availability(row.name, True, f"{row.found}, /dev/{', /dev/'.join(devices)}", "")


def _vtube_studio() -> Availability:
    """Whether its port is in use on this machine; makes no connection."""
    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", PORT))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return Availability("VTube Studio", True, f"something listens on port {PORT}", "")
    cure = f"start VTube Studio, and {ENABLE_HINT}"
    return Availability("VTube Studio", False, f"nothing listens on port {PORT}", cure)
