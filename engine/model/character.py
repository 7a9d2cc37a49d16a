"""Who is shown: the shape of a head and up to eight reference pictures, in one file."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from omote.engine.face.anime_head import anime_head
from omote.engine.face.head import OpenHead, open_head
from omote.engine.nouns import LIGHT_SIZE, FlameParams
from omote.engine.sealed import CharacterError, Sealed, damaged, seal, unsealed

Array = NDArray[np.float32]
Rgba = NDArray[np.uint8]
HeadName = Literal["open", "anime"]
Kind = Literal["photo", "rendered", "painted"]
Row = TypeVar("Row")
Made = TypeVar("Made")

SHAPE_SIZE = 100
MOST_REFERENCES = 8
SIDES = (256, 1024)  # pixels on a side of a reference, at least and at most
MOST_BYTES = 4 << 20
FORMAT = "omote character 3"
_WORDS = {"name": 64, "licence": 200, "made_from": 1000, "consent": 1000}  # and the most characters in each
_FACE_SIZE = 67
_QUALITY = (95, 90, 80, 65, 50)  # of WebP, tried until the file is small enough


@dataclass(frozen=True, eq=False)
class Reference:
    """One picture of a character, as our camera shows the head, cut out."""

    rgba: Rgba  # [S,S,4] sRGB with straight alpha, S from 256 to 1024
    params: FlameParams  # the face that it shows, in the basis "open"
    light: Array  # [27] harmonics of the light in it
    kind: Kind  # a photo, a rendered picture, or one that the model painted

    def __post_init__(self) -> None:
        side = len(self.rgba)
        if self.rgba.dtype != np.uint8 or self.rgba.shape != (side, side, 4) or not SIDES[0] <= side <= SIDES[1]:
            raise ValueError(
                f"a reference must be [S,S,4] bytes, S from {SIDES[0]} to {SIDES[1]}, got {self.rgba.shape}"
            )
        if self.light.shape != (LIGHT_SIZE,) or not np.isfinite(self.light).all():
            raise ValueError(f"a reference's light must be [{LIGHT_SIZE}] finite numbers, got {self.light.shape}")
        if self.kind not in get_args(Kind):
            raise ValueError(f"a reference is one of {', '.join(get_args(Kind))}, got {self.kind!r}")


@dataclass(frozen=True, eq=False)
class Character:
    """Who is shown. The first reference is the one that the others add to; at rest, from the front, if there is one."""

    name: str
    head: HeadName  # of a person, or of a drawn character
    shape: Array  # [100] in the head's shape basis, standard deviations
    references: tuple[Reference, ...]  # 1 to 8
    licence: str
    made_from: str
    consent: str = ""  # what the maker declared about the person in a photo

    def __post_init__(self) -> None:
        if not 1 <= len(self.references) <= MOST_REFERENCES:
            raise ValueError(f"a character has 1 to {MOST_REFERENCES} references, got {len(self.references)}")
        if self.head not in get_args(HeadName):
            raise ValueError(f"a head is one of {', '.join(get_args(HeadName))}, got {self.head!r}")
        if self.shape.shape != (SHAPE_SIZE,) or not np.isfinite(self.shape).all():
            raise ValueError(f"a shape must be [{SHAPE_SIZE}] finite numbers, got {self.shape.shape}")
        for word, most in _WORDS.items():
            text = getattr(self, word)
            if len(text) > most or any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text):
                raise ValueError(f"{word} must be at most {most} printable characters, got {text[:80]!r}")

    def posed_by(self) -> OpenHead:
        """The head that this character has."""
        return anime_head() if self.head == "anime" else open_head()


def save(character: Character, path: Path) -> None:
    """Writes all of it or nothing; CharacterError if it does not fit into 4 MB or the place cannot be written to."""
    references = character.references
    for quality in _QUALITY:
        pictures = _each(partial(_encoded, quality=quality), (one.rgba for one in references))
        if sum(map(len, pictures)) < MOST_BYTES - (64 << 10):
            break
    else:
        raise CharacterError(f'the references of "{character.name}" do not fit into {MOST_BYTES >> 20} MB: use fewer')
    words = {word: getattr(character, word) for word in _WORDS}
    words |= {"format": FORMAT, "head": character.head, "kinds": ",".join(one.kind for one in references)}
    arrays: dict[str, NDArray[np.generic]] = {
        "shape": character.shape,
        "params": np.stack([one.params.vector() for one in references]).astype(np.float32),
        "light": np.stack([one.light for one in references]).astype(np.float32),
    }
    for k, picture in enumerate(pictures):
        arrays[f"picture.{k}"] = np.frombuffer(picture, np.uint8)
    seal(path, Sealed(words, arrays))


def load(path: Path) -> Character:
    """The character in this file; CharacterError says what is wrong with it, and what to do."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise CharacterError(f"cannot read {path} ({error.strerror}): give the path of a character file") from error
    if size > MOST_BYTES:
        raise CharacterError(
            f"{path} has {size >> 20} MB, a character has at most {MOST_BYTES >> 20} MB: choose another"
        )
    sealed = unsealed(path)
    words, arrays = {key: str(value) for key, value in sealed.words.items()}, sealed.arrays
    if words.get("format") != FORMAT:
        raise CharacterError(
            f'{path} is in the format "{words.get("format", "")[:40]}", this Omote reads "{FORMAT}": make it again'
        )
    kinds = words.get("kinds", "").split(",")
    wanted = {"shape": (SHAPE_SIZE,), "params": (len(kinds), _FACE_SIZE), "light": (len(kinds), LIGHT_SIZE)}
    for name, shape in wanted.items():
        if name not in arrays or arrays[name].shape != shape or arrays[name].dtype != np.float32:
            raise damaged(path, f'no "{name}" of {list(shape)} in it')
        if not np.isfinite(arrays[name]).all():
            raise damaged(path, f'"{name}" holds numbers that are not finite')
    names = [f"picture.{k}" for k in range(len(kinds))]
    if missing := [name for name in names if name not in arrays or arrays[name].dtype != np.uint8]:
        raise damaged(path, f'no "{missing[0]}" in it')
    try:
        pictures = _each(lambda name: _decoded(arrays[name].tobytes()), names)
        rows = zip(pictures, arrays["params"], arrays["light"], kinds, strict=True)
        return Character(
            head=words.get("head", ""),  # type: ignore[arg-type]  # checked by the class
            shape=arrays["shape"],
            references=tuple(
                Reference(rgba, FlameParams.from_vector(params), light, kind)  # type: ignore[arg-type]
                for rgba, params, light, kind in rows
            ),
            **{word: words.get(word, "") for word in _WORDS},
        )
    except (ValueError, OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise damaged(path, str(error)) from error


def _each(made: Callable[[Row], Made], rows: Iterable[Row]) -> list[Made]:
    """Made in threads, for WebP takes its time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(made, rows))


def _encoded(rgba: Rgba, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "WEBP", quality=quality, alpha_quality=100, method=2)
    return file.getvalue()


def _decoded(data: bytes) -> Rgba:
    with Image.open(io.BytesIO(data), formats=["WEBP"]) as picture:
        if max(picture.size) > SIDES[1]:
            raise ValueError(f"a reference of {picture.width} x {picture.height} pixels")
        return np.asarray(picture.convert("RGBA"))
