"""How well a voice moves the mouth: synthetic speech of voices and sentences that never trained, phoneme by phoneme."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import keep, origin, result_parser

from omote.bridge import arkit
from omote.engine.capture.voice import HOP, RATE, VisemeRecognizer
from omote.engine.data import Array, FlameParams
from omote.engine.face.lipsync import VISEMES, Voice, VoiceMixer, VoiceTuning, mouth_of
from omote.engine.face.presence import Phase, PresentedFace
from omote.engine.face.retarget import to_weights
from omote.engine.training.speech import Utterance, espeak, flite, recorded, viseme_track

# None of these voices trains the network; slt and rms are made of recordings of a woman and a man.
ESPEAK_VOICES = ("en-us+f3", "en+m3", "en-us+m7", "en+quincy", "en-us+sandro", "en+shelby", "en-us+victor")
FLITE_VOICES = ("slt", "rms")
SENTENCES = (
    "Please hand me the brown leather bag beside the piano.",
    "Our neighbours moved away in February, and we miss them already.",
    "A few sheep followed the farmer across the frozen field.",
    "Bob put a big pumpkin on top of the mailbox.",
    "The choir will practise those old hymns on Thursday.",
    "Five very fat frogs have found a quiet pond.",
    "Would you measure the width of that garage for us?",
    "My cousin bakes marvellous apple pies every autumn.",
    "She sells these shiny shells at a shop near the ocean.",
    "Nobody believed the pirate's unlikely story about the island.",
    "The museum opens at half past eight, but the garden is closed.",
    "Two huge trucks rolled slowly through the tunnel.",
    "Maybe Emma would rather spend the weekend in Boston.",
    "Above us, the pilots practised turning over the airfield.",
    "He poured hot cocoa into both mugs and sat down.",
    "I owe you an apology for what happened at the party.",
)
LANGUAGES = ("de+f3", "es+m3", "fr+shelby", "it+quincy")
FOREIGN = {
    "de": "Meine Schwester wohnt mit fünf Hunden über dem kleinen Bäckerladen.",
    "es": "Mi abuela prepara una sopa muy buena para toda la familia.",
    "fr": "Les oiseaux reviennent toujours vers la petite maison au bord du fleuve.",
    "it": "Il nostro vicino suona la chitarra ogni domenica sul balcone.",
}
SHAPES = ("jawOpen", "mouthPucker", "mouthStretchLeft", "mouthPressLeft", "mouthRollLower")
VOWELS = tuple(VISEMES.index(name) for name in "AEIOU")
_CLEAR = 0.75  # share of one vowel in the truth, from which on it is scored
_MOST_LAG = 25  # hops
_BLOCK_S = HOP / RATE
_BEFORE_S = 0.4  # of silence before and after a sentence
_IDLE = PresentedFace(FlameParams.neutral(), 0.0, Phase.IDLE)
Speak = Callable[[], Iterator[Utterance]]


def english(voices: tuple[str, ...], say: Callable[[str, str], Utterance]) -> Speak:
    return lambda: (say(text, voice) for voice in voices for text in SENTENCES)


def foreign() -> Iterator[Utterance]:
    return (espeak().say(FOREIGN[voice[:2]], voice) for voice in LANGUAGES)


def heard(samples: Array) -> tuple[Array, Array]:
    """[H,11] visemes and [H,52] the mouth that a voice alone moves, at the end of each hop's last sample."""
    visemes, levels_db = VisemeRecognizer().hear(samples)
    mixer = VoiceMixer(VoiceTuning())
    mouths = np.zeros((len(visemes), arkit.COUNT), np.float32)
    for at, (row, level_db) in enumerate(zip(visemes, levels_db, strict=True)):
        shown, _ = mixer.mix(_IDLE, Voice(round(at * _BLOCK_S * 1e9), row, float(level_db)))
        mouths[at] = to_weights(shown.params)
    return visemes, mouths


def delayed(track: Array, hops: int) -> Array:
    """The truth so many hops later."""
    return np.concatenate([np.repeat(track[:1], hops, axis=0), track[: len(track) - hops]])


def correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    if one.std() < 1e-6 or other.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def measured(speak: Speak, *, is_noisy: bool) -> dict[str, Any]:
    """The figures of these utterances, each heard from silence on."""
    random = np.random.default_rng(7)
    lags: list[float] = []
    shapes: dict[str, list[float]] = {name: [] for name in SHAPES}
    matrix = np.zeros((len(VOWELS), len(VOWELS)), int)
    closed: list[float] = []
    resting: list[float] = []
    for said in speak():
        padding = round(_BEFORE_S * RATE)
        samples = np.pad(said.samples, padding)
        samples = recorded(samples, random) if is_noisy else samples * (0.1 / max(float(samples.std()), 1e-6))
        visemes, mouths = heard(np.clip(samples, -1.0, 1.0))
        truth = delayed(viseme_track(said.phonemes, len(visemes)), round(padding / HOP))
        wanted = mouth_of(truth)
        jaw = arkit.INDEX["jawOpen"]
        lag = max(range(_MOST_LAG), key=lambda hops: correlation(mouths[:, jaw], delayed(wanted, hops)[:, jaw]))
        lags.append((lag + 0.5) * _BLOCK_S * 1000.0)  # visemes come at the end of a hop, the truth is of its middle
        late, late_mouth = delayed(truth, lag), delayed(wanted, lag)
        for name in SHAPES:
            if late_mouth[:, arkit.INDEX[name]].max() > 0.1:
                shapes[name].append(correlation(mouths[:, arkit.INDEX[name]], late_mouth[:, arkit.INDEX[name]]))
        vowels = late[:, VOWELS]
        for at in np.flatnonzero(vowels.max(axis=1) > _CLEAR):
            true, found = int(vowels[at].argmax()), int(visemes[at, VOWELS].argmax())
            matrix[true, found] += 1
        for name, kept in (("M", closed), ("silence", resting)):
            index = VISEMES.index(name)
            clear = late[:, index] > (0.6 if name == "M" else 0.98)
            kept.extend(mouths[clear, jaw])
    right, wrong = int(np.trace(matrix)), int(matrix.sum() - np.trace(matrix))
    return {
        "sentences": len(lags),
        "vowel_accuracy": round(right / max(right + wrong, 1), 3),
        "by_vowel": {VISEMES[v]: round(float(matrix[i, i] / max(matrix[i].sum(), 1)), 3) for i, v in enumerate(VOWELS)},
        "correlation": {name: round(float(np.mean(values)), 3) for name, values in shapes.items() if values},
        "lag_ms": {"p50": round(float(np.median(lags)), 1), "p95": round(float(np.percentile(lags, 95)), 1)},
        "jaw_when_closed": round(float(np.mean(closed)), 3) if closed else None,
        "jaw_when_silent": round(float(np.mean(resting)), 3),
    }


def cost_ms(seconds: float = 20.0) -> float:
    """Milliseconds of one core for a second of sound that comes in blocks of 10 ms."""
    noise = np.random.default_rng(1).standard_normal(round(seconds * RATE)).astype(np.float32) * 0.05
    recognizer = VisemeRecognizer()
    recognizer.hear(noise[:RATE])
    began_s = time.thread_time()
    for at in range(0, len(noise) - HOP, HOP):
        recognizer.hear(noise[at : at + HOP])
    return (time.thread_time() - began_s) / seconds * 1000.0


def main() -> None:
    chosen = result_parser(__doc__, "voice").parse_args()
    made = origin()

    def by_espeak(text: str, voice: str) -> Utterance:
        return espeak().say(text, voice)

    groups: dict[str, Speak] = {
        "espeak-ng, 7 voices": english(ESPEAK_VOICES, by_espeak),
        "flite, 2 recorded voices": english(FLITE_VOICES, flite),
        "espeak-ng, 4 other languages": foreign,
    }
    rows = []
    for name, speak in groups.items():
        for is_noisy in (False, True):
            rows.append({"speech": name, "is_noisy": is_noisy, **measured(speak, is_noisy=is_noisy)})
            print(rows[-1], flush=True)
    cost = round(cost_ms(), 2)
    print(f"{cost} ms of a core for a second of sound")
    keep({**made, "rows": rows, "cost_ms_per_s": cost}, chosen.save)


if __name__ == "__main__":
    main()
