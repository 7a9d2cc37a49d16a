"""Writes MP4, WebM and QuickTime files with sound."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..animation import Animation, RenderError, Sound
from ..output import OnProgress, atomic_output
from ..pictures import Picture, PictureFolder
from .encoders import (
    BLOCK,
    EXTRA,
    MOV,
    MP4,
    SAMPLE_BYTES,
    SOUND_RATE,
    VIDEO_FORMATS,
    WEBM,
    Encoder,
    FfmpegEncoder,
    PyAvEncoder,
    VideoFormat,
    VideoSpec,
    find_ffmpeg,
    is_pyav_installed,
)
from .xmp import GENERATED, add_to_mov, add_to_mp4, xmp_packet

# Matroska has no place for XMP: readers show a tag with the name that IPTC gave it.
_TAGS = {WEBM: (("DIGITAL_SOURCE_TYPE", GENERATED),)}
_TRIAL_PICTURES, _TRIAL_SIDE = 2, 64  # small, because VP9 takes seconds for large pictures

_RED, _BLUE = np.float32(0.2126), np.float32(0.0722)  # of luma in BT.709
_GREEN = np.float32(1) - _RED - _BLUE
_FULL = np.float32(255)

Floats = NDArray[np.float32]


def video_writer(path: Path, background: tuple[int, int, int]) -> VideoWriter:
    """For .mp4 (H.264, over `background`), .webm (VP9 with alpha), .mov (ProRes 4444 with alpha); else KeyError."""
    return VideoWriter(path, VIDEO_FORMATS[path.suffix.lower()], background, _installed_encoders())


def _installed_encoders() -> tuple[Encoder, ...]:
    """The encoders on this machine, the first choice first."""
    program = find_ffmpeg()
    return (*((PyAvEncoder(),) if is_pyav_installed() else ()), *((FfmpegEncoder(program),) if program else ()))


@dataclass(frozen=True)
class VideoWriter:
    """Writes one video file with the first of `encoders` that can."""

    path: Path
    format: VideoFormat
    background: tuple[int, int, int]  # sRGB, for a format without alpha
    encoders: tuple[Encoder, ...]

    def check(self, animation: Animation, size: int) -> None:
        self._working_encoder(animation, size)

    def max_bytes(self, animation: Animation, size: int) -> int:
        video = round(len(animation) * size**2 * self.format.bits_per_pixel / 8)
        if not animation.sound:
            return video
        # The raw sound lies beside the video until that is complete.
        return video + 2 * sample_count(len(animation), animation.fps) * SAMPLE_BYTES

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        size = len(pictures.read(0))
        encoder = self._working_encoder(animation, size)
        spec = VideoSpec(self.format, size, animation.fps, _TAGS.get(self.format, ()))
        pcm = self.path.with_name(f".{self.path.name}.pcm")
        try:
            with atomic_output(self.path) as path:
                if animation.sound:
                    _save_pcm(encoder, animation.sound, animation, pcm)
                frames = self._frames(pictures, size, on_progress)
                encoder.encode(spec, frames, pcm if animation.sound else None, path)
                if self.format is MP4:
                    add_to_mp4(path, xmp_packet())
                elif self.format is MOV:
                    add_to_mov(path, xmp_packet())
        finally:
            pcm.unlink(missing_ok=True)

    def _frames(self, pictures: PictureFolder, size: int, on_progress: OnProgress) -> Iterator[bytes]:
        for index, picture in enumerate(pictures):
            if picture.shape[:2] != (size, size):
                found = f"{picture.shape[1]}x{picture.shape[0]}"
                raise RenderError(f"{pictures.path(index)} is {found}, the first picture {size}x{size}: render again")
            yield to_planes(picture, self.format, self.background)
            on_progress(index + 1)

    def _working_encoder(self, animation: Animation, size: int) -> Encoder:
        """The first encoder that can make a short video of this kind; RenderError with the message of each of them."""
        suffix = self.format.suffix
        if self.format.is_even and size % 2:
            raise RenderError(f"{suffix} needs an even size, got {size}: ask for --size {size + 1}")
        if not self.encoders:
            raise RenderError(
                f"{suffix} needs an encoder, and there is none: {EXTRA}, or install ffmpeg so that it is found on PATH"
            )
        if animation.sound:
            _require_audible(self.encoders[0], animation.sound)
        spec = VideoSpec(self.format, min(size, _TRIAL_SIDE + size % 2), animation.fps)
        messages = []
        for encoder in self.encoders:
            try:
                _try_encoder(encoder, spec, animation.sound is not None)
                return encoder
            except RenderError as error:
                messages.append(f"{error}")
        codecs = self.format.codec + (f" and {self.format.sound_codec}" if animation.sound else "")
        raise RenderError(f"{'; '.join(messages)}. {suffix} needs {codecs}: {EXTRA} brings them")


def _try_encoder(encoder: Encoder, spec: VideoSpec, has_sound: bool) -> None:
    """Makes a short grey video in a temporary folder; RenderError if that fails."""
    with tempfile.TemporaryDirectory(prefix="omote") as folder:
        pcm = Path(folder, "sound")
        pcm.write_bytes(bytes(sample_count(_TRIAL_PICTURES, spec.fps) * SAMPLE_BYTES))
        half = (spec.size + 1) // 2
        chroma = half**2 if "420" in spec.format.pixels else spec.size**2
        samples = spec.size**2 * (2 if spec.format.has_alpha else 1) + 2 * chroma
        grey = (b"\x80" if spec.format.depth == 8 else b"\x00\x02") * samples
        encoder.encode(spec, [grey] * _TRIAL_PICTURES, pcm if has_sound else None, Path(folder, "film"))


# Pixels.


def to_planes(picture: Picture, format_: VideoFormat, background: tuple[int, int, int]) -> bytes:
    """The planes of the pixel format, one after the other, in rows without gaps; odd sizes round the chroma up.

    In a format without alpha the picture is composited over `background` (sRGB).
    """
    alpha = picture[..., 3]
    colour = _extend_colours(picture) if format_.has_alpha else _over(picture, background)
    unit = np.float32(1 << (format_.depth - 8))
    luma, blue, red = _ycbcr(colour)
    if "420" in format_.pixels:
        blue, red = _halve(blue), _halve(red)
    planes = [
        _to_integers(luma * 219 + 16, unit),
        _to_integers(blue * 224 + 128, unit),
        _to_integers(red * 224 + 128, unit),
    ]
    if format_.has_alpha:  # always in full range
        most = np.float32((1 << format_.depth) - 1)
        planes.append(_to_integers(alpha.astype(np.float32) * (most / 255), np.float32(1)))
    return b"".join(plane.astype(f"<u{1 if format_.depth == 8 else 2}").tobytes() for plane in planes)


def _unit(channels: Picture) -> Floats:
    """0 to 1."""
    return np.asarray(channels / _FULL, np.float32)


def _over(picture: Picture, background: tuple[int, int, int]) -> Floats:
    """[S,S,3] 0 to 1, composited in sRGB, as browsers do."""
    share = _unit(picture[..., 3:])
    behind = np.asarray(np.array(background) / _FULL, np.float32)
    return _unit(picture[..., :3]) * share + behind * (1 - share)


def _ycbcr(colour: Floats) -> tuple[Floats, Floats, Floats]:
    """Luma 0 to 1, and the differences of blue and red to it, -0.5 to 0.5."""
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]
    luma: Floats = red * _RED + green * _GREEN + blue * _BLUE
    return luma, (blue - luma) / (2 * (1 - _BLUE)), (red - luma) / (2 * (1 - _RED))


def _halve(plane: Floats) -> Floats:
    """Half as many samples each way, each on its left pixel and between two rows, as in H.264 and VP9."""
    edged = np.pad(plane, ((0, plane.shape[0] % 2), (1, 1 + plane.shape[1] % 2)), "edge")
    across = (edged[:, 0:-2:2] + 2 * edged[:, 1:-1:2] + edged[:, 2::2]) / 4
    return np.asarray((across[0::2] + across[1::2]) / 2, np.float32)


def _to_integers(plane: Floats, unit: np.float32) -> Floats:
    return np.asarray(np.rint(plane * unit), np.float32)


def _extend_colours(picture: Picture) -> Floats:
    """[S,S,3] 0 to 1: the colours where anything is seen, and their smooth continuation elsewhere."""
    colour, share = _unit(picture[..., :3]), _unit(picture[..., 3:])
    return np.where(share > 0, colour, _fill(colour * share, share))


def _fill(weighted: Floats, share: Floats) -> Floats:
    """The mean colour around each pixel, from the smallest neighbourhood that has any (pull and push)."""
    if max(share.shape[:2]) == 1:
        return np.divide(weighted, share, out=np.full_like(weighted, 0.5), where=share > 0)
    rows, columns = share.shape[:2]
    coarse = np.repeat(np.repeat(_fill(_pool(weighted), _pool(share)), 2, 0), 2, 1)[:rows, :columns]
    own: Floats = np.divide(weighted, share, out=np.zeros_like(weighted), where=share > 0)
    trust: Floats = np.minimum(share, 1)
    return np.asarray(own * trust + coarse * (1 - trust), np.float32)


def _pool(plane: Floats) -> Floats:
    """Sums of 2x2."""
    edged = np.pad(plane, ((0, plane.shape[0] % 2), (0, plane.shape[1] % 2), (0, 0)))
    total: Floats = edged[0::2, 0::2] + edged[1::2, 0::2] + edged[0::2, 1::2] + edged[1::2, 1::2]
    return total


# Sound.


def embedded_sound(video: Path, start_s: float = 0.0) -> Sound | None:
    """The sound of a video from this second on; None if it has none, or if no encoder here can read it."""
    sound = Sound(video, start_s)
    for encoder in _installed_encoders():
        try:
            _require_audible(encoder, sound)
        except RenderError:
            continue
        return sound
    return None


def sample_count(pictures: int, fps: Fraction) -> int:
    """The number of sound samples in the duration of so many pictures."""
    return round(pictures / fps * SOUND_RATE)


def cut_samples(blocks: Iterable[bytes], first: int, count: int) -> Iterator[bytes]:
    """Samples `first` to `first + count`, with silence before the beginning and after the end."""
    skip, left = max(first, 0) * SAMPLE_BYTES, count * SAMPLE_BYTES
    silence = min(max(-first, 0) * SAMPLE_BYTES, left)
    yield from _silence(silence)
    left -= silence
    if left:
        for block in blocks:
            part = block[min(skip, len(block)) :][:left]
            skip -= min(skip, len(block))
            left -= len(part)
            yield part
            if not left:
                return
    yield from _silence(left)


def _silence(length: int) -> Iterator[bytes]:
    for at in range(0, length, BLOCK):
        yield bytes(min(BLOCK, length - at))


def _require_audible(encoder: Encoder, sound: Sound) -> None:
    """RenderError if the file is missing or damaged, or has no sound."""
    if not sound.file.is_file():
        raise RenderError(f"there is no sound file {sound.file}: name a file that has sound, or leave it out")
    blocks = encoder.pcm(sound.file)
    try:
        if not next(iter(blocks), b""):
            raise RenderError(f"{sound.file} has no sound: name a file that has, or leave it out")
    finally:
        _close(blocks)


def _save_pcm(encoder: Encoder, sound: Sound, animation: Animation, path: Path) -> None:
    """Writes the sound of the animation as raw samples, with silence where the file has none."""
    blocks = encoder.pcm(sound.file)
    first, count = round(Fraction(sound.start_s) * SOUND_RATE), sample_count(len(animation), animation.fps)
    try:
        with path.open("wb") as file:
            for block in cut_samples(blocks, first, count):
                file.write(block)
    except OSError as error:
        raise RenderError(f"cannot write to {path.parent}: {error.strerror or error}; make room there") from error
    finally:
        _close(blocks)


def _close(blocks: Iterator[bytes]) -> None:
    close = getattr(blocks, "close", None)  # closing a generator ends the program behind it
    if close:
        close()
