"""Where performances come from: `open_source` turns what a person typed into a source."""

from __future__ import annotations

import difflib
from pathlib import Path

from .network import KINDS, WANTED, open_network
from .playback import WHOLE, Playback
from .source import EndOfSource, Source, SourceError

__all__ = ["VIDEO_SUFFIXES", "EndOfSource", "Playback", "Source", "SourceError", "open_source"]

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")
TAKE_SUFFIX = ".csv"
DEMO = Path(__file__).with_name("demo.csv")
_WANTED = f"webcam[:N], demo, a video (.mp4), a take (.csv), {WANTED}"


def open_source(
    spec: str,
    *,
    fps: float | None = None,
    loop: bool = False,
    is_offline: bool = False,
    playback: Playback = WHOLE,
) -> Source:
    """The source that `spec` names: webcam[:N], demo, FILE.mp4, TAKE.csv or one of `network.KINDS`.

    It opens in `with`, not here. `fps` is the rate of a file, or what a webcam is asked for; `loop`, `is_offline`
    (picture by picture, not at the pace of a camera) and `playback` are for files. SourceError says what cannot be.
    """
    kind, _, detail = spec.partition(":")
    kind = kind.partition("@")[0] if kind.partition("@")[0] in KINDS else kind
    if kind == "webcam" or kind in KINDS:
        _refuse_file_options(spec, loop=loop, is_offline=is_offline, playback=playback)
        return _webcam(spec, detail, fps) if kind == "webcam" else _network(kind, spec, fps)
    if spec == "demo":
        return _take(DEMO, "demo", fps, loop, is_offline, playback)
    path = Path(spec).expanduser()
    suffix = path.suffix.lower()
    if suffix != TAKE_SUFFIX and suffix not in VIDEO_SUFFIXES:
        raise SourceError(_unknown(spec))
    if not path.is_file():
        raise SourceError(_no_file(path))
    if suffix == TAKE_SUFFIX:
        return _take(path, path.name, fps, loop, is_offline, playback)
    return _video(path, fps, loop, is_offline, playback)


# Each source is imported when it is asked for: MediaPipe and OpenCV take a second, and may lack system libraries.


def _webcam(spec: str, detail: str, fps: float | None) -> Source:
    index = _number(spec, detail, default=0, least=0, most=99, what="a camera's number")
    from .native import missing_library

    try:
        from .webcam import WebcamSource
    except (ImportError, OSError) as error:
        raise missing_library(error) from error
    return WebcamSource(index, fps)


def _video(path: Path, fps: float | None, loop: bool, is_offline: bool, playback: Playback) -> Source:
    from .native import missing_library

    try:
        from .video import VideoSource
    except (ImportError, OSError) as error:
        raise missing_library(error) from error
    return VideoSource(path, fps, loop, is_offline, playback=playback)


def _network(kind: str, spec: str, fps: float | None) -> Source:
    if fps is not None:
        raise SourceError(f"the source {spec} comes at the sender's own rate; leave out the rate ({fps:g})")
    return open_network(kind, spec)


def _take(path: Path, name: str, fps: float | None, loop: bool, is_offline: bool, playback: Playback) -> Source:
    from .take import TakeSource, read_take

    return TakeSource(read_take(path), name, fps, loop, is_offline, playback=playback)


def _refuse_file_options(spec: str, *, loop: bool, is_offline: bool, playback: Playback) -> None:
    if loop or is_offline or playback != WHOLE:
        option = "be looped" if loop else "be read offline" if is_offline else "be cut or played at another speed"
        raise SourceError(f"the source {spec} is live and cannot {option}; only a video or a take can")


def _number(spec: str, detail: str, *, default: int, least: int, most: int, what: str) -> int:
    if not detail and ":" not in spec:
        return default
    if detail.isascii() and detail.isdigit() and least <= int(detail) <= most:
        return int(detail)
    raise SourceError(f"{spec}: {detail!r} is not {what}; wanted {least} to {most}")


def _unknown(spec: str) -> str:
    near = difflib.get_close_matches(spec.partition(":")[0].lower(), ("webcam", "demo", *KINDS), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"no source is called {spec!r}; {hint}There are: {_WANTED}"


def _no_file(path: Path) -> str:
    names = [p.name for p in path.parent.glob(f"*{path.suffix}")] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"there is no file {path}" + (f"; did you mean {path.with_name(near[0])}?" if near else "")
