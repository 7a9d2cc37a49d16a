"""An encoder: a library or a program of the user's that makes a video out of planes and sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from .form import Film

EXTRA = "pip install 'omote[video]'"
BLOCK = 1 << 16  # bytes of sound at a time


class Encoder(Protocol):
    """What it says where it fails is a RenderError in its own words."""

    name: str

    def encode(self, film: Film, frames: Iterable[bytes], sound: Path | None, path: Path) -> None:
        """Writes the film at `path`, whatever that ends with; `frames` are `planes`, `sound` raw as `pcm` gives it."""
        ...

    def pcm(self, file: Path) -> Iterator[bytes]:
        """Its sound in blocks: signed 16 bits, little-endian, 48 kHz, two channels.

        The first sample is heard with the file's first picture, or at its beginning where it has none.
        """
        ...


def sound_filter(first_s: str) -> str:
    """FFmpeg's chain that has `pcm` come out; silence where the file has a gap, or begins later.

    A gap of less than 20 ms is none: containers count whole milliseconds.
    One channel comes out of both 3 dB less loud, as FFmpeg has it: two loudspeakers are as loud as one.
    """
    made = "aresample=48000:async=1:min_hard_comp=0.02:first_pts=0,aformat=s16:channel_layouts=stereo"
    return f"asetpts=PTS-({first_s})/TB,{made}"
