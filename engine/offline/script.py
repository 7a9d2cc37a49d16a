"""A script: all that a rendering shows, picture by picture, known before the first one is drawn."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from omote.engine.nouns import LIGHT_SIZE, OPEN_BASIS, Array, FlameParams
from omote.engine.storage import atomic_write

FACE_SIZE = 67  # numbers of a FlameParams in a row
_ARRAYS = ("faces", "lights", "presence", "shares")


class RenderError(ValueError):
    """It cannot be rendered, or not be written; the message says what was found and the cure."""


@dataclass(frozen=True)
class Sound:
    """What is heard while the pictures are shown."""

    file: Path  # anything that has sound in it
    start_s: float = 0.0  # of the file's own seconds, at which the first picture is shown; below 0 the sound waits


@dataclass(frozen=True, eq=False)
class Script:
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
    def load(cls, path: Path) -> Script:
        """What `save` wrote; RenderError where that is not in the file."""
        try:
            with np.load(path, allow_pickle=False) as file:
                words = json.loads(str(file["words"]))
                arrays = {name: file[name] for name in _ARRAYS}
            sound = words["sound"] and Sound(Path(words["sound"][0]), float(words["sound"][1]))
            return cls(Fraction(words["fps"]), cast=tuple(words["cast"]), basis=words["basis"], sound=sound, **arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise RenderError(f"{path} cannot be read ({error}): render again with --overwrite") from error


def of_one(fps: Fraction, faces: Array, light: Array, character: str, presence: Array | None = None) -> Script:
    """One character in one light [27]."""
    count = len(faces)
    ones = np.ones((count, 1), np.float32)
    lights = np.repeat(np.asarray(light, np.float32)[None], count, 0)
    return Script(fps, faces, lights, ones[:, 0] if presence is None else presence, (character,), ones)
