"""`open_source` turns what the user typed into a source, and imports only the module of that source."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omote.bridge.errors import printable

from ..storage import user_path
from .cameras import parse_webcam
from .source import WHOLE_RECORDING, NoCamera, Playback, Source, SourceError

if TYPE_CHECKING:
    from .datagrams import DatagramSource

NETWORK_SPECS = (
    "livelink[:PORT][@SENDER], ifacialmocap[:PHONE], facemotion3d[:PHONE], vtubestudio:PHONE, vmc[:PORT][@SENDER], "
    "openseeface[:PORT][@SENDER]"
)
NETWORK_KINDS = ("livelink", "ifacialmocap", "facemotion3d", "vtubestudio", "vmc", "openseeface")
VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")
_PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".heic")  # no sources, but often tried
TAKE_SUFFIX = ".csv"
DEMO = Path(__file__).with_name("demo.csv")

_SPECS = f"webcam[:N][:WIDTHxHEIGHT][@FPS][+mouth], demo, none, a video (.mp4), a take (.csv), {NETWORK_SPECS}"
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\Z", re.ASCII)


def open_source(
    spec: str | Path,
    *,
    fps: float | None = None,
    loop: bool = False,
    is_offline: bool = False,
    playback: Playback = WHOLE_RECORDING,
) -> Source:
    """The source of a performance. It opens in `with`, not here.

    Parameters
    ----------
    spec
        "webcam", "webcam:1", "webcam:1:1280x720@60", "demo", "none" (no camera), the path of a video or of a take
        (.csv), or a phone or another program, as `omote live --source` takes it: "livelink", "ifacialmocap:PHONE" and
        so on.
    fps
        The rate of a file instead of its own, or the one to request from a webcam.
    loop
        Begins a file again at its end.
    is_offline
        Reads a file picture by picture, not at the pace of a camera.
    playback
        Speed and part of a file.

    Returns
    -------
    Source
        Read it in `with`, again and again: `source.read(timeout_s)`.

    Raises
    ------
    SourceError
        If there is no such source, or options are for files and this is none; from `with`, if it does not open.

    Examples
    --------
    >>> with open_source("demo") as source:
    ...     source.read(1.0).weights.shape
    (52,)
    """
    spec = str(spec)
    kind = spec.partition(":")[0]
    if (bare := re.split("[@+]", kind)[0]) in ("webcam", *NETWORK_KINDS):
        kind = bare
    if kind == "webcam" or kind in NETWORK_KINDS:
        _check_no_file_options(spec, loop, is_offline, playback)
        if kind == "webcam":
            return _webcam(spec, fps)
        if fps is not None:
            raise SourceError(f"the source {spec} comes at the sender's own rate; leave out the rate ({fps:g})")
        return open_network(kind, spec)
    if spec == "demo":
        return _take(DEMO, "demo", fps, loop, is_offline, playback)
    if spec == "none":
        _check_no_file_options(spec, loop, is_offline, playback)
        return NoCamera()
    path = user_path(spec)
    suffix = path.suffix.lower()
    if suffix != TAKE_SUFFIX and suffix not in VIDEO_SUFFIXES:
        raise SourceError(_unknown_source(spec))
    if not path.is_file():
        raise SourceError(_no_file(path))
    if suffix == TAKE_SUFFIX:
        return _take(path, printable(path.name, 255), fps, loop, is_offline, playback)
    return _video(path, fps, loop, is_offline, playback)


def recording_length(spec: str, playback: Playback = WHOLE_RECORDING) -> tuple[float, float]:
    """Seconds that this part of a take or a video plays, and its pictures a second; `spec` as for `open_source`.

    The header of a video may be wrong. SourceError if it cannot be read, or if the part is empty.
    """
    path = DEMO if spec == "demo" else user_path(spec)
    if path.suffix.lower() == TAKE_SUFFIX:
        from .take import read_take, trimmed_take

        take = trimmed_take(read_take(path), playback)
        seconds, fps = take.seconds, take.fps
    else:
        from .video import header_length

        whole_s, fps = header_length(path)
        seconds = min(playback.stop_s, whole_s) - playback.start_s
        if seconds <= 0.0:
            raise SourceError(f"no picture of {path.name} lies {playback.span}: it lasts {whole_s:.2f} s")
    return seconds / playback.speed, fps * playback.speed


# Cameras and files. MediaPipe and OpenCV take a second to import, and may lack system libraries.


def _webcam(spec: str, fps: float | None) -> Source:
    index, format = parse_webcam(spec)
    if fps is not None:
        format = replace(format, fps=fps)
    from .mediapipe import missing_library

    try:
        from .webcam import WebcamSource
    except (ImportError, OSError) as error:
        raise missing_library(error) from error
    return WebcamSource(index, format)


def _video(path: Path, fps: float | None, loop: bool, is_offline: bool, playback: Playback) -> Source:
    from .mediapipe import missing_library

    try:
        from .video import VideoSource
    except (ImportError, OSError) as error:
        raise missing_library(error) from error
    return VideoSource(path, fps, loop, is_offline, playback=playback)


def _take(path: Path, name: str, fps: float | None, loop: bool, is_offline: bool, playback: Playback) -> Source:
    from .take import TakeSource, read_take

    return TakeSource(read_take(path), name, fps, loop, is_offline, playback=playback)


def _check_no_file_options(spec: str, loop: bool, is_offline: bool, playback: Playback) -> None:
    if loop or is_offline or playback != WHOLE_RECORDING:
        option = "be looped" if loop else "be read offline" if is_offline else "be cut or played at another speed"
        raise SourceError(f"the source {spec} is live and cannot {option}; only a video or a take can")


def _unknown_source(spec: str) -> str:
    if Path(spec).suffix.lower() in _PICTURE_SUFFIXES:
        return (
            f"{spec} is a picture, and a source has to move. To make a character from it: "
            f"omote character new NAME --photo {spec}"
        )
    near = difflib.get_close_matches(spec.partition(":")[0].lower(), ("webcam", "demo", "none", *NETWORK_KINDS), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"no source is called {spec!r}; {hint}there are {_SPECS}"


def _no_file(path: Path) -> str:
    names = [p.name for p in path.parent.glob(f"*{path.suffix}")] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"there is no file {path}" + (f"; did you mean {path.with_name(near[0])}?" if near else "")


# Phones and other programs.


def open_network(kind: str, spec: str) -> DatagramSource[Any]:
    """The source of one of `NETWORK_KINDS`, which `spec` begins with; SourceError says what is wrong with the rest."""
    rest = spec.removeprefix(kind)
    has_colon, detail = rest[:1] == ":", rest.removeprefix(":")
    if kind in ("livelink", "vmc", "openseeface"):
        return _listener(kind, spec, has_colon, detail)
    return _phone(kind, spec, has_colon, detail)


def _listener(kind: str, spec: str, has_colon: bool, detail: str) -> DatagramSource[Any]:
    """A source that only listens: KIND[:HOST][:PORT][@SENDER]; an IPv6 address stands in brackets."""
    from .datagrams import DatagramSource, FaceProtocol
    from .openseeface import OpenSeeFace
    from .phones import LiveLink
    from .vmc import Vmc

    protocols: dict[str, type[FaceProtocol[Any]]] = {"livelink": LiveLink, "vmc": Vmc, "openseeface": OpenSeeFace}
    detail, at, sender = detail.partition("@")
    sender = sender.removeprefix("[").removesuffix("]")
    if at and not _is_address(sender):
        raise SourceError(f"{spec}: {sender!r} is no sender's address; wanted one as 192.168.1.7 or [fd00::7]")
    if not detail and has_colon and not at:
        raise SourceError(f"{spec}: {detail!r} is not a UDP port; wanted 1 to 65535")
    host, port = _host_and_port(detail)
    if not _is_address(host):
        host, port = "", detail or None
    ports = None if port is None else (_port(spec, port),)
    return DatagramSource(protocols[kind](), ports, host or None, sender=sender or None)


def _phone(kind: str, spec: str, has_colon: bool, detail: str) -> DatagramSource[Any]:
    """A source that asks a phone: KIND:PHONE[:PORT]; or KIND[:PORT], which only listens, where the app allows it."""
    from . import phones
    from .datagrams import DatagramSource, FaceProtocol, PhoneRequest

    apps: dict[str, tuple[type[FaceProtocol[Any]], Callable[..., PhoneRequest]]] = {
        "ifacialmocap": (phones.IFacialMocap, phones.ifacialmocap_request),
        "facemotion3d": (phones.Facemotion3d, phones.facemotion3d_request),
        "vtubestudio": (phones.VTubeStudio, phones.vtubestudio_request),
    }
    protocol, request = apps[kind]
    if kind == "vtubestudio" and (not detail or detail.isdigit()):
        raise SourceError(
            f"{spec}: the address of the phone is missing, and the app sends only when it is asked: wanted "
            "vtubestudio:PHONE, as 192.168.1.7"
        )
    if not has_colon or detail.isdigit():
        return DatagramSource(protocol(), (_port(spec, detail),) if has_colon else None)
    host, port = _host_and_port(detail)
    if not (_HOST.match(host) or _is_address(host)):
        raise SourceError(
            f"{spec}: {host!r} is no phone's address; wanted an address or a name, as 192.168.1.7 or [fd00::7]"
        )
    return DatagramSource(protocol(), request=request(host) if port is None else request(host, _port(spec, port)))


def _host_and_port(text: str) -> tuple[str, str | None]:
    """The parts of HOST[:PORT]; an IPv6 address stands in brackets, which are left out."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        return (host if bracket and _is_address(host) and rest[:1] in ("", ":") else text), rest[1:] if rest else None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _is_address(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address in numbers."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _port(spec: str, detail: str) -> int:
    if detail.isascii() and detail.isdigit() and len(detail) <= 5 and 1 <= int(detail) <= 65535:
        return int(detail)
    raise SourceError(f"{spec}: {detail!r} is not a UDP port; wanted 1 to 65535")
