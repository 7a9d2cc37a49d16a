"""Video formats, and the encoders that make them: PyAV, or the ffmpeg program of the user."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from ..animation import RenderError

Options = tuple[tuple[str, str], ...]  # as FFmpeg names them

SOUND_RATE = 48_000
SOUND_CHANNELS = 2
# An encoder shares its work out by the number of threads: a fixed one, so that the file does not depend on the machine.
_THREADS = ("threads", "4")
# Nothing of the clock and nothing random goes into the file.
_BITEXACT = ("flags", "+bitexact")


@dataclass(frozen=True)
class VideoFormat:
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
MP4 = VideoFormat(
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
WEBM = VideoFormat(
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
MOV = VideoFormat(
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
VIDEO_FORMATS = {form.suffix: form for form in (MP4, WEBM, MOV)}


@dataclass(frozen=True)
class VideoSpec:
    """What an encoder is to make: a form of pictures of so many pixels on a side."""

    form: VideoFormat
    size: int
    fps: Fraction
    tags: Options = ()  # of the container


EXTRA = "pip install 'omote[video]'"
BLOCK = 1 << 16  # bytes of sound at a time


class Encoder(Protocol):
    """What it says where it fails is a RenderError in its own words."""

    name: str

    def encode(self, film: VideoSpec, frames: Iterable[bytes], sound: Path | None, path: Path) -> None:
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


_BYTES_OF_SAMPLE = 2 * SOUND_CHANNELS
_AV_BT709, _AV_LIMITED = 1, 1  # AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709 and AVCOL_RANGE_MPEG


def is_pyav_installed() -> bool:
    """Whether PyAV can be imported."""
    try:
        import av
    except ImportError:
        return False
    return bool(av)


def _import_av() -> Any:
    try:
        import av
    except ImportError as error:
        raise RenderError(f"PyAV cannot be imported ({error}): {EXTRA}") from error
    return av


def _pyav_path(path: Path) -> str:
    """So that a name with a colon is a file's."""
    return str(path.absolute())


class PyAvEncoder:
    """FFmpeg's libraries in this process."""

    name = "PyAV"

    def encode(self, film: VideoSpec, frames: Iterable[bytes], sound: Path | None, path: Path) -> None:
        av = _import_av()
        try:
            options = dict(film.form.container_options)
            with av.open(_pyav_path(path), "w", format=film.form.container, options=options) as container:
                container.metadata.update(film.tags)
                _Mux(av, container, film, sound is not None).write(frames, sound)
        except RenderError:
            raise
        except (av.FFmpegError, OSError, ValueError) as error:
            raise RenderError(f"PyAV cannot write {film.form.suffix}: {error}") from error

    def pcm(self, file: Path) -> Iterator[bytes]:
        av = _import_av()
        try:
            with av.open(_pyav_path(file)) as container:
                yield from _decoded(av, container, file)
        except RenderError:
            raise
        except (av.FFmpegError, OSError, ValueError) as error:
            raise RenderError(f"the sound of {file} cannot be read: {error}") from error


class _Mux:
    """The streams of a file that is being written, sound beside the pictures that it belongs to."""

    def __init__(self, av: Any, container: Any, film: VideoSpec, has_sound: bool) -> None:
        form = film.form
        self.av, self.container, self.film = av, container, film
        self.video = container.add_stream(form.codec, rate=film.fps, options=dict(form.options))
        context = self.video.codec_context
        context.width = context.height = film.size
        context.pix_fmt = form.pixels
        context.time_base = 1 / film.fps
        context.color_range = _AV_LIMITED
        context.color_primaries = context.color_trc = context.colorspace = _AV_BT709
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
        frame.color_range, frame.colorspace = _AV_LIMITED, _AV_BT709
        if hasattr(frame, "color_primaries"):  # before that, all encoders took them from the context
            frame.color_primaries = frame.color_trc = _AV_BT709
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
    for name, words in (part.split("=", 1) for part in sound_filter(str(_pyav_begin_s(container))).split(",")):
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


def _pyav_begin_s(container: Any) -> Fraction:
    """When its first picture is shown, on its own clock; where there is none, when its first stream begins."""
    for stream in container.streams.video:
        is_cover = "attached_pic" in str(stream.disposition)
        if stream.start_time is not None and not is_cover:
            return Fraction(stream.start_time * stream.time_base)
    return Fraction(container.start_time or 0, 1_000_000)


_SAID = 600  # characters of what it says, from the end
_QUIET = ("-hide_banner", "-nostdin", "-nostats", "-v", "error", "-y")
_BT709_FILTER = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
_PCM = ("-f", "s16le", "-ar", str(SOUND_RATE), "-ac", str(SOUND_CHANNELS))
_OPUS_LEAD = "0.0065"  # seconds of its first packet that are not heard
_TAGS = ("-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


def find_ffmpeg() -> str | None:
    """Where the program is, on PATH."""
    return shutil.which("ffmpeg")


class FfmpegEncoder:
    """The program at `program`; killed when what it is fed fails or is interrupted."""

    name = "ffmpeg"

    def __init__(self, program: str) -> None:
        self.program = program

    def encode(self, film: VideoSpec, frames: Iterable[bytes], sound: Path | None, path: Path) -> None:
        lead = ("-itsoffset", _OPUS_LEAD) if sound and film.form is WEBM and _begins_early(self.program) else ()
        command = [
            self.program,
            *_QUIET,
            *_ffmpeg_arguments(film, sound, lead),
            "-f",
            film.form.container,
            _ffmpeg_path(path),
        ]
        with _running(command, f"ffmpeg cannot write {film.form.suffix}", stdin=subprocess.PIPE) as process:
            pipe = process.stdin
            assert pipe is not None
            for frame in frames:
                if not _ffmpeg_has(pipe, frame):
                    break  # it has ended; its own words tell why

    def pcm(self, file: Path) -> Iterator[bytes]:
        chain = sound_filter(_ffmpeg_begin_s(self.program, file))
        command = [self.program, *_QUIET, "-i", _ffmpeg_path(file), "-map", "0:a:0", "-af", chain, "-f", "s16le", "-"]
        with _running(command, f"the sound of {file} cannot be read", stdout=subprocess.PIPE) as process:
            pipe = process.stdout
            assert pipe is not None
            while block := pipe.read(BLOCK):
                yield block


def _ffmpeg_arguments(film: VideoSpec, sound: Path | None, lead: Sequence[str]) -> Iterator[str]:
    form = film.form
    yield from ("-f", "rawvideo", "-pix_fmt", form.pixels, "-video_size", f"{film.size}x{film.size}")
    yield from ("-framerate", str(film.fps), "-i", "pipe:0")
    if sound:
        yield from (*lead, *_PCM, "-i", _ffmpeg_path(sound))
    # The pixels are what is wanted: named so on the way in too, or a new ffmpeg would convert them.
    yield from ("-map", "0:v", "-vf", f"setparams={_BT709_FILTER}", "-c:v", form.codec, "-pix_fmt", form.pixels, *_TAGS)
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


def _ffmpeg_path(path: Path) -> str:
    """So that a name with a colon or a dash in front is a file's."""
    return f"file:{path}"


def _ffmpeg_begin_s(program: str, file: Path) -> str:
    """When its first picture is shown, since the beginning of its first stream; "0" where there are no pictures."""
    # Without -an the program takes the sound where there are no pictures.
    first = ("-map", "0:V:0?", "-an", "-c", "copy", "-frames:v", "1", "-f", "framecrc", "-")
    command = [program, *_QUIET, "-i", _ffmpeg_path(file), *first]
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


def _ffmpeg_has(pipe: IO[bytes], data: bytes) -> bool:
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
                _stop(process.stdin)
            status = process.wait()
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    _stop(pipe)
            process.wait()
        if status:
            words.seek(0)
            said = words.read().decode("utf-8", "replace").strip()[-_SAID:]
            raise RenderError(f"{what}: {said or f'it ended with {status}'}")


def _stop(pipe: IO[bytes]) -> None:
    with suppress(OSError):
        pipe.close()  # which writes what is left
