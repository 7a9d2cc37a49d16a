"""`open_source` turns what the user typed into a source; each source module is imported when it is chosen."""

from __future__ import annotations

import difflib
import ipaddress
import re
from pathlib import Path

from omote.bridge import ifacialmocap, vtubestudio_phone

from .source import WHOLE_RECORDING, EndOfSource, Playback, Source, SourceError

NETWORK_SPECS = (
    "livelink[:PORT][@SENDER], ifacialmocap[:PHONE], facemotion3d[:PHONE], vtubestudio:PHONE, vmc[:PORT][@SENDER], "
    "openseeface[:PORT][@SENDER]"
)
NETWORK_KINDS = ("livelink", "ifacialmocap", "facemotion3d", "vtubestudio", "vmc", "openseeface")

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\Z", re.ASCII)


def open_network(kind: str, spec: str) -> Source:
    """The source of one of `KINDS`, which `spec` begins with; SourceError says what is wrong with the rest of it."""
    rest = spec.removeprefix(kind)
    colon, detail = rest[:1] == ":", rest.removeprefix(":")
    if kind in ("ifacialmocap", "facemotion3d"):
        return _sender_of_text(kind, spec, colon, detail)
    if kind == "vtubestudio":
        return _vtubestudio(spec, detail)
    return _listener(kind, spec, colon, detail)


def _listener(kind: str, spec: str, colon: bool, detail: str) -> Source:
    from .livelink import LiveLinkSource
    from .openseeface import OpenSeeFaceSource
    from .vmc import VmcSource

    sources: dict[str, type[LiveLinkSource] | type[VmcSource] | type[OpenSeeFaceSource]] = {
        "livelink": LiveLinkSource,
        "vmc": VmcSource,
        "openseeface": OpenSeeFaceSource,
    }
    source = sources[kind]
    detail, at, sender = detail.partition("@")
    if at and not _is_address(sender):
        raise SourceError(f"{spec}: {sender!r} is no sender's address; wanted an IPv4 address, as 192.168.1.7")
    only = sender or None
    if not detail:
        if colon and not at:
            raise SourceError(f"{spec}: {detail!r} is not a UDP port; wanted 1 to 65535")
        return source(only=only)
    here, between, port = detail.partition(":")
    if not _is_address(here):
        return source(_port(spec, detail), only=only)
    return source(_port(spec, port), here, only=only) if between else source(host=here, only=only)


def _sender_of_text(kind: str, spec: str, colon: bool, detail: str) -> Source:
    from .ifacialmocap import Facemotion3dSource, IFacialMocapSource

    source: type[IFacialMocapSource] | type[Facemotion3dSource] = IFacialMocapSource
    phone_port = ifacialmocap.PORT
    if kind == "facemotion3d":
        source, phone_port = Facemotion3dSource, ifacialmocap.FACEMOTION_PORT
    if not colon:
        return source()
    if detail.isdigit():  # a phone that was told where to send to
        return source(ports=(_port(spec, detail),))
    return source(*_phone(spec, detail, phone_port))


def _vtubestudio(spec: str, detail: str) -> Source:
    from .vtubestudio import VTubeStudioSource

    if not detail or detail.isdigit():
        raise SourceError(f"{spec}: whose? The app sends only to who asks: wanted vtubestudio:PHONE, as 192.168.1.7")
    return VTubeStudioSource(*_phone(spec, detail, vtubestudio_phone.PORT))


def _phone(spec: str, detail: str, default_port: int) -> tuple[str, int]:
    """A host and a port of it."""
    host, colon, port = detail.partition(":")
    if not _HOST.match(host):
        raise SourceError(f"{spec}: {host!r} is no phone's address; wanted an IPv4 address or a name, as 192.168.1.7")
    return host, _port(spec, port) if colon else default_port


def _is_address(text: str) -> bool:
    """An IPv4 address in numbers."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _port(spec: str, detail: str) -> int:
    if detail.isascii() and detail.isdigit() and len(detail) <= 5 and 1 <= int(detail) <= 65535:
        return int(detail)
    raise SourceError(f"{spec}: {detail!r} is not a UDP port; wanted 1 to 65535")


__all__ = ["VIDEO_SUFFIXES", "EndOfSource", "Playback", "Source", "SourceError", "open_source"]

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")
TAKE_SUFFIX = ".csv"
DEMO = Path(__file__).with_name("demo.csv")
_SPECS = f"webcam[:N], demo, a video (.mp4), a take (.csv), {NETWORK_SPECS}"


def open_source(
    spec: str,
    *,
    fps: float | None = None,
    loop: bool = False,
    is_offline: bool = False,
    playback: Playback = WHOLE_RECORDING,
) -> Source:
    """The source that `spec` names: webcam[:N], demo, FILE.mp4, TAKE.csv or one of `network.KINDS`.

    It opens in `with`, not here. `fps` is the rate of a file, or what a webcam is asked for; `loop`, `is_offline`
    (picture by picture, not at the pace of a camera) and `playback` are for files. SourceError says what cannot be.
    """
    kind, _, detail = spec.partition(":")
    kind = kind.partition("@")[0] if kind.partition("@")[0] in NETWORK_KINDS else kind
    if kind == "webcam" or kind in NETWORK_KINDS:
        _refuse_file_options(spec, loop=loop, is_offline=is_offline, playback=playback)
        return _webcam(spec, detail, fps) if kind == "webcam" else _network_source(kind, spec, fps)
    if spec == "demo":
        return _take(DEMO, "demo", fps, loop, is_offline, playback)
    path = Path(spec).expanduser()
    suffix = path.suffix.lower()
    if suffix != TAKE_SUFFIX and suffix not in VIDEO_SUFFIXES:
        raise SourceError(_unknown_source(spec))
    if not path.is_file():
        raise SourceError(_no_file(path))
    if suffix == TAKE_SUFFIX:
        return _take(path, path.name, fps, loop, is_offline, playback)
    return _video(path, fps, loop, is_offline, playback)


# Each source is imported when it is asked for: MediaPipe and OpenCV take a second, and may lack system libraries.


def _webcam(spec: str, detail: str, fps: float | None) -> Source:
    index = _number_in(spec, detail, default=0, least=0, most=99, what="a camera's number")
    from .mediapipe import missing_library

    try:
        from .webcam import WebcamSource
    except (ImportError, OSError) as error:
        raise missing_library(error) from error
    return WebcamSource(index, fps)


def _video(path: Path, fps: float | None, loop: bool, is_offline: bool, playback: Playback) -> Source:
    from .mediapipe import missing_library

    try:
        from .video import VideoSource
    except (ImportError, OSError) as error:
        raise missing_library(error) from error
    return VideoSource(path, fps, loop, is_offline, playback=playback)


def _network_source(kind: str, spec: str, fps: float | None) -> Source:
    if fps is not None:
        raise SourceError(f"the source {spec} comes at the sender's own rate; leave out the rate ({fps:g})")
    return open_network(kind, spec)


def _take(path: Path, name: str, fps: float | None, loop: bool, is_offline: bool, playback: Playback) -> Source:
    from .take import TakeSource, read_take

    return TakeSource(read_take(path), name, fps, loop, is_offline, playback=playback)


def _refuse_file_options(spec: str, *, loop: bool, is_offline: bool, playback: Playback) -> None:
    if loop or is_offline or playback != WHOLE_RECORDING:
        option = "be looped" if loop else "be read offline" if is_offline else "be cut or played at another speed"
        raise SourceError(f"the source {spec} is live and cannot {option}; only a video or a take can")


def _number_in(spec: str, detail: str, *, default: int, least: int, most: int, what: str) -> int:
    if not detail and ":" not in spec:
        return default
    if detail.isascii() and detail.isdigit() and least <= int(detail) <= most:
        return int(detail)
    raise SourceError(f"{spec}: {detail!r} is not {what}; wanted {least} to {most}")


def _unknown_source(spec: str) -> str:
    near = difflib.get_close_matches(spec.partition(":")[0].lower(), ("webcam", "demo", *NETWORK_KINDS), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"no source is called {spec!r}; {hint}There are: {_SPECS}"


def _no_file(path: Path) -> str:
    names = [p.name for p in path.parent.glob(f"*{path.suffix}")] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"there is no file {path}" + (f"; did you mean {path.with_name(near[0])}?" if near else "")


def recording_length(spec: str, playback: Playback = WHOLE_RECORDING) -> tuple[float, float]:
    """Seconds that a take or a video plays, or this part of it, and pictures a second; `spec` as for `open_source`.

    A video's header may be wrong. SourceError where it cannot be read, or where nothing lies in this part.
    """
    pass

    path = DEMO if spec == "demo" else Path(spec).expanduser()
    if path.suffix.lower() == TAKE_SUFFIX:
        from .take import read_take, trimmed_take

        take = trimmed_take(read_take(path), playback)
        seconds, fps = take.seconds, take.fps
    else:
        from .video import header_length

        whole_s, fps = header_length(path)
        seconds = min(playback.past_s, whole_s) - playback.start_s
        if seconds <= 0.0:
            raise SourceError(f"no picture of {path.name} lies {playback.span}: it lasts {whole_s:.2f} s")
    return seconds / playback.speed, fps * playback.speed
