"""Who sends where a person's `--out` says: a face to another program, or the picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol, Self

from .. import livelink, vmc
from ..endpoint import EndpointError
from ..payload import Params
from . import ndi, spout, syphon, virtualcam
from .canvas import Canvas, Premultiplied, Steady
from .datagrams import SenderError
from .destination import PICTURES, Destination
from .livelink import SUBJECT, LiveLinkSender
from .pictures import PictureSender
from .vmc import VmcSender
from .vtubestudio_session import PORT

NAME = "Omote"
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
    return Destination.parse(spec).kind in PICTURES


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
    if to.kind not in _PICTURES:
        raise SenderError(f"{spec}: {to.kind} takes a face, no pictures")
    try:
        return _PICTURES[to.kind](to)
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
    width, height = _size(to)
    opens = partial(virtualcam.open_camera, to.name or None, width, height, has_alpha)
    return PictureSender(
        f"virtual camera {to.name}".rstrip(), opens, Canvas(width, height, None if has_alpha else _background(to))
    )


def _ndi(to: Destination) -> PictureSender:
    to.check({"size": ()})
    name = to.name or NAME
    return PictureSender(f"ndi {name}", partial(ndi.open_sender, name), Steady(_side(to)), warning=ndi.WARNING)


def _spout(to: Destination) -> PictureSender:
    to.check({"size": ()})
    name = to.name or NAME
    return PictureSender(f"spout {name}", partial(spout.open_sender, name), Premultiplied(_side(to)))


def _syphon(to: Destination) -> PictureSender:
    to.check({"size": ()})
    name = to.name or NAME
    return PictureSender(f"syphon {name}", partial(syphon.open_server, name), Premultiplied(_side(to)))


def _size(to: Destination) -> tuple[int, int]:
    """Of a camera's picture: even numbers, as cameras have them."""
    said = to.options.get("size")
    found = _SIZE.match(said) if said is not None else None
    size = (int(found[1]), int(found[2])) if found else virtualcam.SIZE
    if (said is not None and not found) or any(one % 2 or not _SIDES[0] <= one <= _SIDES[1] for one in size):
        raise SenderError(
            f"size must be WIDTHxHEIGHT, as 1280x720, in even numbers from {_SIDES[0]} to {_SIDES[1]}, got {said!r}"
        )
    return size


def _side(to: Destination) -> int | None:
    said = to.options.get("size")
    if said is None:
        return None
    if not (said.isascii() and said.isdigit() and len(said) <= 4 and _SIDES[0] <= int(said) <= _SIDES[1]):
        raise SenderError(f"size must be a number of pixels from {_SIDES[0]} to {_SIDES[1]}, got {said!r}")
    return int(said)


def _background(to: Destination) -> tuple[int, int, int]:
    said = to.options.get("background", "000000").removeprefix("#")
    if not _COLOUR.match(said):
        raise SenderError(f"background must be six hexadecimal digits, as 00ff00, got {said!r}")
    return int(said[:2], 16), int(said[2:4], 16), int(said[4:], 16)


_PICTURES: dict[str, Callable[[Destination], PictureSender]] = {
    "virtualcam": _virtualcam,
    "ndi": _ndi,
    "spout": _spout,
    "syphon": _syphon,
}
