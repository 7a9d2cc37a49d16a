"""Encodes by the user's own `ffmpeg` program."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from omote.engine.offline.script import RenderError

from .encoder import BLOCK, sound_filter
from .form import SOUND_CHANNELS, SOUND_RATE, WEBM, Film

_SAID = 600  # characters of what it says, from the end
_QUIET = ("-hide_banner", "-nostdin", "-nostats", "-v", "error", "-y")
_BT709 = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
_PCM = ("-f", "s16le", "-ar", str(SOUND_RATE), "-ac", str(SOUND_CHANNELS))
_OPUS_LEAD = "0.0065"  # seconds of its first packet that are not heard
_TAGS = ("-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


def found() -> str | None:
    """Where the program is, on PATH."""
    return shutil.which("ffmpeg")


class Ffmpeg:
    """The program at `program`; killed when what it is fed fails or is interrupted."""

    name = "ffmpeg"

    def __init__(self, program: str) -> None:
        self.program = program

    def encode(self, film: Film, frames: Iterable[bytes], sound: Path | None, path: Path) -> None:
        lead = ("-itsoffset", _OPUS_LEAD) if sound and film.form is WEBM and _begins_early(self.program) else ()
        command = [self.program, *_QUIET, *_arguments(film, sound, lead), "-f", film.form.container, _file(path)]
        with _running(command, f"ffmpeg cannot write {film.form.suffix}", stdin=subprocess.PIPE) as process:
            pipe = process.stdin
            assert pipe is not None
            for frame in frames:
                if not _takes(pipe, frame):
                    break  # it has ended; its own words tell why

    def pcm(self, file: Path) -> Iterator[bytes]:
        chain = sound_filter(_begin_s(self.program, file))
        command = [self.program, *_QUIET, "-i", _file(file), "-map", "0:a:0", "-af", chain, "-f", "s16le", "-"]
        with _running(command, f"the sound of {file} cannot be read", stdout=subprocess.PIPE) as process:
            pipe = process.stdout
            assert pipe is not None
            while block := pipe.read(BLOCK):
                yield block


def _arguments(film: Film, sound: Path | None, lead: Sequence[str]) -> Iterator[str]:
    form = film.form
    yield from ("-f", "rawvideo", "-pix_fmt", form.pixels, "-video_size", f"{film.size}x{film.size}")
    yield from ("-framerate", str(film.fps), "-i", "pipe:0")
    if sound:
        yield from (*lead, *_PCM, "-i", _file(sound))
    # The pixels are what is wanted: named so on the way in too, or a new ffmpeg would convert them.
    yield from ("-map", "0:v", "-vf", f"setparams={_BT709}", "-c:v", form.codec, "-pix_fmt", form.pixels, *_TAGS)
    for name, value in form.options:
        yield from (f"-{name}:v", value)
    if sound:
        yield from ("-map", "1:a", "-c:a", form.sound_codec)
        for name, value in form.sound_options:
            yield from (f"-{name}:a", value)
    yield from ("-map_metadata", "-1")
    for name, value in film.tags:
        yield from ("-metadata", f"{name}={value}")
    for name, value in form.container_options:
        yield from (f"-{name}", value)


def _file(path: Path) -> str:
    """So that a name with a colon or a dash in front is a file's."""
    return f"file:{path}"


def _begin_s(program: str, file: Path) -> str:
    """When its first picture is shown, since the beginning of its first stream; "0" where there are no pictures."""
    # Without -an the program takes the sound where there are no pictures.
    first = ("-map", "0:V:0?", "-an", "-c", "copy", "-frames:v", "1", "-f", "framecrc", "-")
    command = [program, *_QUIET, "-i", _file(file), *first]
    ended = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    unit = "0"
    for line in ended.stdout.decode("ascii", "replace").splitlines():
        if line.startswith("#tb 0:"):
            unit = line.partition(":")[2].strip()
        elif not line.startswith("#"):
            return f"{line.split(',')[2].strip()}*{unit}"
    return "0"


def _begins_early(program: str) -> bool:
    """Whether this ffmpeg counts Opus' lead twice in WebM, as 5.1 does: its first packet is then before 0.

    It would move the pictures instead, away from the sound.
    """
    options = ("-c:a", WEBM.sound_codec, "-avoid_negative_ts", "disabled", "-fflags", "+bitexact", "-f", "webm", "-")
    command = [program, *_QUIET[:1], *_QUIET[2:], *_PCM, "-i", "pipe:0", *options]
    file = subprocess.run(command, check=False, input=bytes(SOUND_RATE), capture_output=True).stdout
    cluster = file.find(b"\x1f\x43\xb6\x75")
    block = file.find(b"\xa3", file.find(b"\xe7\x81\x00", cluster))  # behind the cluster's own time, which is 0
    if cluster < 0 or block < 0 or block + 2 > len(file):
        return False
    time = block + 3 + (8 - file[block + 1].bit_length())  # behind its length, of as many bytes as it says, and track
    return file[time : time + 1] >= b"\x80"  # a sign


def _takes(pipe: IO[bytes], data: bytes) -> bool:
    try:
        pipe.write(data)
    except OSError:  # closed at its end; Windows has another name for that
        return False
    return True


@contextmanager
def _running(
    command: list[str], what: str, *, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """The process, waited for at the end; RenderError with its words where it failed.

    These go into a file: a pipe that nobody reads would fill up and stop it.
    """
    with tempfile.TemporaryFile() as words:
        try:
            process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=words)
        except OSError as error:
            raise RenderError(f"{what}: {command[0]} cannot be started ({error})") from error
        try:
            yield process
            if process.stdin:
                _end(process.stdin)
            status = process.wait()
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    _end(pipe)
            process.wait()
        if status:
            words.seek(0)
            said = words.read().decode("utf-8", "replace").strip()[-_SAID:]
            raise RenderError(f"{what}: {said or f'it ended with {status}'}")


def _end(pipe: IO[bytes]) -> None:
    with suppress(OSError):
        pipe.close()  # which writes what is left
