"""Video formats, and their encoders: PyAV, or the user's ffmpeg program."""

from __future__ import annotations

import os
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

Options = tuple[tuple[str, str], ...]  # names and values of FFmpeg

EXTRA = "pip install 'omote[video]'"
SOUND_RATE = 48_000  # samples a second
SOUND_CHANNELS = 2
SAMPLE_BYTES = 2 * SOUND_CHANNELS
BLOCK = 1 << 16  # bytes of sound at a time

# An encoder splits its work by the number of threads. It is fixed, so that the file does not depend on the machine.
_THREADS = ("threads", "4")
# No time and nothing random goes into the file.
_BITEXACT = ("flags", "+bitexact")

_AV_BT709, _AV_LIMITED = 1, 1  # AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709 and AVCOL_RANGE_MPEG

# Arguments of the ffmpeg program.
_QUIET = ("-hide_banner", "-nostdin", "-nostats", "-v", "error", "-y")
_BT709_FILTER = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
_PCM = ("-f", "s16le", "-ar", str(SOUND_RATE), "-ac", str(SOUND_CHANNELS))
_TAGS = ("-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
_OPUS_LEAD = "0.0065"  # seconds of Opus' first packet that are not heard
_MAX_MESSAGE = 600  # last characters of its output that an error quotes


@dataclass(frozen=True)
class VideoFormat:
    """A container with its codecs and their pixel format."""

    suffix: str
    container: str
    pixels: str  # FFmpeg's name of the pixel format
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
        """Whether the size must be even: two pixels share a colour, and readers do not expect half of one."""
        return self.pixels == "yuv420p"

    @property
    def depth(self) -> int:
        """Bits a sample."""
        return 10 if self.pixels.endswith("10le") else 8


# With AVX-512, x264's mbtree reads beyond its rows unless sizes are multiples of 128: each run gave other bytes.
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
# libvpx writes alpha as a second stream, which does not work with hidden frames (alt-ref).
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
VIDEO_FORMATS = {one.suffix: one for one in (MP4, WEBM, MOV)}


@dataclass(frozen=True)
class VideoSpec:
    """The video that an encoder makes."""

    format: VideoFormat
    size: int  # pixels on a side
    fps: Fraction
    tags: Options = ()  # of the container


class Encoder(Protocol):
    """Raises a RenderError with the encoder's own message if it fails."""

    name: str

    def encode(self, spec: VideoSpec, frames: Iterable[bytes], sound: Path | None, path: Path) -> None:
        """Writes the video at `path`, whatever its suffix, from frames of `to_planes` and a file of raw `pcm`."""
        ...

    def pcm(self, file: Path) -> Iterator[bytes]:
        """The sound of a file in blocks: signed 16 bits, little-endian, 48 kHz, two channels.

        The first sample belongs to the file's first picture, or to its beginning if it has no pictures.
        """
        ...


def sound_filter(first_s: str) -> str:
    """FFmpeg's filters for `pcm`, with silence where the file has a gap or begins later.

    A gap of less than 20 ms is ignored, because containers count whole milliseconds. Mono comes out of both channels
    with 3 dB less, as FFmpeg does it: two loudspeakers are as loud as one.
    """
    filters = "aresample=48000:async=1:min_hard_comp=0.02:first_pts=0,aformat=s16:channel_layouts=stereo"
    return f"asetpts=PTS-({first_s})/TB,{filters}"


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
    """An absolute path, because a name with a colon would be a protocol."""
    return str(path.absolute())


class PyAvEncoder:
    """FFmpeg's libraries in this process."""

    name = "PyAV"

    def encode(self, spec: VideoSpec, frames: Iterable[bytes], sound: Path | None, path: Path) -> None:
        av = _import_av()
        try:
            options = dict(spec.format.container_options)
            with av.open(_pyav_path(path), "w", format=spec.format.container, options=options) as container:
                container.metadata.update(spec.tags)
                _Muxer(av, container, spec, sound is not None).write(frames, sound)
        except RenderError:
            raise
        except (av.FFmpegError, OSError, ValueError) as error:
            raise RenderError(f"PyAV cannot write {spec.format.suffix}: {error}") from error

    def pcm(self, file: Path) -> Iterator[bytes]:
        av = _import_av()
        try:
            with av.open(_pyav_path(file)) as container:
                yield from _decoded(av, container, file)
        except RenderError:
            raise
        except (av.FFmpegError, OSError, ValueError) as error:
            raise RenderError(f"the sound of {file} cannot be read: {error}") from error


class _Muxer:
    """Writes the streams of a file, with sound next to its pictures."""

    def __init__(self, av: Any, container: Any, spec: VideoSpec, has_sound: bool) -> None:
        format_ = spec.format
        self.av, self.container, self.spec = av, container, spec
        self.video = container.add_stream(format_.codec, rate=spec.fps, options=dict(format_.options))
        context = self.video.codec_context
        context.width = context.height = spec.size
        context.pix_fmt = format_.pixels
        context.time_base = 1 / spec.fps
        context.color_range = _AV_LIMITED
        context.color_primaries = context.color_trc = context.colorspace = _AV_BT709
        self.sound = None
        if has_sound:
            self.sound = container.add_stream(format_.sound_codec, SOUND_RATE, options=dict(format_.sound_options))
            self.sound.codec_context.layout = "stereo"
            self.sound.codec_context.time_base = Fraction(1, SOUND_RATE)
        self.written = 0  # samples of sound

    def write(self, frames: Iterable[bytes], sound: Path | None) -> None:
        file = sound.open("rb") if sound else None
        try:
            for index, frame in enumerate(frames):
                self.container.mux(self.video.encode(self._frame(frame, index)))
                if file:
                    self._write_sound(file.read(self._bytes_until(index + 1)))
            self.container.mux(self.video.encode(None))
            if file:
                self._write_sound(file.read())
                self.container.mux(self.sound.encode(None))  # type: ignore[union-attr]
        finally:
            if file:
                file.close()

    def _bytes_until(self, index: int) -> int:
        return max(int(index / self.spec.fps * SOUND_RATE) - self.written, 0) * SAMPLE_BYTES

    def _frame(self, data: bytes, index: int) -> Any:
        size, format_ = self.spec.size, self.spec.format
        frame = self.av.VideoFrame(size, size, format_.pixels)
        width, at = 1 if format_.depth == 8 else 2, 0
        for plane in frame.planes:
            length = plane.width * width * plane.height
            rows = np.frombuffer(data, np.uint8, length, at).reshape(plane.height, -1)
            np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : rows.shape[1]] = rows
            at += length
        frame.pts, frame.time_base = index, 1 / self.spec.fps
        frame.color_range, frame.colorspace = _AV_LIMITED, _AV_BT709
        if hasattr(frame, "color_primaries"):  # older versions take them from the context
            frame.color_primaries = frame.color_trc = _AV_BT709
        return frame

    def _write_sound(self, data: bytes) -> None:
        for at in range(0, len(data), BLOCK):
            samples = np.frombuffer(data[at : at + BLOCK], "<i2").reshape(1, -1)
            frame = self.av.AudioFrame.from_ndarray(samples, "s16", "stereo")
            frame.sample_rate, frame.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
            frame.pts = self.written
            self.written += samples.size // SOUND_CHANNELS
            self.container.mux(self.sound.encode(frame))  # type: ignore[union-attr]


def _decoded(av: Any, container: Any, file: Path) -> Iterator[bytes]:
    if not container.streams.audio:
        raise RenderError(f"{file} has no sound: name a file that has, or leave it out")
    stream = container.streams.audio[0]
    graph = av.filter.Graph()
    source = graph.add_abuffer(template=stream)
    last = source
    for name, arguments in (part.split("=", 1) for part in sound_filter(str(_pyav_start_s(container))).split(",")):
        step = graph.add(name, arguments)
        last.link_to(step)
        last = step
    sink = graph.add("abuffersink")
    last.link_to(sink)
    graph.configure()
    for packet in container.demux(stream):
        with suppress(av.InvalidDataError):  # the filters put silence in its place, as the program does
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


def _pyav_start_s(container: Any) -> Fraction:
    """The time of the first picture on the file's clock; without pictures, the start of its first stream."""
    for stream in container.streams.video:
        is_cover = "attached_pic" in str(stream.disposition)
        if stream.start_time is not None and not is_cover:
            return Fraction(stream.start_time * stream.time_base)
    return Fraction(container.start_time or 0, 1_000_000)


def find_ffmpeg() -> str | None:
    """The path of the program, if a folder of PATH has it.

    Never that of the current folder, where Windows looks first: an ffmpeg.exe may lie beside a downloaded timeline.
    """
    name = "ffmpeg.exe" if os.name == "nt" else "ffmpeg"
    folders = (Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep))
    return next((found for one in folders if one.is_absolute() and (found := shutil.which(str(one / name)))), None)


class FfmpegEncoder:
    """The program at `program`, which is killed when its input fails or is interrupted."""

    name = "ffmpeg"

    def __init__(self, program: str) -> None:
        self.program = program

    def encode(self, spec: VideoSpec, frames: Iterable[bytes], sound: Path | None, path: Path) -> None:
        lead = ("-itsoffset", _OPUS_LEAD) if sound and spec.format is WEBM and _opus_starts_early(self.program) else ()
        command = [
            self.program,
            *_QUIET,
            *_ffmpeg_arguments(spec, sound, lead),
            "-f",
            spec.format.container,
            _ffmpeg_path(path),
        ]
        with _running(command, f"ffmpeg cannot write {spec.format.suffix}", stdin=subprocess.PIPE) as process:
            pipe = process.stdin
            assert pipe is not None
            for frame in frames:
                try:
                    pipe.write(frame)
                except OSError:  # the program has ended, and its message says why
                    break

    def pcm(self, file: Path) -> Iterator[bytes]:
        chain = sound_filter(_ffmpeg_start_s(self.program, file))
        command = [self.program, *_QUIET, "-i", _ffmpeg_path(file), "-map", "0:a:0", "-af", chain, "-f", "s16le", "-"]
        with _running(command, f"the sound of {file} cannot be read", stdout=subprocess.PIPE) as process:
            pipe = process.stdout
            assert pipe is not None
            while block := pipe.read(BLOCK):
                yield block


def _ffmpeg_arguments(spec: VideoSpec, sound: Path | None, lead: Sequence[str]) -> Iterator[str]:
    format_ = spec.format
    yield from ("-f", "rawvideo", "-pix_fmt", format_.pixels, "-video_size", f"{spec.size}x{spec.size}")
    yield from ("-framerate", str(spec.fps), "-i", "pipe:0")
    if sound:
        yield from (*lead, *_PCM, "-i", _ffmpeg_path(sound))
    # The pixels are in BT.709 already. The input says so too, because a new ffmpeg would convert them.
    yield from ("-map", "0:v", "-vf", f"setparams={_BT709_FILTER}")
    yield from ("-c:v", format_.codec, "-pix_fmt", format_.pixels, *_TAGS)
    for name, value in format_.options:
        yield from (f"-{name}:v", value)
    if sound:
        yield from ("-map", "1:a", "-c:a", format_.sound_codec)
        for name, value in format_.sound_options:
            yield from (f"-{name}:a", value)
    yield from ("-map_metadata", "-1")
    for name, value in spec.tags:
        yield from ("-metadata", f"{name}={value}")
    for name, value in format_.container_options:
        yield from (f"-{name}", value)


def _ffmpeg_path(path: Path) -> str:
    """With its protocol, because a name may have a colon or begin with a dash."""
    return f"file:{path}"


def _ffmpeg_start_s(program: str, file: Path) -> str:
    """The time of the first picture since the start of the first stream, for FFmpeg; "0" without pictures."""
    # Without -an the program takes the sound of a file without pictures.
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


def _opus_starts_early(program: str) -> bool:
    """Whether this ffmpeg subtracts Opus' lead twice in WebM, as 5.1 does.

    The first packet would be before 0, and ffmpeg would move the pictures away from the sound instead.
    """
    options = ("-c:a", WEBM.sound_codec, "-avoid_negative_ts", "disabled", "-fflags", "+bitexact", "-f", "webm", "-")
    command = [program, *_QUIET[:1], *_QUIET[2:], *_PCM, "-i", "pipe:0", *options]
    file = subprocess.run(command, check=False, input=bytes(SOUND_RATE), capture_output=True).stdout
    cluster = file.find(b"\x1f\x43\xb6\x75")
    block = file.find(b"\xa3", file.find(b"\xe7\x81\x00", cluster))  # behind the time of the cluster, which is 0
    if cluster < 0 or block < 0 or block + 2 > len(file):
        return False
    # The time of the block follows its length, whose first byte says how many there are, and its track.
    time = block + 3 + (8 - file[block + 1].bit_length())
    return file[time : time + 1] >= b"\x80"  # it is negative


@contextmanager
def _running(
    command: list[str], what: str, *, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which is waited for at the end; RenderError with its message if it failed.

    The message goes into a file, because a pipe that is not read fills up and stops the process.
    """
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=output)
        except OSError as error:
            raise RenderError(f"{what}: {command[0]} cannot be started ({error})") from error
        try:
            yield process
            if process.stdin:
                _close(process.stdin)
            status = process.wait()
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    _close(pipe)
            process.wait()
        if status:
            output.seek(0)
            message = output.read().decode("utf-8", "replace").strip()[-_MAX_MESSAGE:]
            raise RenderError(f"{what}: {message or f'it ended with {status}'}")


def _close(pipe: IO[bytes]) -> None:
    with suppress(OSError):
        pipe.close()  # writes what is left
