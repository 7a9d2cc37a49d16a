"""Measures how much later than its sound a picture comes: the rises of the sound against the opening of the mouth."""

from __future__ import annotations

import struct
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omote.bridge.errors import OmoteError

Numbers = NDArray[np.float64]

RATE = 1000  # samples a second for the comparison, so that the lag is in milliseconds
SMOOTH_S = 0.03  # about the duration of a picture at 30 a second
# Of the picture after the sound: a range with a single lag for a person who speaks evenly, once a second.
MIN_LAG_S, MAX_LAG_S = -0.3, 0.9
SEARCH_S = 0.12  # a syllable's own lag is searched this far from the common one
MIN_ONSET_GAP_S = 0.2  # between two syllables
ONSET_THRESHOLD = 0.3  # of the strongest rise: less is no syllable
MIN_SYLLABLES = 6
HOLD_S = 0.15  # of the loudest value, so that a fading sound does not shift its onset
MIN_AGREEMENT = 0.7  # correlation; eight syllables and an unrelated mouth reach 0.6 by chance
MIN_DURATION_S = 3.0
AGREEING_S = 0.06  # a syllable agrees where its lag is this close to the common one
MIN_AGREEING_SHARE = 0.75  # of the syllables

HOP_S = 0.005  # between two values of the loudness
MAX_DURATION_S = 600.0
EXTRA = "pip install 'omote[delay]', or save its sound as WAV and name that by --sound"
_BLOCK = 1 << 16  # sound frames read at a time
# The errors of the standard library's reader for files with wrong lengths.
_WAV_ERRORS = (OSError, EOFError, wave.Error, RuntimeError, ValueError, ArithmeticError, struct.error)


class DelayError(OmoteError, ValueError):
    """No delay could be measured; the message says why and the cure."""


@dataclass(frozen=True)
class TimeSeries:
    """A value over time."""

    time_s: Numbers  # [n] ascending
    value: Numbers  # [n]


@dataclass(frozen=True)
class Delay:
    """The result of a measurement."""

    lag_ms: float  # of the picture after the sound; negative where it comes before
    spread_ms: float  # half of the syllables are this close to the lag
    syllables: int  # that agree
    agreement: float  # correlation at this lag, at most 1


def delay(sound: TimeSeries, mouth: TimeSeries) -> Delay:
    """The lag of the mouth's opening after the sound's rises; DelayError where they are unrelated.

    Second 0 of both is the start of the recording, in which a person says "pa" several times, not too evenly.
    """
    length_s = min(sound.time_s[-1], mouth.time_s[-1]) if len(sound.time_s) and len(mouth.time_s) else 0.0
    if length_s < MIN_DURATION_S:
        raise DelayError(
            f'the recording has {length_s:.1f} s of sound and face: say "pa" for {MIN_DURATION_S:.0f} s or more'
        )
    heard, seen = _rises(sound, length_s), _rises(mouth, length_s)
    lags = np.arange(round(MIN_LAG_S * RATE), round(MAX_LAG_S * RATE) + 1)
    correlations = np.array([_correlation(heard, seen, int(lag)) for lag in lags])
    best = int(np.argmax(correlations))
    syllables = _onsets(heard)
    own = np.array([_syllable_lag(heard, seen, at, int(lags[best])) for at in syllables])
    agreeing = own[np.abs(own - lags[best]) < AGREEING_S * RATE]
    if len(syllables) < MIN_SYLLABLES:
        raise DelayError(
            f'{len(syllables)} syllables were heard: say "pa" {MIN_SYLLABLES} times or more, near the microphone'
        )
    is_edge = best in (0, len(lags) - 1)
    if correlations[best] < MIN_AGREEMENT or len(agreeing) < MIN_AGREEING_SHARE * len(own) or is_edge:
        raise DelayError(
            f"no agreement between sound and mouth ({correlations[best]:.2f}, needed {MIN_AGREEMENT}; {len(agreeing)} "
            f'of {len(own)} syllables agree): record one face that says "pa" and nothing else, and your own microphone'
        )
    middle = float(np.median(agreeing))
    return Delay(middle, float(np.median(np.abs(agreeing - middle))), len(agreeing), float(correlations[best]))


def _rises(track: TimeSeries, length_s: float) -> Numbers:
    """[n] the slope where the value rises, else 0, at RATE, scaled to a mean square of 1."""
    times_s = np.arange(round(length_s * RATE)) / RATE
    value = np.interp(times_s, track.time_s, track.value)
    up = np.maximum(np.gradient(_smoothed(_rolling_max(value))), 0.0)
    size = float(np.sqrt(np.mean(up**2)))
    return up / size if size > 0.0 else up


def _onsets(heard: Numbers) -> list[int]:
    """The samples of the strong rises of the sound, ascending."""
    found: list[int] = []
    for at in np.argsort(-heard):
        if heard[at] < ONSET_THRESHOLD * heard.max() or heard[at] <= 0.0:
            break
        if all(abs(int(at) - other) >= MIN_ONSET_GAP_S * RATE for other in found):
            found.append(int(at))
    return sorted(found)


def _rolling_max(value: Numbers) -> Numbers:
    """[n] the maximum of the last HOLD_S."""
    length, held = round(HOLD_S * RATE), value
    covered = 1
    while covered < length:
        step = min(covered, length - covered)
        held = np.maximum(held, np.concatenate([np.full(step, held[0]), held[:-step]]))
        covered += step
    return held


def _smoothed(value: Numbers) -> Numbers:
    reach = round(3 * SMOOTH_S * RATE)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (SMOOTH_S * RATE)) ** 2)
    padded = np.pad(value, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def _correlation(heard: Numbers, seen: Numbers, lag: int) -> float:
    """The correlation of `heard` with `seen`, shifted `lag` samples earlier."""
    first, second = (heard[: len(heard) - lag], seen[lag:]) if lag >= 0 else (heard[-lag:], seen[:lag])
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt(np.mean(first**2) * np.mean(second**2)))
    return float(np.mean(first * second)) / size if size > 0.0 else 0.0


def _syllable_lag(heard: Numbers, seen: Numbers, at: int, around: int) -> float:
    """The lag of one syllable, near the common one; infinite where it has none."""
    half, near = round(0.5 * MIN_ONSET_GAP_S * RATE), round(SEARCH_S * RATE)
    begin, end = max(at - half, 0), min(at + half, len(heard))
    scores = []
    lags = range(around - near, around + near + 1)
    for lag in lags:
        first, last = begin + lag, end + lag
        is_inside = first >= 0 and last <= len(seen)
        scores.append(float(heard[begin:end] @ seen[first:last]) if is_inside else 0.0)
    return float(lags[int(np.argmax(scores))]) if max(scores) > 0.0 else np.inf


# The sound of a recording.


def loudness(path: Path) -> TimeSeries:
    """The square root of the amplitude, every 5 ms, of a WAV file or, with PyAV, a video; raises DelayError."""
    if not path.is_file():
        raise DelayError(f"there is no file {path}: name an existing recording")
    rate, blocks, start_s = _wav(path) if path.suffix.lower() == ".wav" else _video_sound(path)
    hop = max(round(rate * HOP_S), 1)
    powers: list[Numbers] = []
    rest = np.zeros(0, np.float64)
    for block in blocks:
        rest = np.concatenate([rest, np.square(block, dtype=np.float64)])
        whole = len(rest) // hop * hop
        powers.append(rest[:whole].reshape(-1, hop).mean(axis=1))
        rest = rest[whole:]
        if sum(map(len, powers)) * hop > MAX_DURATION_S * rate:
            raise DelayError(f"{path.name} is longer than {MAX_DURATION_S:.0f} s: cut it down to the syllables")
    power = np.concatenate(powers) if powers else np.zeros(0)
    if not len(power) or power.max() <= 0.0:
        raise DelayError(f"{path.name} is silent: record it again, with the microphone on")
    times_s = start_s + (np.arange(len(power)) + 0.5) * hop / rate
    # The fourth root of the power: loud and soft syllables differ less than in their amplitude.
    return TimeSeries(times_s, power**0.25)


def _wav(path: Path) -> tuple[int, Iterator[NDArray[np.float32]], float]:
    try:
        file = wave.open(str(path), "rb")  # noqa: SIM115  # closed by the generator that reads it
        rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
    except _WAV_ERRORS as error:
        raise DelayError(f"{path} cannot be read as WAV ({error}): expected PCM of 8 to 32 bits") from error
    if rate < 4000 or width not in (1, 2, 3, 4) or not 1 <= channels <= 16:
        file.close()
        raise DelayError(
            f"{path.name} has {rate} Hz, {8 * width} bits, {channels} channels: expected PCM with at least 4000 Hz"
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
    except _WAV_ERRORS as error:
        raise DelayError(f"{path} is damaged ({error}): save its sound again") from error


def _numbers(data: bytes, width: int) -> NDArray[np.float32]:
    """-1 to 1 from little-endian PCM, which is unsigned where it has 8 bits."""
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 3:
        low = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        signed = ((low[:, 0] << 8 | low[:, 1] << 16 | low[:, 2] << 24) >> 8).astype(np.float32)
        return signed / np.float32(1 << 23)
    return np.frombuffer(data, f"<i{width}").astype(np.float32) / np.float32(1 << (8 * width - 1))


def _video_sound(path: Path) -> tuple[int, Iterator[NDArray[np.float32]], float]:
    try:
        import av
    except ImportError as error:
        raise DelayError(f"the sound of {path.name} needs PyAV: {EXTRA}") from error
    try:
        with av.open(str(path)) as file:
            if not file.streams.audio:
                raise DelayError(f"{path.name} has no sound: record it again, with the microphone on")
            sound, picture = file.streams.audio[0], (*file.streams.video, None)[0]
            if sound.codec_context is None:
                raise DelayError(f"the sound of {path.name} is in a format that FFmpeg does not read: {EXTRA}")
            begin_s = float((picture.start_time or 0) * picture.time_base) if picture else 0.0
            start_s, blocks, rate = None, [], int(sound.rate)
            as_floats = av.AudioResampler("flt", "mono", rate)
            for frame in file.decode(sound):
                if start_s is None:
                    start_s = float((frame.pts or 0) * frame.time_base) - begin_s
                blocks += [mono.to_ndarray()[0] for mono in as_floats.resample(frame)]
                if blocks and len(blocks) * len(blocks[0]) > MAX_DURATION_S * rate:
                    raise DelayError(f"{path.name} is longer than {MAX_DURATION_S:.0f} s: cut it down to the syllables")
    except (OSError, ValueError, av.FFmpegError) as error:
        if isinstance(error, DelayError):
            raise
        raise DelayError(f"the sound of {path.name} cannot be read ({error}): {EXTRA}") from error
    return rate, iter(blocks), start_s or 0.0
