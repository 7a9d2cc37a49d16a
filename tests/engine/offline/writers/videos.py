"""Small videos that no network draws, their encoders, and independent readers of the files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.offline.animation import Animation, Sound
from omote.engine.offline.pictures import Picture, PictureFolder, encode_png
from omote.engine.offline.writers.encoders import VIDEO_FORMATS, Encoder, FfmpegEncoder, PyAvEncoder, is_pyav_installed
from omote.engine.offline.writers.video import VideoWriter
from omote.engine.testing.offline import still_animation

PROGRAM = shutil.which("ffmpeg")
needs_pyav = pytest.mark.skipif(not is_pyav_installed(), reason="PyAV is not installed: pip install 'omote[video]'")
needs_ffmpeg = pytest.mark.skipif(PROGRAM is None, reason="there is no ffmpeg on PATH")
ENCODERS = (
    pytest.param(PyAvEncoder(), id="PyAV", marks=needs_pyav),
    pytest.param(FfmpegEncoder(PROGRAM or "ffmpeg"), id="ffmpeg", marks=needs_ffmpeg),
)
SUFFIXES = tuple(VIDEO_FORMATS)
BACKGROUND = (10, 200, 90)
SIZE = 64

Floats = NDArray[np.float64]


def ignore(done: int) -> None:
    """Takes the progress of a writer."""


def picture(index: int, size: int) -> Picture:
    """Smooth colours in a soft disc that motion; clear pixels are black, as ours are."""
    y, x = np.indices((size, size)) / size
    channels = [255 * x, 255 * y, 128 + 100 * np.sin(5 * x + index / 5)]
    alpha = np.clip((0.35 - np.hypot(x - 0.4 - 0.005 * index, y - 0.5)) * 8, 0, 1)
    return np.dstack([*(channel * (alpha > 0) for channel in channels), 255 * alpha]).round().astype(np.uint8)


def pictures(folder: Path, count: int, size: int = SIZE) -> PictureFolder:
    folder.mkdir(exist_ok=True)
    found = PictureFolder(folder, count)
    for index in range(count):
        found.path(index).write_bytes(encode_png(picture(index, size)))
    return found


def animation(count: int, fps: Fraction = Fraction(30), sound: Sound | None = None) -> Animation:
    return replace(still_animation(count, fps), sound=sound)


def video(encoder: Encoder, path: Path) -> VideoWriter:
    return VideoWriter(path, VIDEO_FORMATS[path.suffix], BACKGROUND, (encoder,))


@dataclass(frozen=True)
class Decoded:
    """What PyAV finds in a file."""

    times_s: tuple[Fraction, ...]
    pictures: tuple[Floats, ...]  # [S,S,4] 0 to 255, not rounded
    tags: tuple[int, int, int, int]  # range, matrix, primaries, transfer


def decoded(path: Path) -> Decoded:
    """Its pictures by the equations of BT.709, because FFmpeg's conversion of VP9 with alpha is off by 2 of 255."""
    av = pytest.importorskip("av", reason="the tests read videos with PyAV")
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        # FFmpeg's own decoder of VP9 leaves alpha out.
        codec = av.CodecContext.create("libvpx-vp9", "r") if path.suffix == ".webm" else stream.codec_context
        frames = [frame for packet in file.demux(stream) for frame in codec.decode(packet if packet.size else None)]
        context = stream.codec_context
        tags = (context.color_range, context.colorspace, context.color_primaries, context.color_trc)
        times_s = tuple(Fraction(frame.pts) * (frame.time_base or stream.time_base) for frame in frames)
        return Decoded(times_s, tuple(rgba(frame) for frame in frames), tuple(int(tag) for tag in tags))  # type: ignore[arg-type]


def rgba(frame: object) -> Floats:
    """[S,S,4] of any planar picture in limited range; alpha is of full range."""
    name = frame.format.name  # type: ignore[attr-defined]
    depth = next((int(bits) for bits in ("16", "12", "10") if f"p{bits}" in name), 8)
    scale = 2 ** (depth - 8)
    kind = np.uint8 if depth == 8 else np.dtype("<u2")
    found = []
    for plane in frame.planes:  # type: ignore[attr-defined]
        rows = np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width]
        found.append(rows.astype(np.float64))
    size = found[0].shape[0]
    luma = (found[0] / scale - 16) / 219
    blue, red = ((_full(plane, size) / scale - 128) / 224 for plane in found[1:3])
    alpha = found[3] / (2**depth - 1) * 255 if len(found) == 4 else np.full_like(luma, 255)
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152
    return np.dstack([255 * r, 255 * g, 255 * b, alpha])


def _full(plane: Floats, size: int) -> Floats:
    """Chroma at each pixel: samples lie on even columns, and between two rows."""
    if plane.shape[0] == size:
        return plane
    at = np.arange(size)
    columns = np.array([np.interp(at, 2 * np.arange(plane.shape[1]), row) for row in plane])
    return np.array([np.interp(at, 2 * np.arange(plane.shape[0]) + 0.5, column) for column in columns.T]).T


def read_sound(path: Path) -> tuple[Floats, int]:
    """The left channel at 48 kHz, and the sample at which it begins on the clock of the video."""
    av = pytest.importorskip("av", reason="the tests read videos with PyAV")
    blocks: list[Floats] = []
    first: int | None = None
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            if first is None:
                first = round(float(frame.pts * frame.time_base) * frame.sample_rate)
            samples = frame.to_ndarray()
            left = samples.reshape(-1, 2)[:, 0] if frame.format.is_packed else samples[0]
            blocks.append(left / 32768.0 if left.dtype == np.int16 else left.astype(np.float64))
            assert frame.sample_rate == 48_000
    return np.concatenate(blocks), first or 0


def write_wav(path: Path, channels: Sequence[Floats], rate: int) -> None:
    """16 bits, each channel -1 to 1."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.stack(channels, 1) * 32000).round().astype("<i2").tobytes())
