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
from ..output import OnProgress, Writer, atomic_output
from ..pictures import Picture, PictureFolder
from . import encoders as ffmpeg
from . import encoders as pyav
from .encoders import (
    BLOCK,
    EXTRA,
    MOV,
    MP4,
    SOUND_CHANNELS,
    SOUND_RATE,
    VIDEO_FORMATS,
    WEBM,
    Encoder,
    VideoFormat,
    VideoSpec,
)
from .xmp import GENERATED, add_to_mov, add_to_mp4, xmp_packet

# Matroska has no place for XMP: a tag of IPTC's name is what readers show.
_TAGS = {WEBM: (("DIGITAL_SOURCE_TYPE", GENERATED),)}
_TRIAL, _TRIAL_SIDE = 2, 64  # pictures, and their pixels at most: VP9 takes seconds for large ones


def video_writer(path: Path, background: tuple[int, int, int]) -> Writer:
    """For .mp4 (H.264, over `background`), .webm (VP9 with alpha), .mov (ProRes 4444 with alpha); KeyError else."""
    return VideoWriter(path, VIDEO_FORMATS[path.suffix.lower()], background, installed_encoders())


def installed_encoders() -> tuple[Encoder, ...]:
    """The encoders on this machine, the first choice first."""
    program = ffmpeg.find_ffmpeg()
    return (
        *((pyav.PyAvEncoder(),) if pyav.is_pyav_installed() else ()),
        *((ffmpeg.FfmpegEncoder(program),) if program else ()),
    )


@dataclass(frozen=True)
class VideoWriter:
    """One video file, made by the first of `encoders` that can."""

    path: Path
    form: VideoFormat
    background: tuple[int, int, int]  # sRGB, where the form has no alpha
    encoders: tuple[Encoder, ...]

    def check(self, script: Animation, size: int) -> None:
        self._check_place()
        self._able(script, size)

    def bytes_of(self, script: Animation, size: int) -> int:
        sound = sample_count(len(script), script.fps) * 2 * SOUND_CHANNELS  # raw, beside the film until it is done
        return round(len(script) * size**2 * self.form.bits_per_pixel / 8) + (2 * sound if script.sound else 0)

    def write(self, script: Animation, pictures: PictureFolder, tell: OnProgress) -> None:
        size = len(pictures.read(0))
        encoder = self._able(script, size)
        film = VideoSpec(self.form, size, script.fps, _TAGS.get(self.form, ()))
        pcm = self.path.with_name(f".{self.path.name}.pcm")
        try:
            with atomic_output(self.path) as path:
                if script.sound:
                    save_pcm(encoder, script.sound, script, pcm)
                encoder.encode(film, self._frames(pictures, size, tell), pcm if script.sound else None, path)
                _add_xmp(path, self.form)
        finally:
            pcm.unlink(missing_ok=True)

    def _frames(self, pictures: PictureFolder, size: int, tell: OnProgress) -> Iterator[bytes]:
        for index, picture in enumerate(pictures):
            if picture.shape[:2] != (size, size):
                found = f"{picture.shape[1]}x{picture.shape[0]}"
                raise RenderError(f"{pictures.path(index)} is {found}, the first picture {size}x{size}: render again")
            yield to_planes(picture, self.form, self.background)
            tell(index + 1)

    def _check_place(self) -> None:
        if self.path.is_dir():
            raise RenderError(f"{self.path} is a folder: name a file, or remove it")
        try:
            with tempfile.TemporaryFile(dir=self.path.parent):
                pass
        except OSError as error:
            raise RenderError(
                f"cannot write {self.path}: {error.strerror or error}; choose a folder that may be written to"
            ) from error

    def _able(self, script: Animation, size: int) -> Encoder:
        """The first encoder that makes such a film of two small pictures; RenderError with what each of them said."""
        if self.form.is_even and size % 2:
            raise RenderError(f"{self.form.suffix} wants an even size, got {size}: ask for --size {size + 1}")
        if not self.encoders:
            raise RenderError(
                f"{self.form.suffix} wants an encoder, and there is none: {EXTRA}, or install ffmpeg so that it is "
                "found on PATH"
            )
        if script.sound:
            require_audible(self.encoders[0], script.sound)
        said = []
        for encoder in self.encoders:
            try:
                _require_working(
                    encoder,
                    VideoSpec(self.form, min(size, _TRIAL_SIDE + size % 2), script.fps),
                    script.sound is not None,
                )
                return encoder
            except RenderError as error:
                said.append(f"{error}")
        wanted = self.form.codec + (f" and {self.form.sound_codec}" if script.sound else "")
        raise RenderError(f"{'; '.join(said)}. {self.form.suffix} wants {wanted}: {EXTRA} brings them")


def _require_working(encoder: Encoder, film: VideoSpec, has_sound: bool) -> None:
    """Makes a short grey film somewhere; RenderError where that fails."""
    with tempfile.TemporaryDirectory(prefix="omote") as folder:
        pcm = Path(folder, "sound")
        pcm.write_bytes(bytes(sample_count(_TRIAL, film.fps) * 2 * SOUND_CHANNELS))
        encoder.encode(film, [_grey_picture(film)] * _TRIAL, pcm if has_sound else None, Path(folder, "film"))


def _grey_picture(film: VideoSpec) -> bytes:
    """A picture that costs nothing to make."""
    half = (film.size + 1) // 2
    chroma = half**2 if "420" in film.form.pixels else film.size**2
    samples = film.size**2 * (2 if film.form.has_alpha else 1) + 2 * chroma
    return (b"\x80" if film.form.depth == 8 else b"\x00\x02") * samples


def _add_xmp(path: Path, form: VideoFormat) -> None:
    """Says in the file that a model made it."""
    if form is MP4:
        add_to_mp4(path, xmp_packet())
    elif form is MOV:
        add_to_mov(path, xmp_packet())


Floats = NDArray[np.float32]
_RED, _BLUE = np.float32(0.2126), np.float32(0.0722)
_GREEN = np.float32(1) - _RED - _BLUE
_FULL = np.float32(255)


def to_planes(picture: Picture, form: VideoFormat, background: tuple[int, int, int]) -> bytes:
    """The planes of `form.pixels` one behind the other, row by row without gaps; odd sizes share a last half colour.

    Without alpha in the form, the picture stands on `background`.
    """
    alpha = picture[..., 3]
    colour = _extend_colours(picture) if form.has_alpha else _over(picture, background)
    unit = np.float32(1 << (form.depth - 8))
    luma, blue, red = _ycbcr(colour)
    if "420" in form.pixels:
        blue, red = _halved(blue), _halved(red)
    parts = [
        _to_integers(luma * 219 + 16, unit),
        _to_integers(blue * 224 + 128, unit),
        _to_integers(red * 224 + 128, unit),
    ]
    if form.has_alpha:  # always of full range
        most = np.float32((1 << form.depth) - 1)
        parts.append(_to_integers(alpha.astype(np.float32) * (most / 255), np.float32(1)))
    return b"".join(part.astype(f"<u{1 if form.depth == 8 else 2}").tobytes() for part in parts)


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


def _halved(plane: Floats) -> Floats:
    """Half as many samples each way; each lies on its left pixel, between two rows, where H.264 and VP9 put it."""
    edged = np.pad(plane, ((0, plane.shape[0] % 2), (1, 1 + plane.shape[1] % 2)), "edge")
    across = (edged[:, 0:-2:2] + 2 * edged[:, 1:-1:2] + edged[:, 2::2]) / 4
    return np.asarray((across[0::2] + across[1::2]) / 2, np.float32)


def _to_integers(plane: Floats, unit: np.float32) -> Floats:
    return np.asarray(np.rint(plane * unit), np.float32)


def _extend_colours(picture: Picture) -> Floats:
    """[S,S,3] 0 to 1: its colours where anything is seen, and their smooth continuation where nothing is."""
    colour, share = _unit(picture[..., :3]), _unit(picture[..., 3:])
    return np.where(share > 0, colour, _filled(colour * share, share))


def _filled(weighted: Floats, share: Floats) -> Floats:
    """The mean colour around each pixel, from as small a neighbourhood as has any (pull and push)."""
    if max(share.shape[:2]) == 1:
        return np.divide(weighted, share, out=np.full_like(weighted, 0.5), where=share > 0)
    rows, columns = share.shape[:2]
    coarse = np.repeat(np.repeat(_filled(_pooled(weighted), _pooled(share)), 2, 0), 2, 1)[:rows, :columns]
    own: Floats = np.divide(weighted, share, out=np.zeros_like(weighted), where=share > 0)
    trust: Floats = np.minimum(share, 1)
    return np.asarray(own * trust + coarse * (1 - trust), np.float32)


def _pooled(plane: Floats) -> Floats:
    """Sums of 2x2."""
    edged = np.pad(plane, ((0, plane.shape[0] % 2), (0, plane.shape[1] % 2), (0, 0)))
    total: Floats = edged[0::2, 0::2] + edged[1::2, 0::2] + edged[0::2, 1::2] + edged[1::2, 1::2]
    return total


_BYTES_OF_SAMPLE = 2 * SOUND_CHANNELS


def require_audible(encoder: Encoder, sound: Sound) -> None:
    """RenderError where nothing can be heard of it: it is not there, is damaged, or is pictures only."""
    if not sound.file.is_file():
        raise RenderError(f"there is no sound file {sound.file}: name a file that has sound, or leave it out")
    blocks = encoder.pcm(sound.file)
    try:
        if not next(iter(blocks), b""):
            raise RenderError(f"{sound.file} has no sound: name a file that has, or leave it out")
    finally:
        _close(blocks)


def save_pcm(encoder: Encoder, sound: Sound, script: Animation, path: Path) -> None:
    """Writes what is heard while the script's pictures are shown, as raw samples; silence where the file has none."""
    blocks = encoder.pcm(sound.file)
    try:
        with path.open("wb") as file:
            for block in cut_samples(
                blocks, round(Fraction(sound.start_s) * SOUND_RATE), sample_count(len(script), script.fps)
            ):
                file.write(block)
    except OSError as error:
        raise RenderError(f"cannot write to {path.parent}: {error.strerror or error}; make room there") from error
    finally:
        _close(blocks)


def sample_count(pictures: int, fps: Fraction) -> int:
    """How many are heard while so many pictures are shown."""
    return round(pictures / fps * SOUND_RATE)


def cut_samples(blocks: Iterable[bytes], first: int, count: int) -> Iterator[bytes]:
    """Samples `first` to `first + count` of it; silence before its beginning and after its end."""
    skip, left = max(first, 0) * _BYTES_OF_SAMPLE, count * _BYTES_OF_SAMPLE
    silence = min(max(-first, 0) * _BYTES_OF_SAMPLE, left)
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


def _close(blocks: Iterator[bytes]) -> None:
    close = getattr(blocks, "close", None)  # a generator's, which ends the program behind it
    if close:
        close()


def embedded_sound(video: Path, start_s: float = 0.0) -> Sound | None:
    """Its sound from this second on; None where it has none, or where nobody here can read it."""
    sound = Sound(video, start_s)
    for encoder in installed_encoders():
        try:
            require_audible(encoder, sound)
        except RenderError:
            continue
        return sound
    return None
