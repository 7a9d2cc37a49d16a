"""Makes an MP4, WebM or QuickTime file of a rendering, with its sound, by PyAV or the user's ffmpeg program."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omote.engine.offline.picture_file import Pictures
from omote.engine.offline.script import RenderError, Script

from . import ffmpeg, pyav
from .container_xmp import add_to_mov, add_to_mp4
from .digital_source import GENERATED, xmp
from .encoder import EXTRA, Encoder
from .form import FORMS, MOV, MP4, SOUND_CHANNELS, WEBM, Film, Form
from .planes import planes
from .sound import audible, samples_of, save_pcm
from .unfinished import unfinished
from .writer import Tell, Writer

# Matroska has no place for XMP: a tag of IPTC's name is what readers show.
_TAGS = {WEBM: (("DIGITAL_SOURCE_TYPE", GENERATED),)}
_TRIAL, _TRIAL_SIDE = 2, 64  # pictures, and their pixels at most: VP9 takes seconds for large ones


def video_writer(path: Path, background: tuple[int, int, int]) -> Writer:
    """For .mp4 (H.264, over `background`), .webm (VP9 with alpha), .mov (ProRes 4444 with alpha); KeyError else."""
    return Video(path, FORMS[path.suffix.lower()], background, installed())


def installed() -> tuple[Encoder, ...]:
    """The encoders on this machine, the first choice first."""
    program = ffmpeg.found()
    return (*((pyav.Pyav(),) if pyav.is_installed() else ()), *((ffmpeg.Ffmpeg(program),) if program else ()))


@dataclass(frozen=True)
class Video:
    """One video file, made by the first of `encoders` that can."""

    path: Path
    form: Form
    background: tuple[int, int, int]  # sRGB, where the form has no alpha
    encoders: tuple[Encoder, ...]

    def check(self, script: Script, size: int) -> None:
        self._check_place()
        self._able(script, size)

    def bytes_of(self, script: Script, size: int) -> int:
        sound = samples_of(len(script), script.fps) * 2 * SOUND_CHANNELS  # raw, beside the film until it is done
        return round(len(script) * size**2 * self.form.bits_per_pixel / 8) + (2 * sound if script.sound else 0)

    def write(self, script: Script, pictures: Pictures, tell: Tell) -> None:
        size = len(pictures.read(0))
        encoder = self._able(script, size)
        film = Film(self.form, size, script.fps, _TAGS.get(self.form, ()))
        pcm = self.path.with_name(f".{self.path.name}.pcm")
        try:
            with unfinished(self.path) as path:
                if script.sound:
                    save_pcm(encoder, script.sound, script, pcm)
                encoder.encode(film, self._frames(pictures, size, tell), pcm if script.sound else None, path)
                _label(path, self.form)
        finally:
            pcm.unlink(missing_ok=True)

    def _frames(self, pictures: Pictures, size: int, tell: Tell) -> Iterator[bytes]:
        for index, picture in enumerate(pictures):
            if picture.shape[:2] != (size, size):
                found = f"{picture.shape[1]}x{picture.shape[0]}"
                raise RenderError(f"{pictures.path(index)} is {found}, the first picture {size}x{size}: render again")
            yield planes(picture, self.form, self.background)
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

    def _able(self, script: Script, size: int) -> Encoder:
        """The first encoder that makes such a film of two small pictures; RenderError with what each of them said."""
        if self.form.is_even and size % 2:
            raise RenderError(f"{self.form.suffix} wants an even size, got {size}: ask for --size {size + 1}")
        if not self.encoders:
            raise RenderError(
                f"{self.form.suffix} wants an encoder, and there is none: {EXTRA}, or install ffmpeg so that it is "
                "found on PATH"
            )
        if script.sound:
            audible(self.encoders[0], script.sound)
        said = []
        for encoder in self.encoders:
            try:
                _try(encoder, Film(self.form, min(size, _TRIAL_SIDE + size % 2), script.fps), script.sound is not None)
                return encoder
            except RenderError as error:
                said.append(f"{error}")
        wanted = self.form.codec + (f" and {self.form.sound_codec}" if script.sound else "")
        raise RenderError(f"{'; '.join(said)}. {self.form.suffix} wants {wanted}: {EXTRA} brings them")


def _try(encoder: Encoder, film: Film, has_sound: bool) -> None:
    """Makes a short grey film somewhere; RenderError where that fails."""
    with tempfile.TemporaryDirectory(prefix="omote") as folder:
        pcm = Path(folder, "sound")
        pcm.write_bytes(bytes(samples_of(_TRIAL, film.fps) * 2 * SOUND_CHANNELS))
        encoder.encode(film, [_grey(film)] * _TRIAL, pcm if has_sound else None, Path(folder, "film"))


def _grey(film: Film) -> bytes:
    """A picture that costs nothing to make."""
    half = (film.size + 1) // 2
    chroma = half**2 if "420" in film.form.pixels else film.size**2
    samples = film.size**2 * (2 if film.form.has_alpha else 1) + 2 * chroma
    return (b"\x80" if film.form.depth == 8 else b"\x00\x02") * samples


def _label(path: Path, form: Form) -> None:
    """Says in the file that a model made it."""
    if form is MP4:
        add_to_mp4(path, xmp())
    elif form is MOV:
        add_to_mov(path, xmp())
