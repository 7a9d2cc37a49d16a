"""How loud a recording is, moment by moment: of a WAV file, or of a video's own sound where PyAV is installed."""

from __future__ import annotations

import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .delay import DelayError, Numbers, TimeSeries

HOP_S = 0.005  # between two moments
MOST_S = 600.0
EXTRA = "pip install 'omote[delay]', or save its sound as WAV and name that by --sound"
_BLOCK = 1 << 16  # sound frames read at a time
# What the standard library's reader raises at files that lie about their lengths.
_BROKEN = (OSError, EOFError, wave.Error, RuntimeError, ValueError, ArithmeticError, struct.error)


def loudness(path: Path) -> TimeSeries:
    """The square root of the amplitude every 5 ms, from the recording's second 0; DelayError where none is."""
    if not path.is_file():
        raise DelayError(f"there is no file {path}: name a recording of yours")
    rate, blocks, start_s = _wav(path) if path.suffix.lower() == ".wav" else _of_video(path)
    hop = max(round(rate * HOP_S), 1)
    powers: list[Numbers] = []
    rest = np.zeros(0, np.float64)
    for block in blocks:
        rest = np.concatenate([rest, np.square(block, dtype=np.float64)])
        whole = len(rest) // hop * hop
        powers.append(rest[:whole].reshape(-1, hop).mean(axis=1))
        rest = rest[whole:]
        if sum(map(len, powers)) * hop > MOST_S * rate:
            raise DelayError(f"{path.name} is longer than {MOST_S:.0f} s: cut it down to the syllables")
    power = np.concatenate(powers) if powers else np.zeros(0)
    if not len(power) or power.max() <= 0.0:
        raise DelayError(f"{path.name} is silent: record it again, with the microphone on")
    times_s = start_s + (np.arange(len(power)) + 0.5) * hop / rate
    return TimeSeries(
        times_s, power**0.25
    )  # of the power; loud and soft syllables count more alike than by their amplitude


def _wav(path: Path) -> tuple[int, Iterator[NDArray[np.float32]], float]:
    try:
        file = wave.open(str(path), "rb")  # noqa: SIM115  # closed by the generator that reads it
        rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
    except _BROKEN as error:
        raise DelayError(f"{path} cannot be read as WAV ({error}): wanted PCM of 8 to 32 bits") from error
    if rate < 4000 or width not in (1, 2, 3, 4) or not 1 <= channels <= 16:
        file.close()
        raise DelayError(
            f"{path.name} has {rate} Hz, {8 * width} bits, {channels} channels: wanted PCM from 4000 Hz on"
        )
    return rate, _wav_blocks(path, file, width, channels), 0.0


def _wav_blocks(path: Path, file: wave.Wave_read, width: int, channels: int) -> Iterator[NDArray[np.float32]]:
    with file:
        while data := _read(path, file):
            whole = len(data) // (width * channels) * width * channels
            yield _numbers(data[:whole], width).reshape(-1, channels).mean(axis=1)


def _read(path: Path, file: wave.Wave_read) -> bytes:
    try:
        return file.readframes(_BLOCK)
    except _BROKEN as error:
        raise DelayError(f"{path} is damaged ({error}): save its sound again") from error


def _numbers(data: bytes, width: int) -> NDArray[np.float32]:
    """-1 to 1 from little-endian PCM; that of 8 bits has no sign."""
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 3:
        low = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        signed = ((low[:, 0] << 8 | low[:, 1] << 16 | low[:, 2] << 24) >> 8).astype(np.float32)
        return signed / np.float32(1 << 23)
    return np.frombuffer(data, f"<i{width}").astype(np.float32) / np.float32(1 << (8 * width - 1))


def _of_video(path: Path) -> tuple[int, Iterator[NDArray[np.float32]], float]:
    try:
        import av
    except ImportError as error:
        raise DelayError(f"the sound of {path.name} wants PyAV: {EXTRA}") from error
    try:
        with av.open(str(path)) as file:
            if not file.streams.audio:
                raise DelayError(f"{path.name} has no sound: record it again, with the microphone on")
            sound, picture = file.streams.audio[0], (*file.streams.video, None)[0]
            if sound.codec_context is None:
                raise DelayError(f"the sound of {path.name} is in a form that FFmpeg does not read: {EXTRA}")
            begin_s = float((picture.start_time or 0) * picture.time_base) if picture else 0.0
            start_s, blocks, rate = None, [], int(sound.rate)
            as_floats = av.AudioResampler("flt", "mono", rate)
            for frame in file.decode(sound):
                if start_s is None:
                    start_s = float((frame.pts or 0) * frame.time_base) - begin_s
                blocks += [mono.to_ndarray()[0] for mono in as_floats.resample(frame)]
                if blocks and len(blocks) * len(blocks[0]) > MOST_S * rate:
                    raise DelayError(f"{path.name} is longer than {MOST_S:.0f} s: cut it down to the syllables")
    except (OSError, ValueError, av.FFmpegError) as error:
        if isinstance(error, DelayError):
            raise
        raise DelayError(f"the sound of {path.name} cannot be read ({error}): {EXTRA}") from error
    return rate, iter(blocks), start_s or 0.0
