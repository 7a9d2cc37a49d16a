"""Recognizes visemes in a voice: mel bands and a small recurrent network in NumPy, a hundred times a second."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from ..data import Array
from ..face.lipsync import Voice
from ..models import WeightsError

RATE = 16_000  # samples a second
HOP = 160  # samples between two results: 10 ms
WINDOW = 400  # samples of a spectrum: 25 ms
# From a sound to its viseme, 37.5 ms: half a window, and 25 ms that the network hears beyond the moment it describes.
DELAY_S = WINDOW / 2 / RATE + 0.025
STACKED = 3  # spectra that the network reads at once, the newest last
BANDS = 40
SILENT_DB = -100.0  # the lowest level
WEIGHTS_FILE = Path(__file__).with_name("voice.safetensors")
WEIGHTS_SHA256 = "f7259ddf99a347c1ffd1f929d27db3af45c3d1071145e5a627fa1418949e6042"

_FFT = 512
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 7600.0
_FLOOR = 1e-7  # added to the energy of a band


class MelBands:
    """Logarithms of mel band energies and levels of sound that comes piece by piece."""

    def __init__(self) -> None:
        self._samples = np.zeros(WINDOW - HOP, np.float32)

    def hear(self, samples: Array) -> tuple[Array, Array]:
        """[H,40] bands and [H] levels in dB of full scale, of each hop that [N] samples at `RATE` complete."""
        sound = np.concatenate([self._samples, samples])
        hops = max((len(sound) - WINDOW) // HOP + 1, 0)
        self._samples = sound[hops * HOP :]
        if not hops:
            return np.zeros((0, BANDS), np.float32), np.zeros(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[: hops * HOP : HOP]
        power = np.abs(np.fft.rfft(windows * _hann(), _FFT)) ** 2 / WINDOW
        bands = np.log(power.astype(np.float32) @ _mel_filters() + _FLOOR)
        loudness = np.mean(windows[:, -HOP:] ** 2, axis=1)
        levels = 10.0 * np.log10(np.maximum(loudness, 10.0 ** (SILENT_DB / 10.0)))
        return bands, levels.astype(np.float32)


@cache
def _hann() -> Array:
    return np.hanning(WINDOW).astype(np.float32)


@cache
def _mel_filters() -> Array:
    """[257,40] triangles, evenly spaced on the mel scale."""
    mel = np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), BANDS + 2)
    edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    hz = np.fft.rfftfreq(_FFT, 1.0 / RATE)[:, None]
    rising = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    return np.maximum(np.minimum(rising, falling), 0.0).astype(np.float32)


def _mel(hz: float) -> float:
    return 2595.0 * math.log10(1.0 + hz / 700.0)


@dataclass(frozen=True, eq=False)
class VisemeNetwork:
    """The weights of the network: a dense layer, a gated recurrent unit (PyTorch's order of gates) and visemes."""

    mean: Array  # [40] of the bands
    spread: Array  # [40]
    dense_weight: Array  # [D,120]
    dense_bias: Array  # [D]
    input_weight: Array  # [3S,D] reset, update, new
    input_bias: Array  # [3S]
    state_weight: Array  # [3S,S]
    state_bias: Array  # [3S]
    viseme_weight: Array  # [11,S]
    viseme_bias: Array  # [11]

    def step(self, stacked: Array, state: Array) -> Array:
        """The next state [S] after the stacked spectra [120]."""
        seen = np.maximum(self.dense_weight @ stacked + self.dense_bias, 0.0)
        size = len(state)
        of_input = self.input_weight @ seen + self.input_bias
        of_state = self.state_weight @ state + self.state_bias
        gates = 1.0 / (1.0 + np.exp(-(of_input[: 2 * size] + of_state[: 2 * size])))
        reset, update = gates[:size], gates[size:]
        new = np.tanh(of_input[2 * size :] + reset * of_state[2 * size :])
        return np.asarray((1.0 - update) * new + update * state, np.float32)

    def visemes(self, states: Array) -> Array:
        """[H,11] shares of `VISEMES` for states [H,S]; each row sums to 1."""
        scores = states @ self.viseme_weight.T + self.viseme_bias
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)


@cache
def shipped_network() -> VisemeNetwork:
    """The network that Omote ships; WeightsError if its file is damaged."""
    content = WEIGHTS_FILE.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != WEIGHTS_SHA256:
        raise WeightsError(f"{WEIGHTS_FILE} is damaged: its SHA-256 begins with {found[:12]}; install Omote again")
    return network_of(content)


def network_of(content: bytes) -> VisemeNetwork:
    """The network in the bytes of a safetensors file."""
    return VisemeNetwork(**{name: array.astype(np.float32) for name, array in load(content).items()})


class VisemeRecognizer:
    """Hears one voice. Causal: what it returns depends on nothing but the samples so far.

    >>> visemes, levels = VisemeRecognizer().hear(samples)
    """

    def __init__(self, network: VisemeNetwork | None = None) -> None:
        self._network = network or shipped_network()
        self._bands = MelBands()
        self._stack = np.zeros(STACKED * BANDS, np.float32)
        self._state = np.zeros(self._network.viseme_weight.shape[1], np.float32)

    def hear(self, samples: Array) -> tuple[Array, Array]:
        """[H,11] shares of `VISEMES` and [H] levels in dB, for each 10 ms that [N] samples at `RATE` complete.

        A row of visemes describes the sound `DELAY_S` before the last sample that it needed.
        """
        bands, levels = self._bands.hear(samples)
        states = np.empty((len(bands), len(self._state)), np.float32)
        for at, row in enumerate((bands - self._network.mean) / self._network.spread):
            self._stack = np.concatenate([self._stack[BANDS:], row])
            self._state = self._network.step(self._stack, self._state)
            states[at] = self._state
        return self._network.visemes(states), levels


@dataclass(frozen=True, eq=False)
class VoiceTrack:
    """A whole sound that is recognized before it is played, so that its visemes have no delay."""

    visemes: Array  # [H,11]
    levels_db: Array  # [H]

    @classmethod
    def of(cls, samples: Array) -> VoiceTrack:
        """The voice in [N] samples at `RATE`."""
        visemes, levels_db = VisemeRecognizer().hear(np.pad(samples, (0, WINDOW + round(DELAY_S * RATE))))
        return cls(visemes, levels_db)

    @property
    def seconds(self) -> float:
        return len(self.visemes) * HOP / RATE

    def at(self, time_ns: int) -> Voice | None:
        """The voice at a time since its beginning; None before and after it."""
        time_s = time_ns / 1e9
        row = round((time_s + DELAY_S) * RATE / HOP) - 1
        if time_ns < 0 or row >= len(self.visemes):
            return None
        return Voice(time_ns, self.visemes[row], float(self.levels_db[int(time_s * RATE / HOP)]))
