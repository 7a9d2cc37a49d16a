"""A microphone or a sound file as a voice, heard in a thread of its own; `VoiceInput.at` gives the newest moment."""

from __future__ import annotations

import logging
import threading
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from omote.bridge.errors import printable

from ..data import Array
from ..face.lipsync import Voice, VoiceError
from ..storage import user_path
from .source import EndOfSource
from .voice import DELAY_S, HOP, RATE, SILENT_DB, VisemeRecognizer, shipped_network

if TYPE_CHECKING:
    import sounddevice

DEFAULT_MICROPHONE = "default"
SOUND_SUFFIX = ".wav"
BLOCK_S = HOP / RATE
MOST_FILE_S = 3600.0  # of a sound file
_STALE_S = 0.5  # a microphone that sends nothing for so long gives no voice
_METER_FALL_DB_S = 60.0  # how fast the level falls, so that syllables do not end it
_STOP_S = 0.5
_TAPS = 48  # of the filter before a lower rate

log = logging.getLogger(__name__)


class Sound(Protocol):
    """Sound that comes piece by piece. Opened by `with`, then read again and again from one thread."""

    name: str  # shown to the user

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def read(self) -> tuple[Array, int]:
        """[N] samples at `RATE` as they come, about 10 ms of them, and when the last was made; EndOfSource at the end.

        VoiceError if it fails.
        """
        ...


def open_sound(spec: str) -> Sound:
    """The sound that `spec` names: "default", a part of a microphone's name, its number, or FILE.wav.

    It opens in `with`, not here. VoiceError says what is wrong.
    """
    if spec.lower().endswith(SOUND_SUFFIX):
        return SoundFile(user_path(spec))
    return Microphone(spec)


class SoundFile:
    """A WAV file that is read at its own pace, once; no loudspeaker plays it."""

    def __init__(
        self,
        path: Path,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = path.name
        self._path, self._clock_ns, self._sleep = path, clock_ns, sleep
        self._samples = np.zeros(0, np.float32)
        self._at = self._start_ns = 0

    def __enter__(self) -> Self:
        self._samples, self._at, self._start_ns = read_wav(self._path), 0, self._clock_ns()
        return self

    def __exit__(self, *error: object) -> None:
        self._samples = np.zeros(0, np.float32)

    def read(self) -> tuple[Array, int]:
        if self._at >= len(self._samples):
            raise EndOfSource
        block = self._samples[self._at : self._at + HOP]
        self._at += len(block)
        made_ns = self._start_ns + round(self._at / RATE * 1e9)
        if (early_ns := made_ns - self._clock_ns()) > 0:
            self._sleep(early_ns / 1e9)
        return block, made_ns


def read_wav(path: Path) -> Array:
    """[N] samples at `RATE`, -1 to 1, the mean of all channels; VoiceError if this is no such file, or too long."""
    try:
        with wave.open(str(path)) as file:
            rate, channels, width, count = (
                file.getframerate(),
                file.getnchannels(),
                file.getsampwidth(),
                file.getnframes(),
            )
            if width > 4:
                raise VoiceError(f"{path.name} has samples of {8 * width} bits, wanted a WAV file of 8 to 32 bit PCM")
            if count > MOST_FILE_S * rate:
                raise VoiceError(f"{path.name} lasts {count / rate:.0f} s: a voice may last {MOST_FILE_S:.0f} s")
            content = file.readframes(count)
    except (OSError, EOFError, wave.Error, ZeroDivisionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise VoiceError(
            f"{path} cannot be read as a voice ({reason}): wanted a WAV file of 8 to 32 bit PCM"
        ) from error
    if width == 1:
        numbers = np.frombuffer(content, np.uint8).astype(np.float32) / 128.0 - 1.0
    elif width == 3:
        padded = np.zeros((len(content) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(content[: len(content) // 3 * 3], np.uint8).reshape(-1, 3)
        numbers = padded.view("<i4")[:, 0].astype(np.float32) / 2.0**31
    else:
        numbers = np.frombuffer(content[: len(content) // width * width], f"<i{width}").astype(np.float32)
        numbers /= 2.0 ** (8 * width - 1)
    mono = numbers[: len(numbers) // channels * channels].reshape(-1, channels).mean(axis=1)
    return Resampler(rate).resample(mono)


class Resampler:
    """Brings sound that comes piece by piece to `RATE`."""

    def __init__(self, rate: float) -> None:
        """`rate` is that of the sound, in samples a second."""
        if not 4000.0 <= rate <= 384_000.0:
            raise VoiceError(f"a voice has 4000 to 384000 samples a second, got {rate:g}")
        self._step = rate / RATE
        cut = 0.46 * min(1.0, RATE / rate)  # cycles a sample: the highest frequency that both rates hold
        at = np.arange(_TAPS) - (_TAPS - 1) / 2.0
        kernel = 2.0 * cut * np.sinc(2.0 * cut * at) * np.hamming(_TAPS)
        self._kernel = kernel / kernel.sum()
        self._samples = np.zeros(_TAPS - 1)
        self._phase = 0.0  # of the next result, in samples of the filtered sound
        self._last = np.zeros(0)  # filtered samples that the next result may need

    def resample(self, samples: Array) -> Array:
        """[M] the samples at `RATE` that [N] further ones complete."""
        if self._step == 1.0:
            return samples
        sound = np.concatenate([self._samples, samples])
        self._samples = sound[len(sound) - (_TAPS - 1) :]
        if not len(samples):
            return np.zeros(0, np.float32)
        filtered = np.concatenate([self._last, np.convolve(sound, self._kernel, "valid")])
        count = max(int(np.ceil((len(filtered) - 1 - self._phase) / self._step)), 0)
        at = self._phase + self._step * np.arange(count)
        low = at.astype(int)
        share = at - low
        found = (1.0 - share) * filtered[low] + share * filtered[np.minimum(low + 1, len(filtered) - 1)]
        used = min(int(self._phase + self._step * count), len(filtered))
        self._phase, self._last = self._phase + self._step * count - used, filtered[used:]
        return np.asarray(found, np.float32)


# The microphone.


@dataclass(frozen=True)
class MicrophoneInfo:
    """A microphone of this machine."""

    number: int
    name: str
    is_default: bool


def microphones() -> tuple[MicrophoneInfo, ...]:
    """The microphones of this machine; none is opened. VoiceError if the library is missing."""
    library = _library()
    try:
        devices, usual = library.query_devices(), library.default.device[0]
    except library.PortAudioError as error:
        raise VoiceError(f"the microphones cannot be listed: {error}") from error
    return tuple(
        MicrophoneInfo(number, printable(str(device["name"]), 120), number == usual)
        for number, device in enumerate(devices)
        if device["max_input_channels"] > 0
    )


def _library() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise VoiceError(
            "microphones need the package sounddevice, which is missing: to install it, pip install 'omote[voice]'"
        ) from error
    except OSError as error:
        raise VoiceError(
            f"microphones need the library PortAudio ({error}): on Debian or Ubuntu apt-get install libportaudio2"
        ) from error
    return sounddevice


class Microphone:
    """A microphone, which is open only inside `with`."""

    def __init__(self, spec: str = DEFAULT_MICROPHONE, clock_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        """`spec` is "default", a number of `microphones`, or a part of a name."""
        self.name = spec
        self._spec, self._clock_ns = spec, clock_ns
        self._stream: sounddevice.InputStream | None = None
        self._resampler = Resampler(RATE)
        self._rate = float(RATE)

    def __enter__(self) -> Self:
        library, chosen = _library(), self._chosen()
        self.name = chosen.name
        try:
            self._rate = float(library.query_devices(chosen.number)["default_samplerate"])
            self._resampler = Resampler(self._rate)
            self._stream = library.InputStream(
                samplerate=self._rate, device=chosen.number, channels=1, dtype="float32", latency="low"
            )
            self._stream.start()
        except library.PortAudioError as error:
            self.__exit__()
            raise VoiceError(
                f"the microphone {chosen.name} cannot be opened ({error}): is another program using it, "
                "and may this program use microphones?"
            ) from error
        return self

    def __exit__(self, *error: object) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close(ignore_errors=True)

    def read(self) -> tuple[Array, int]:
        stream = self._stream
        if stream is None:
            raise VoiceError(f"the microphone {self.name} is closed")
        library = _library()
        try:
            # All that waits, so that a thread that was late catches up.
            count = max(round(self._rate * BLOCK_S), stream.read_available)
            samples, _ = stream.read(count)
            late_s = float(stream.latency) + stream.read_available / self._rate
        except library.PortAudioError as error:
            raise VoiceError(f"the microphone {self.name} failed ({error}): choose it again") from error
        return self._resampler.resample(np.asarray(samples[:, 0], np.float32)), self._clock_ns() - round(late_s * 1e9)

    def _chosen(self) -> MicrophoneInfo:
        known = microphones()
        names = ", ".join(f"{one.number} {one.name}" for one in known) or "none"
        if self._spec == DEFAULT_MICROPHONE:
            found = [one for one in known if one.is_default] or list(known)
        elif self._spec.isascii() and self._spec.isdigit():
            found = [one for one in known if one.number == int(self._spec)]
        else:
            found = [one for one in known if one.name == self._spec]
            found = found or [one for one in known if self._spec.lower() in one.name.lower()]
        if not found:
            raise VoiceError(f"no microphone is called {self._spec[:80]!r}; there are: {names}")
        return found[0]


class VoiceInput:
    """Hears a sound in a thread of its own while it is entered; VoiceError if the sound cannot be opened.

    >>> with VoiceInput(open_sound("default")) as voice:
    ...     voice.at(time.perf_counter_ns())
    """

    def __init__(
        self,
        sound: Sound,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        on_end: Callable[[VoiceInput], None] = lambda voice: None,
    ) -> None:
        """`on_end` is called in the thread, once the sound has ended or failed."""
        self._sound, self._clock_ns, self._on_end = sound, clock_ns, on_end
        self._newest: Voice | None = None  # replaced as a whole
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="voice", daemon=True)
        self.error = ""  # why it has failed

    @property
    def name(self) -> str:
        return self._sound.name

    @property
    def is_over(self) -> bool:
        """Whether the sound has ended, failed or was closed."""
        return self._is_over.is_set()

    def __enter__(self) -> Self:
        shipped_network()  # read before the sound is opened, since a thread's error would be lost
        self._sound.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        if self._thread is not threading.current_thread():
            self._thread.join(_STOP_S)

    def at(self, now_ns: int) -> Voice | None:
        """The newest moment of the voice; None if there was none in the last half second."""
        newest = self._newest
        if newest is None or self._clock_ns() - newest.heard_ns > _STALE_S * 1e9:
            return None
        return newest

    def _run(self) -> None:
        recognizer, level_db = VisemeRecognizer(), SILENT_DB
        try:
            while not self._is_over.is_set():
                samples, made_ns = self._sound.read()
                visemes, levels_db = recognizer.hear(samples)
                for one in levels_db:
                    level_db = max(float(one), level_db - _METER_FALL_DB_S * BLOCK_S)
                if len(visemes):
                    self._newest = Voice(made_ns - round(DELAY_S * 1e9), visemes[-1], level_db)
        except EndOfSource:
            pass
        except VoiceError as error:
            self.error = str(error)
            log.warning("%s", error)
        except Exception:  # the stream goes on without the voice
            self.error = f"hearing {self.name} failed inside Omote; its log says why: choose it again"
            log.exception("the voice failed")
        finally:
            self._sound.__exit__()
            self._newest = None
            if not self._is_over.is_set():
                self._is_over.set()
                self._on_end(self)
