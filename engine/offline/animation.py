"""An animation: every frame of a rendering, its frame rate, and the chunks that are drawn independently."""

from __future__ import annotations

import difflib
import hashlib
import json
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omote.bridge.errors import OmoteError

from ..data import LIGHT_SIZE, OPEN_BASIS, Array, FlameParams
from ..storage import atomic_write

MIN_FPS, MAX_FPS = 1, 240
CHUNK = 48  # pictures of a chunk: what is lost with a worker
REACH = 2  # pictures before and after a chunk that are drawn with it and dropped
FACE_SIZE = 67  # numbers of a FlameParams in a row

_ARRAYS = ("faces", "lights", "presence", "shares")
_ANCHORS = 4  # faces of the whole animation that every chunk holds
_HEAD, _PLACE = slice(53, 62), slice(64, 67)  # columns of neck and eyes, and of the translation: not the expression
_MIN_ANCHOR_DISTANCE = 1e-3  # a face that is nearer to an anchor does not become another
# Rates of television are lower by a thousandth than their names: 29.97 is 30000/1001.
_NTSC = tuple(Fraction(whole * 1000, 1001) for whole in (24, 30, 48, 60, 120, 240))

Float64Array = NDArray[np.float64]


class RenderError(OmoteError, ValueError):
    """A rendering cannot be drawn or written; the message says what was found and names the cure."""


def did_you_mean(word: str, known: Collection[str], cutoff: float = 0.6) -> str:
    """` (did you mean "smile"?)` for a message, or "" if no known name is similar."""
    found = difflib.get_close_matches(word, known, 1, cutoff)
    return f' (did you mean "{found[0]}"?)' if found else ""


@dataclass(frozen=True)
class Sound:
    """The sound of an animation."""

    file: Path  # anything with an audio stream
    start_s: float = 0.0  # time in the file at which the first picture is shown; below 0 the sound begins later


@dataclass(frozen=True, eq=False)
class Animation:
    """The faces, lights and characters of n pictures; RenderError if n is 0.

    A picture may show a mixture of the characters: each row of `shares` sums to 1.
    """

    fps: Fraction
    faces: Array  # [n,67] as `FlameParams.vector` returns them
    lights: Array  # [n,27]
    presence: Array  # [n] 1 for the face of a performer, 0 for idle motion
    cast: tuple[str, ...]  # names of the characters, as `load_any_character` takes them
    shares: Array  # [n,c] share of each character, 0 to 1
    basis: str = OPEN_BASIS
    sound: Sound | None = None

    def __post_init__(self) -> None:
        count = len(self.faces)
        if not count:
            raise RenderError("there is nothing to render: wanted a performance or a timeline of one picture at least")
        if not self.fps > 0:
            raise RenderError(f"the frame rate must be above 0, got {self.fps}")
        wanted = ((count, FACE_SIZE), (count, LIGHT_SIZE), (count,), (count, len(self.cast)))
        for name, shape in zip(_ARRAYS, wanted, strict=True):
            array: Array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite float32 {list(shape)}, got {array.dtype} {list(array.shape)}")

    def __len__(self) -> int:
        return len(self.faces)

    def params(self, index: int) -> FlameParams:
        """The face of this picture."""
        return FlameParams.from_vector(self.faces[index], self.basis)

    def time_s(self, index: int) -> float:
        """The time of this picture; the first is at 0."""
        return float(index / self.fps)

    def digest(self) -> str:
        """A SHA-256 over everything that is shown, but not over the sound."""
        found = hashlib.sha256(json.dumps([str(self.fps), self.cast, self.basis]).encode())
        for name in _ARRAYS:
            found.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return found.hexdigest()

    def save(self, path: Path) -> None:
        """Writes it atomically as .npz; OSError if that fails."""
        sound = self.sound and [str(self.sound.file), self.sound.start_s]
        words = {"fps": str(self.fps), "cast": self.cast, "basis": self.basis, "sound": sound}
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        with atomic_write(path) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, words=np.array(json.dumps(words)), **arrays)

    @classmethod
    def load(cls, path: Path) -> Animation:
        """Reads what `save` wrote; RenderError if the file is missing or damaged."""
        try:
            with np.load(path, allow_pickle=False) as file:
                words = json.loads(str(file["words"]))
                arrays = {name: file[name] for name in _ARRAYS}
            sound = words["sound"] and Sound(Path(words["sound"][0]), float(words["sound"][1]))
            return cls(Fraction(words["fps"]), cast=tuple(words["cast"]), basis=words["basis"], sound=sound, **arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, RecursionError, zipfile.BadZipFile) as error:
            raise RenderError(f"{path} cannot be read ({error}): render again with --overwrite") from error


def single_character_animation(
    fps: Fraction, faces: Array, light: Array, character: str, presence: Array | None = None
) -> Animation:
    """An animation of faces [n,67] that shows one character in one light [27]."""
    count = len(faces)
    ones = np.ones((count, 1), np.float32)
    lights = np.repeat(np.asarray(light, np.float32)[None], count, 0)
    return Animation(fps, faces, lights, ones[:, 0] if presence is None else presence, (character,), ones)


def parse_fps(word: str) -> Fraction:
    """`"30"`, `"29.97"` or `"30000/1001"` as a fraction; RenderError if it is not a rate from 1 to 240."""
    wanted = f"wanted pictures a second from {MIN_FPS} to {MAX_FPS}, as 30, 29.97 or 30000/1001"
    try:
        rate = Fraction(word.strip())
    except (ValueError, ZeroDivisionError) as error:
        raise RenderError(f"'{word}' is no rate: {wanted}") from error
    if "/" not in word:
        decimals = len(word.strip().partition(".")[2])
        rate = next((known for known in _NTSC if decimals >= 2 and round(known, decimals) == rate), rate)
    if not MIN_FPS <= rate <= MAX_FPS:
        raise RenderError(f"'{word}' is out of range: {wanted}")
    return rate


# Chunks.


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The pictures just before or just after a chunk."""

    faces: Array  # [k,67]
    lights: Array  # [k,27]
    shares: Array  # [k,c]
    sways: Array | None  # [k,c,JOINTS,CHAINS,3] swing of each character's hair; None without it


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive pictures of an animation, with everything of the others that drawing them needs."""

    first: int  # index of its first picture
    faces: Array  # [m,67]
    lights: Array  # [m,27]
    shares: Array  # [m,c]
    basis: str
    sways: Array | None  # [m,c,JOINTS,CHAINS,3] as in `Neighbours`
    before: Neighbours
    after: Neighbours
    anchors: Array  # [a,67] faces that represent the whole animation

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def indices(self) -> range:
        """The indices of its pictures."""
        return range(self.first, self.first + len(self))


def split_chunks(animation: Animation, length: int = CHUNK, sways: Array | None = None) -> Iterator[Chunk]:
    """The whole animation, cut at fixed places; `sways` [n,c,JOINTS,CHAINS,3] of the hair is cut with it."""
    anchors = anchor_faces(animation.faces)

    def pictures(first: int, end: int) -> Neighbours:
        part = slice(max(first, 0), end)
        cut_sways = None if sways is None else sways[part]
        return Neighbours(animation.faces[part], animation.lights[part], animation.shares[part], cut_sways)

    for first in range(0, len(animation), length):
        end = min(first + length, len(animation))
        own, before, after = pictures(first, end), pictures(first - REACH, first), pictures(end, end + REACH)
        yield Chunk(first, own.faces, own.lights, own.shares, animation.basis, own.sways, before, after, anchors)


def anchor_faces(faces: Array) -> Array:
    """[a,67] at most four faces that represent all [n,67]: the one nearest to the mean, then each time the one
    farthest from those already chosen.

    Anchors look ahead, and faces that differ only in the turn of the head or the gaze count as one.
    """
    ahead = faces.copy()
    ahead[:, _HEAD] = ahead[:, _PLACE] = 0.0
    chosen = [int(np.linalg.norm(ahead - ahead.mean(0), axis=1).argmin())]
    distance = np.linalg.norm(ahead - ahead[chosen[0]], axis=1)
    while len(chosen) < _ANCHORS and distance.max() > _MIN_ANCHOR_DISTANCE:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(ahead - ahead[chosen[-1]], axis=1))
    return np.ascontiguousarray(ahead[chosen])
