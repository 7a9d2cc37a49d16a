"""An animation: every frame of a rendering, its frame rate, and the chunks that are drawn independently."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from omote.bridge.errors import OmoteError

from ..data import LIGHT_SIZE, OPEN_BASIS, Array, FlameParams
from ..storage import atomic_write

FACE_SIZE = 67  # numbers of a FlameParams in a row
_ARRAYS = ("faces", "lights", "presence", "shares")


class RenderError(OmoteError, ValueError):
    """It cannot be rendered, or not be written; the message says what was found and the cure."""


@dataclass(frozen=True)
class Sound:
    """What is heard while the pictures are shown."""

    file: Path  # anything that has sound in it
    start_s: float = 0.0  # of the file's own seconds, at which the first picture is shown; below 0 the sound waits


@dataclass(frozen=True, eq=False)
class Animation:
    """So many faces [n,67], as `FlameParams.vector` has them, in their light, and who bears them; RenderError if none.

    A picture shows a mixture of the cast: each row of `shares` sums to 1.
    """

    fps: Fraction  # pictures a second
    faces: Array  # [n,67]
    lights: Array  # [n,27]
    presence: Array  # [n] 1 a performer's face, 0 idle
    cast: tuple[str, ...]  # as `load_any` takes them
    shares: Array  # [n,c] of each of the cast, 0 to 1
    basis: str = OPEN_BASIS
    sound: Sound | None = None

    def __post_init__(self) -> None:
        count = len(self.faces)
        if not count:
            raise RenderError("there is nothing to render: wanted a performance or a timeline of one picture at least")
        if not self.fps > 0:
            raise RenderError(f"pictures come at a rate above 0, got {self.fps}")
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
        """When this picture is shown, since the first."""
        return float(index / self.fps)

    @property
    def seconds(self) -> float:
        """How long all of it lasts."""
        return float(len(self) / self.fps)

    def digest(self) -> str:
        """The same for scripts that show the same, whatever is heard."""
        found = hashlib.sha256(json.dumps([str(self.fps), self.cast, self.basis]).encode())
        for name in _ARRAYS:
            found.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return found.hexdigest()

    def save(self, path: Path) -> None:
        """Writes it, all of it or nothing; OSError where that fails."""
        sound = self.sound and [str(self.sound.file), self.sound.start_s]
        words = {"fps": str(self.fps), "cast": self.cast, "basis": self.basis, "sound": sound}
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        with atomic_write(path) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, words=np.array(json.dumps(words)), **arrays)

    @classmethod
    def load(cls, path: Path) -> Animation:
        """What `save` wrote; RenderError where that is not in the file."""
        try:
            with np.load(path, allow_pickle=False) as file:
                words = json.loads(str(file["words"]))
                arrays = {name: file[name] for name in _ARRAYS}
            sound = words["sound"] and Sound(Path(words["sound"][0]), float(words["sound"][1]))
            return cls(Fraction(words["fps"]), cast=tuple(words["cast"]), basis=words["basis"], sound=sound, **arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise RenderError(f"{path} cannot be read ({error}): render again with --overwrite") from error


def single_character_animation(
    fps: Fraction, faces: Array, light: Array, character: str, presence: Array | None = None
) -> Animation:
    """One character in one light [27]."""
    count = len(faces)
    ones = np.ones((count, 1), np.float32)
    lights = np.repeat(np.asarray(light, np.float32)[None], count, 0)
    return Animation(fps, faces, lights, ones[:, 0] if presence is None else presence, (character,), ones)


CHUNK = 48  # pictures: what is lost with a worker
REACH = 2  # pictures on either side that a chunk knows of, to be drawn with and dropped
ANCHORS = 4  # faces of the whole script that every chunk knows of

_HEAD, _PLACE = slice(53, 62), slice(64, 67)  # neck and eyes, and where the head stands: no expression
_ALIKE = 1e-3  # nearer than that to another, a face stands for nothing


@dataclass(frozen=True, eq=False)
class Neighbours:
    """What is shown just before a chunk, or just after."""

    faces: Array  # [k,67]
    lights: Array  # [k,27]
    shares: Array  # [k,c]
    sways: Array | None = None  # [k,c,JOINTS,CHAINS,3] of the hair of each of the cast; None where none swings


def _no_faces() -> Array:
    return np.zeros((0, FACE_SIZE), np.float32)


def _no_neighbours() -> Neighbours:
    return Neighbours(_no_faces(), np.zeros((0, LIGHT_SIZE), np.float32), np.zeros((0, 1), np.float32))


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive pictures of a script, and as much of the others as they are drawn with."""

    number: int
    first: int  # index of its first picture
    faces: Array  # [m,67]
    lights: Array  # [m,27]
    shares: Array  # [m,c]
    basis: str
    sways: Array | None = None  # [m,c,JOINTS,CHAINS,3] as `Beside`
    before: Neighbours = field(default_factory=_no_neighbours)
    after: Neighbours = field(default_factory=_no_neighbours)
    anchors: Array = field(default_factory=_no_faces)  # [a,67]

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def indices(self) -> range:
        """Of its pictures."""
        return range(self.first, self.first + len(self))


def split_chunks(script: Animation, length: int = CHUNK, sways: Array | None = None) -> Iterator[Chunk]:
    """All of it, cut where it is always cut; `sways` [n,c,JOINTS,CHAINS,3] of the hair goes with it."""
    anchors = anchor_faces(script.faces)

    def beside(first: int, end: int) -> Neighbours:
        part = slice(max(first, 0), end)
        return Neighbours(script.faces[part], script.lights[part], script.shares[part], _slice_sways(sways, part))

    for number, first in enumerate(range(0, len(script), length)):
        end = min(first + length, len(script))
        part = slice(first, end)
        yield Chunk(
            number,
            first,
            script.faces[part],
            script.lights[part],
            script.shares[part],
            script.basis,
            _slice_sways(sways, part),
            beside(first - REACH, first),
            beside(end, end + REACH),
            anchors,
        )


def _slice_sways(sways: Array | None, part: slice) -> Array | None:
    return None if sways is None else sways[part]


def anchor_faces(faces: Array, count: int = ANCHORS) -> Array:
    """[a,67] the faces that stand for all [n,67], at most so many: the one nearest the mean, then each the farthest
    from those before it.

    Heads look ahead in all of them, and of faces that differ in nothing else one is taken.
    """
    ahead = faces.copy()
    ahead[:, _HEAD] = ahead[:, _PLACE] = 0.0
    chosen = [int(np.linalg.norm(ahead - ahead.mean(0), axis=1).argmin())]
    apart = np.linalg.norm(ahead - ahead[chosen[0]], axis=1)
    while len(chosen) < count and apart.max() > _ALIKE:
        chosen.append(int(apart.argmax()))
        apart = np.minimum(apart, np.linalg.norm(ahead - ahead[chosen[-1]], axis=1))
    return np.ascontiguousarray(ahead[chosen])


MIN_FPS, MAX_FPS = 1, 240
# Television's rates are a thousandth slower than they are called: 29.97 is 30000/1001.
_NTSC = tuple(Fraction(whole * 1000, 1001) for whole in (24, 30, 48, 60, 120, 240))


def parse_fps(word: str) -> Fraction:
    """`"30"`, `"29.97"` and `"30000/1001"` as fractions; RenderError where that is no rate from 1 to 240."""
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
