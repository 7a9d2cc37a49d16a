"""The three kinds of video that we write, and with what."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

Options = tuple[tuple[str, str], ...]  # as FFmpeg names them

SOUND_RATE = 48_000
SOUND_CHANNELS = 2
# An encoder shares its work out by the number of threads: a fixed one, so that the file does not depend on the machine.
_THREADS = ("threads", "4")
# Nothing of the clock and nothing random goes into the file.
_BITEXACT = ("flags", "+bitexact")


@dataclass(frozen=True)
class Form:
    """One kind of video: container, codecs, and the pixels that they want."""

    suffix: str
    container: str
    pixels: str  # FFmpeg's name of the layout of `planes`
    codec: str
    options: Options
    sound_codec: str
    sound_options: Options
    container_options: Options
    bits_per_pixel: float  # at most, about

    @property
    def has_alpha(self) -> bool:
        return self.pixels.startswith("yuva")

    @property
    def is_even(self) -> bool:
        """Whether the size must be: two pixels share a colour, and no reader expects half of one."""
        return self.pixels == "yuv420p"

    @property
    def depth(self) -> int:
        """Bits of a sample."""
        return 10 if self.pixels.endswith("10le") else 8


# x264's mbtree reads by AVX-512 beyond its rows, where sizes are no multiple of 128: each run gave other bytes.
MP4 = Form(
    ".mp4",
    "mp4",
    "yuv420p",
    "libx264",
    (("preset", "slow"), ("crf", "16"), ("mbtree", "0"), _THREADS, _BITEXACT),
    "aac",
    (("b", "192000"), _BITEXACT),
    (("movflags", "+faststart"), ("fflags", "+bitexact")),
    2.0,
)
# libvpx writes alpha as a second stream, and cannot with frames that are never shown (alt-ref).
WEBM = Form(
    ".webm",
    "webm",
    "yuva420p",
    "libvpx-vp9",
    (
        *(("crf", "8"), ("b", "0"), ("deadline", "good"), ("cpu-used", "2"), ("auto-alt-ref", "0"), ("row-mt", "1")),
        *(_THREADS, _BITEXACT),
    ),
    "libopus",
    (("b", "160000"), _BITEXACT),
    (("fflags", "+bitexact"),),
    2.0,
)
MOV = Form(
    ".mov",
    "mov",
    "yuva444p10le",
    "prores_ks",
    (
        *(("profile", "4444"), ("vendor", "apl0"), ("alpha_bits", "16"), ("field_order", "progressive")),
        *(_THREADS, _BITEXACT),
    ),
    "pcm_s16le",
    (_BITEXACT,),
    (("fflags", "+bitexact"),),
    13.0,
)
FORMS = {form.suffix: form for form in (MP4, WEBM, MOV)}


@dataclass(frozen=True)
class Film:
    """What an encoder is to make: a form of pictures of so many pixels on a side."""

    form: Form
    size: int
    fps: Fraction
    tags: Options = ()  # of the container
