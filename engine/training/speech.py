"""Speech with known phonemes, by espeak-ng and flite, as it would come from a microphone."""

from __future__ import annotations

import ctypes
import itertools
import re
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Mapping, Sequence
from ctypes.util import find_library
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote.bridge.errors import OmoteError

from ..capture.voice import HOP, RATE
from ..data import Array
from ..face.lipsync import VISEMES

Random = np.random.Generator

SMOOTHED_S = 0.07  # over which a mouth goes from one phoneme to the next


class SpeechError(OmoteError):
    """A synthesizer is missing or failed; the message says which, and the cure."""


@dataclass(frozen=True)
class Phoneme:
    """A phoneme in IPA; "" is silence."""

    ipa: str
    start_s: float
    end_s: float


@dataclass(frozen=True, eq=False)
class Utterance:
    """Synthetic speech and its phonemes."""

    samples: Array  # [N] at `RATE`, -1 to 1
    phonemes: tuple[Phoneme, ...]


# Visemes of phonemes, as shares. Signs that are not here are consonants inside the mouth.
_INSIDE: Mapping[str, float] = {"T": 1.0}
_VISEMES_OF_SIGNS: tuple[tuple[str, Mapping[str, float]], ...] = (
    ("aɑä", {"A": 1.0}),
    ("æɐʌ", {"A": 0.75, "E": 0.25}),
    ("ɒ", {"A": 0.5, "O": 0.5}),
    ("eɛ", {"E": 1.0}),
    ("əɜ", {"E": 0.7, "O": 0.3}),
    ("ɚɝ", {"E": 0.5, "U": 0.5}),
    ("øœɵ", {"O": 0.6, "E": 0.4}),
    ("i", {"I": 1.0}),
    ("ɪɨ", {"I": 0.8, "E": 0.2}),
    ("yʏ", {"U": 0.8, "I": 0.2}),
    ("j", {"I": 0.7, "T": 0.3}),
    ("o", {"O": 1.0}),
    ("ɔ", {"O": 0.8, "A": 0.2}),
    ("uw", {"U": 1.0}),
    ("ʊ", {"U": 0.8, "O": 0.2}),
    ("ɯ", {"U": 0.5, "I": 0.5}),
    ("mpb", {"M": 1.0}),
    ("ɸβ", {"M": 0.5, "F": 0.5}),
    ("fvʋɱ", {"F": 1.0}),
    ("sz", {"S": 1.0}),
    ("θð", {"S": 0.5, "T": 0.5}),
    ("ɕʑç", {"S": 0.5, "SH": 0.5}),
    ("ʃʒ", {"SH": 1.0}),
    ("ɹ", {"T": 0.6, "SH": 0.4}),
)
_SIGNS = {sign: visemes for signs, visemes in _VISEMES_OF_SIGNS for sign in signs}
_MODIFIERS = re.compile(r"[^a-zæäçðŋøɐɑɒɓ-ɯɰ-ʋʌʍʎʏʐ-ʓʔθβɸ]")
_PARTS = (0.6, 0.4)  # of a diphthong or an affricate


def phoneme_visemes(ipa: str) -> list[tuple[float, Mapping[str, float]]]:
    """The visemes of a phoneme one after the other, each with its share of the time."""
    signs = _MODIFIERS.sub("", ipa)
    if not signs:
        return [(1.0, {"silence": 1.0})]
    if len(signs) == 2:
        return [(part, _SIGNS.get(sign, _INSIDE)) for part, sign in zip(_PARTS, signs, strict=True)]
    return [(1.0 / len(signs), _SIGNS.get(sign, _INSIDE)) for sign in signs]


def viseme_track(phonemes: Sequence[Phoneme], hops: int, smoothed_s: float = SMOOTHED_S) -> Array:
    """[H,11] shares of `VISEMES` at the middle of each hop, the mouth gliding from one phoneme to the next."""
    track = np.zeros((hops, len(VISEMES)))
    track[:, 0] = 1.0
    times = (np.arange(hops) + 0.5) * HOP / RATE
    for phoneme in phonemes:
        start_s = phoneme.start_s
        for share, visemes in phoneme_visemes(phoneme.ipa):
            end_s = start_s + share * (phoneme.end_s - phoneme.start_s)
            within = (times >= start_s) & (times < end_s)
            track[within] = [visemes.get(name, 0.0) for name in VISEMES]
            start_s = end_s
    half = round(smoothed_s * RATE / HOP / 2)
    if half:
        kernel = np.hanning(2 * half + 3)[1:-1]
        kernel /= kernel.sum()
        padded = np.pad(track, ((half, half), (0, 0)), mode="edge")
        track = np.stack([np.convolve(column, kernel, "valid") for column in padded.T], axis=1)
    return track.astype(np.float32)


# espeak-ng. Its program says no times, so its library is called.


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_RETRIEVAL, _PHONEME_EVENTS, _PHONEME_IPA = 1, 1, 2
_PHONEME_EVENT, _UTF8 = 7, 1
_SPEED, _PITCH, _RANGE = 1, 3, 4
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """The synthesizer espeak-ng (GPL-3.0), as a library of the system; only training and tests use it."""

    def __init__(self) -> None:
        name = find_library("espeak-ng")
        if name is None:
            raise SpeechError("espeak-ng is missing: install it, as `apt-get install espeak-ng`")
        self._library = ctypes.CDLL(name)
        self._rate = self._library.espeak_Initialize(_RETRIEVAL, 0, None, _PHONEME_EVENTS | _PHONEME_IPA)
        self._parts: list[NDArray[np.int16]] = []
        self._events: list[tuple[float, str]] = []
        self._callback = _Callback(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, voice: str = "en-us", speed: int = 160, pitch: int = 50, range: int = 50) -> Utterance:
        """`voice` is a language, or one with a variant, as "en-us+f3"; `speed` is in words a minute."""
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise SpeechError(f"espeak-ng has no voice {voice}")
        for parameter, value in ((_SPEED, speed), (_PITCH, pitch), (_RANGE, range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._parts, self._events, content = [], [], text.encode()
        self._library.espeak_Synth(content, len(content) + 1, 0, 0, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        sound = np.concatenate([np.zeros(0, np.int16), *self._parts]).astype(np.float32) / 32768.0
        ends = [start for start, _ in self._events[1:]] + [len(sound) / self._rate]
        phonemes = tuple(Phoneme(ipa, start, end) for (start, ipa), end in zip(self._events, ends, strict=True))
        return Utterance(resampled(sound, self._rate), phonemes)

    def _hear(self, samples: Any, count: int, events: Any) -> int:
        if samples and count:
            self._parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        for number in itertools.count():
            event = events[number]
            if not event.type:
                return 0
            if event.type == _PHONEME_EVENT:
                text = bytes(event.id.string).partition(b"\0")[0].decode(errors="ignore")
                self._events.append((event.audio_position / 1000.0, text))
        return 0


@cache
def espeak() -> Espeak:
    """The library, which can be initialized once in a process."""
    return Espeak()


# flite, whose voices were made of recorded people.

_ARPABET: Mapping[str, str] = MappingProxyType(
    {
        **{"aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "ay": "aɪ", "eh": "ɛ", "er": "ɚ"},
        **{"ey": "eɪ", "ih": "ɪ", "iy": "i", "ow": "oʊ", "oy": "ɔɪ", "uh": "ʊ", "uw": "u", "ch": "tʃ", "dh": "ð"},
        **{"hh": "h", "jh": "dʒ", "ng": "ŋ", "sh": "ʃ", "th": "θ", "y": "j", "zh": "ʒ", "r": "ɹ", "pau": ""},
    }
)


def flite(text: str, voice: str) -> Utterance:
    """Speech of the synthesizer flite (BSD-like); `voice` is "awb", "kal16", "rms" or "slt"."""
    if shutil.which("flite") is None:
        raise SpeechError("flite is missing: install it, as `apt-get install flite`")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "-psdur", "-t", f"{text} ", str(path)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        with wave.open(str(path)) as file:
            rate = file.getframerate()
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768.0
    phonemes, start_s = [], 0.0
    for one in printed.split():
        name, _, end = one.partition(":")
        phonemes.append(Phoneme(_ARPABET.get(name, name), start_s, float(end)))
        start_s = float(end)
    return Utterance(resampled(sound, rate), tuple(phonemes))


def resampled(sound: Array, rate: float, to_rate: float = RATE) -> Array:
    """The same sound at another rate, band-limited."""
    from scipy.signal import resample_poly

    if round(rate) == round(to_rate):
        return sound
    common = np.gcd(round(rate), round(to_rate))
    return np.asarray(resample_poly(sound, round(to_rate) // common, round(rate) // common), np.float32)


# A room, a microphone and noise.


def with_other_throat(utterance: Utterance, scale: float) -> Utterance:
    """The voice played `scale` times as fast: higher formants and a higher pitch, as of a smaller person."""
    samples = resampled(utterance.samples, round(1000 * scale), 1000)
    phonemes = tuple(Phoneme(one.ipa, one.start_s / scale, one.end_s / scale) for one in utterance.phonemes)
    return Utterance(samples, phonemes)


def recorded(samples: Array, random: Random, babble: Array | None = None) -> Array:
    """The sound as a microphone hears it: a room, colours of voice and microphone, noise, and any gain."""
    from scipy.signal import fftconvolve

    sound = samples / max(float(np.sqrt(np.mean(samples**2))), 1e-4)
    if random.random() < 0.6:
        sound = fftconvolve(sound, _room(random))[: len(sound)]
    sound = _coloured(sound, random, spread_db=6.0)
    noise = _coloured(random.standard_normal(len(sound)), random, spread_db=8.0, slope_db=random.uniform(-6.0, 0.0))
    if babble is not None and random.random() < 0.25:
        noise = 0.5 * noise + np.resize(babble / max(float(np.std(babble)), 1e-4), len(sound))
    if random.random() < 0.3:  # the hum of a mains supply
        hum_hz = random.choice([50.0, 60.0]) * random.integers(1, 4)
        noise = noise + 2.0 * np.sin(2.0 * np.pi * hum_hz * np.arange(len(sound)) / RATE)
    noise = noise / max(float(np.std(noise)), 1e-6)
    snr_db, level_db = random.uniform(8.0, 55.0), random.uniform(-42.0, -14.0)
    mixed = (sound / max(float(np.std(sound)), 1e-6) + 10.0 ** (-snr_db / 20.0) * noise) * 10.0 ** (level_db / 20.0)
    return np.asarray(np.clip(mixed, -1.0, 1.0), np.float32)


def _room(random: Random) -> NDArray[np.float64]:
    """The answer of a room to a click."""
    seconds, dry = random.uniform(0.08, 0.5), random.uniform(0.3, 1.0)
    count = int(seconds * RATE)
    tail = random.standard_normal(count) * np.exp(-6.9 * np.arange(count) / count)
    tail *= (1.0 - dry) / max(float(np.sqrt(np.sum(tail**2))), 1e-6)
    tail[0] = dry
    return tail


def _coloured(sound: NDArray[np.floating], random: Random, spread_db: float, slope_db: float = 0.0) -> Array:
    """The sound through a filter that is smooth over octaves."""
    spectrum = np.fft.rfft(sound)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(sound), 1.0 / RATE), 40.0) / 40.0)
    knots = random.normal(0.0, spread_db / 2.0, 9)
    gain_db = np.interp(octaves, np.arange(9), knots) + slope_db * octaves
    return np.asarray(np.fft.irfft(spectrum * 10.0 ** (gain_db / 20.0), len(sound)), np.float32)
