"""Encodes by PyAV, which brings FFmpeg's libraries with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from omote.engine.offline.script import RenderError

from .encoder import BLOCK, EXTRA, sound_filter
from .form import SOUND_CHANNELS, SOUND_RATE, Film

_BYTES_OF_SAMPLE = 2 * SOUND_CHANNELS
_BT709, _LIMITED = 1, 1  # AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709 and AVCOL_RANGE_MPEG


def is_installed() -> bool:
    """Whether PyAV can be imported."""
    try:
        import av
    except ImportError:
        return False
    return bool(av)


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise RenderError(f"PyAV cannot be imported ({error}): {EXTRA}") from error
    return av


def _file(path: Path) -> str:
    """So that a name with a colon is a file's."""
    return str(path.absolute())


class Pyav:
    """FFmpeg's libraries in this process."""

    name = "PyAV"

    def encode(self, film: Film, frames: Iterable[bytes], sound: Path | None, path: Path) -> None:
        av = _av()
        try:
            options = dict(film.form.container_options)
            with av.open(_file(path), "w", format=film.form.container, options=options) as container:
                container.metadata.update(film.tags)
                _Mux(av, container, film, sound is not None).write(frames, sound)
        except RenderError:
            raise
        except (av.FFmpegError, OSError, ValueError) as error:
            raise RenderError(f"PyAV cannot write {film.form.suffix}: {error}") from error

    def pcm(self, file: Path) -> Iterator[bytes]:
        av = _av()
        try:
            with av.open(_file(file)) as container:
                yield from _decoded(av, container, file)
        except RenderError:
            raise
        except (av.FFmpegError, OSError, ValueError) as error:
            raise RenderError(f"the sound of {file} cannot be read: {error}") from error


class _Mux:
    """The streams of a file that is being written, sound beside the pictures that it belongs to."""

    def __init__(self, av: Any, container: Any, film: Film, has_sound: bool) -> None:
        form = film.form
        self.av, self.container, self.film = av, container, film
        self.video = container.add_stream(form.codec, rate=film.fps, options=dict(form.options))
        context = self.video.codec_context
        context.width = context.height = film.size
        context.pix_fmt = form.pixels
        context.time_base = 1 / film.fps
        context.color_range = _LIMITED
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        self.sound = None
        if has_sound:
            self.sound = container.add_stream(form.sound_codec, SOUND_RATE, options=dict(form.sound_options))
            self.sound.codec_context.layout = "stereo"
            self.sound.codec_context.time_base = Fraction(1, SOUND_RATE)
        self.heard = 0  # samples that are written

    def write(self, frames: Iterable[bytes], sound: Path | None) -> None:
        file = sound.open("rb") if sound else None
        try:
            for index, frame in enumerate(frames):
                self.container.mux(self.video.encode(self._picture(frame, index)))
                if file:
                    self._hear(file.read(self._bytes_until(index + 1)))
            self.container.mux(self.video.encode(None))
            if file:
                self._hear(file.read())
                self.container.mux(self.sound.encode(None))  # type: ignore[union-attr]
        finally:
            if file:
                file.close()

    def _bytes_until(self, index: int) -> int:
        return max(int(index / self.film.fps * SOUND_RATE) - self.heard, 0) * _BYTES_OF_SAMPLE

    def _picture(self, data: bytes, index: int) -> Any:
        size, form = self.film.size, self.film.form
        frame = self.av.VideoFrame(size, size, form.pixels)
        width, at = 1 if form.depth == 8 else 2, 0
        for plane in frame.planes:
            length = plane.width * width * plane.height
            rows = np.frombuffer(data, np.uint8, length, at).reshape(plane.height, -1)
            np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : rows.shape[1]] = rows
            at += length
        frame.pts, frame.time_base = index, 1 / self.film.fps
        frame.color_range, frame.colorspace = _LIMITED, _BT709
        if hasattr(frame, "color_primaries"):  # before that, all encoders took them from the context
            frame.color_primaries = frame.color_trc = _BT709
        return frame

    def _hear(self, data: bytes) -> None:
        for at in range(0, len(data), BLOCK):
            samples = np.frombuffer(data[at : at + BLOCK], "<i2").reshape(1, -1)
            frame = self.av.AudioFrame.from_ndarray(samples, "s16", "stereo")
            frame.sample_rate, frame.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
            frame.pts = self.heard
            self.heard += samples.size // SOUND_CHANNELS
            self.container.mux(self.sound.encode(frame))  # type: ignore[union-attr]


def _decoded(av: Any, container: Any, file: Path) -> Iterator[bytes]:
    if not container.streams.audio:
        raise RenderError(f"{file} has no sound: name a file that has, or leave it out")
    stream = container.streams.audio[0]
    graph = av.filter.Graph()
    source = graph.add_abuffer(template=stream)
    last = source
    for name, words in (part.split("=", 1) for part in sound_filter(str(_begin_s(container))).split(",")):
        step = graph.add(name, words)
        last.link_to(step)
        last = step
    sink = graph.add("abuffersink")
    last.link_to(sink)
    graph.configure()
    for packet in container.demux(stream):
        with suppress(av.InvalidDataError):  # silence is in its place, as the program has it
            for frame in packet.decode():
                source.push(frame)
        yield from _pulled(av, sink)
    source.push(None)
    yield from _pulled(av, sink)


def _pulled(av: Any, sink: Any) -> Iterator[bytes]:
    while True:
        try:
            frame = sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield frame.to_ndarray().astype("<i2").tobytes()


def _begin_s(container: Any) -> Fraction:
    """When its first picture is shown, on its own clock; where there is none, when its first stream begins."""
    for stream in container.streams.video:
        is_cover = "attached_pic" in str(stream.disposition)
        if stream.start_time is not None and not is_cover:
            return Fraction(stream.start_time * stream.time_base)
    return Fraction(container.start_time or 0, 1_000_000)
