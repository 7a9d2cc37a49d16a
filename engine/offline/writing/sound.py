"""The sound of a film: cut to its pictures, to a sample, before it is encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

from omote.engine.offline.script import RenderError, Script, Sound

from .encoder import BLOCK, Encoder
from .form import SOUND_CHANNELS, SOUND_RATE

_BYTES_OF_SAMPLE = 2 * SOUND_CHANNELS


def audible(encoder: Encoder, sound: Sound) -> None:
    """RenderError where nothing can be heard of it: it is not there, is damaged, or is pictures only."""
    if not sound.file.is_file():
        raise RenderError(f"there is no sound file {sound.file}: name a file that has sound, or leave it out")
    blocks = encoder.pcm(sound.file)
    try:
        if not next(iter(blocks), b""):
            raise RenderError(f"{sound.file} has no sound: name a file that has, or leave it out")
    finally:
        _close(blocks)


def save_pcm(encoder: Encoder, sound: Sound, script: Script, path: Path) -> None:
    """Writes what is heard while the script's pictures are shown, as raw samples; silence where the file has none."""
    blocks = encoder.pcm(sound.file)
    try:
        with path.open("wb") as file:
            for block in cut(blocks, round(Fraction(sound.start_s) * SOUND_RATE), samples_of(len(script), script.fps)):
                file.write(block)
    except OSError as error:
        raise RenderError(f"cannot write to {path.parent}: {error.strerror or error}; make room there") from error
    finally:
        _close(blocks)


def samples_of(pictures: int, fps: Fraction) -> int:
    """How many are heard while so many pictures are shown."""
    return round(pictures / fps * SOUND_RATE)


def cut(blocks: Iterable[bytes], first: int, count: int) -> Iterator[bytes]:
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
