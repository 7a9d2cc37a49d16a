"""Trains the network that hears visemes in a voice: `python -m omote.engine.training.visemes --help`."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from ..capture.voice import BANDS, DELAY_S, HOP, RATE, STACKED, WEIGHTS_FILE, MelBands, VisemeNetwork
from ..data import Array
from ..face.lipsync import VISEMES
from .speech import Random, Utterance, espeak, flite, recorded, viseme_track, with_other_throat

_SEED = 20_261_124
_DENSE, _STATE = 64, 96
_FRAMES = 240  # hops of a training sequence
_BATCH = 32

# Voices of espeak-ng that train; benchmarks/voice.py listens to others. Those that whisper, croak or are robots count.
VARIANTS = (
    *("m1", "m2", "m4", "m5", "m6", "m8", "f1", "f2", "f4", "f5", "Alex", "Alicia", "Andy", "Annie", "Denis", "Diogo"),
    *(
        "Gene",
        "Henrique",
        "Hugo",
        "Jacky",
        "Lee",
        "Marco",
        "Mario",
        "Michael",
        "Nguyen",
        "RicishayMax",
        "adam",
        "anika",
    ),
    *("antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "croak", "david", "ed", "edward", "grandma"),
    *("gustave", "iven", "iven3", "john", "kaukovalta", "klatt", "klatt2", "klatt4", "klatt5", "linda", "marcelo"),
    *("max", "michel", "miguel", "norbert", "pablo", "pedro", "rob", "robert", "steph", "steph3", "travis", "whisper"),
    *("UniRobot", "zac"),
)
LANGUAGES = ("en-us", "en-us", "en-us", "en", "en", "de", "es", "it", "fr", "pt-br", "pl", "nl", "sv", "fi")
RECORDED_VOICES = ("awb", "kal16")  # of flite
_ONSETS = (
    *("b", "p", "m", "f", "v", "s", "z", "sh", "ch", "j", "t", "d", "n", "l", "r", "k", "g", "h", "w", "y", "th", ""),
    *("br", "pl", "fl", "st", "sp", "tr", "kr", "gl", "sw", "sm", "m", "p", "b", "f", "v", "s", "sh", "w"),
)
_VOWELS = ("a", "e", "i", "o", "u", "ah", "ee", "oo", "oh", "ay", "ai", "ou", "oi", "er", "ar", "or", "ea", "au")
_CODAS = ("", "", "", "n", "m", "s", "t", "k", "p", "l", "r", "f", "sh", "nd", "st", "mp", "b", "v", "z")
_COMMON_WORDS = (
    "I you we they he she it the a this that my your our and but so then when if because not never always today "
    "tomorrow morning evening night game stream chat people friend mother father child water fire stone river "
    "mountain house street window door table music song voice mouth face camera picture light colour red blue green "
    "yellow white black big small long short happy sad angry funny strange beautiful quick slow hot cold new old "
    "good bad best better more less many few one two three four five six seven eight nine ten play jump run walk "
    "talk sing laugh smile cry think know see hear feel make take give bring buy sell open close start stop move "
    "wait watch look find lose win beat fight push pull choose love hate want need hope wish believe remember forget "
    "really very maybe perhaps probably thanks welcome sorry please hello goodbye okay wow whoa oh amazing video "
    "computer keyboard microphone program button level boss enemy magic sword shield power health potion bubble "
    "purple paper pepper people baby bumper moment summer member favourite visual fever over every shoe shadow fish "
    "wash measure pleasure treasure church change judge join usual zoo zebra lazy busy easy south north mouth teeth "
    "breath father brother weather future nature cute view few beauty move smooth cool moon food blue true school "
    "all call small tall law saw door floor four more boy toy noise point out house now down town cow how"
)


def training_text(random: Random) -> str:
    """A sentence of common words, of invented ones, or of both; in any language it is read as it is spelt."""
    share = random.choice([0.0, 0.5, 1.0])

    def word() -> str:
        if random.random() >= share:
            return str(random.choice(_COMMON_WORDS.split()))
        syllables = random.integers(1, 4)
        return "".join(random.choice(part) for _ in range(syllables) for part in (_ONSETS, _VOWELS, _CODAS))

    words = [word() for _ in range(random.integers(3, 12))]
    for at in range(2, len(words), 4):
        if random.random() < 0.4:
            words[at] += ","
    return " ".join(words) + str(random.choice([".", "?", "!"]))


def training_utterance(random: Random) -> Utterance:
    """A sentence in one of the voices that train."""
    text = training_text(random)
    if random.random() < 0.22:
        said = flite(text, str(random.choice(RECORDED_VOICES)))
        return with_other_throat(said, random.uniform(0.85, 1.3))
    voice = f"{random.choice(LANGUAGES)}+{random.choice(VARIANTS)}"
    speed, pitch, range = (int(random.integers(*ends)) for ends in ((110, 260), (15, 85), (20, 90)))
    said = espeak().say(text, voice, speed, pitch, range)
    return with_other_throat(said, random.uniform(0.9, 1.15)) if random.random() < 0.5 else said


def training_tracks(count: int, random: Random) -> Iterator[tuple[Array, Array]]:
    """[H,40] bands and [H,11] visemes of each utterance, `DELAY_S` late, with silence around it."""
    babble: Array | None = None
    for _ in range(count):
        said = training_utterance(random)
        if len(said.samples) < RATE // 2:
            continue
        before, after = (int(random.uniform(0.0, 0.8) * RATE) for _ in range(2))
        samples = np.pad(said.samples, (before, after))
        bands, _ = MelBands().hear(recorded(samples, random, babble))
        babble = samples if babble is None or random.random() < 0.5 else babble
        # A row of bands ends a whole hop after its number, and a row of visemes is of the middle of its hop.
        yield bands, shifted(viseme_track(said.phonemes, len(bands)), (before + DELAY_S * RATE) / HOP - 0.5)


def shifted(track: Array, hops: float) -> Array:
    """The track so many hops later, in silence before."""
    silent = np.eye(1, track.shape[1], dtype=np.float32)[0]
    at = np.arange(len(track)) - hops
    low = np.floor(at).astype(int)
    share = (at - low)[:, None]

    def row(index: NDArray[np.integer]) -> Array:
        known = track[np.clip(index, 0, len(track) - 1)]
        return np.asarray(np.where((index < 0)[:, None], silent, known), np.float32)

    return np.asarray((1.0 - share) * row(low) + share * row(low + 1), np.float32)


def stacked(bands: Array) -> Array:
    """[H,120] the newest spectra at each hop, as the recognizer stacks normalized ones."""
    padded = np.pad(bands, ((STACKED - 1, 0), (0, 0)))
    return np.concatenate([padded[at : at + len(bands)] for at in range(STACKED)], axis=1)


def train(count: int, steps: int, out: Path) -> None:
    """Trains on so many utterances and writes the weights."""
    import torch
    from torch import nn

    random = np.random.default_rng(_SEED)
    torch.manual_seed(_SEED)
    tracks = list(training_tracks(count, random))
    print(f"{len(tracks)} utterances, {sum(len(bands) for bands, _ in tracks) * HOP / RATE / 60.0:.0f} minutes")
    every = np.concatenate([bands for bands, _ in tracks])
    mean, spread = every.mean(axis=0), np.full(BANDS, every.std(), np.float32)
    inputs = np.concatenate([stacked((bands - mean) / spread).astype(np.float16) for bands, _ in tracks])
    targets = np.concatenate([visemes.astype(np.float16) for _, visemes in tracks])

    dense, unit = nn.Linear(STACKED * BANDS, _DENSE), nn.GRU(_DENSE, _STATE, batch_first=True)
    head = nn.Linear(_STATE, len(VISEMES))
    parameters = [*dense.parameters(), *unit.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    total = 0.0
    for step in range(1, steps + 1):
        starts = random.integers(0, len(inputs) - _FRAMES, _BATCH)
        rows = starts[:, None] + np.arange(_FRAMES)
        heard = torch.from_numpy(inputs[rows].astype(np.float32))
        wanted = torch.from_numpy(targets[rows].astype(np.float32))
        scores = head(unit(nn.functional.dropout(torch.relu(dense(heard)), 0.1))[0])[:, 20:]
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), wanted[:, 20:].flatten(0, 1))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % 100 == 0:
            print(f"step {step}: {total / 100:.4f}", flush=True)
            total = 0.0
            if step % 500 == 0:
                _save(out, mean, spread, dense, unit, head)
    _save(out, mean, spread, dense, unit, head)
    print(f"{out}: SHA-256 {hashlib.sha256(out.read_bytes()).hexdigest()}")


def _save(out: Path, mean: Array, spread: Array, dense: object, unit: object, head: object) -> None:
    arrays = [mean, spread]
    arrays += [getattr(dense, name) for name in ("weight", "bias")]
    arrays += [getattr(unit, name) for name in ("weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0")]
    arrays += [getattr(head, name) for name in ("weight", "bias")]
    plain = [array if isinstance(array, np.ndarray) else array.detach().numpy() for array in arrays]
    names = [field.name for field in fields(VisemeNetwork)]
    save_file({name: array.astype(np.float16) for name, array in zip(names, plain, strict=True)}, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=1800, help="sentences to train on; 1800 are two hours")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--out", type=Path, default=WEIGHTS_FILE)
    typed = parser.parse_args()
    train(typed.utterances, typed.steps, typed.out)


if __name__ == "__main__":
    main()
