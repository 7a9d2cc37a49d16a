"""Files of photoreal characters, which also record what each was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import BankRows, PhotorealCharacter, SourceFile
from ..face.flame_vectors import VECTOR_SIZE
from ..tensor_file import (
    Arrays,
    CharacterError,
    TensorFile,
    damaged_file_error,
    read_tensor_file,
    write_tensor_file,
)
from .sampling import FEW_STEPS

FORMAT = "omote photoreal 2"
TOKENS, POINTS = 77, 478
_WORDS = {
    **dict.fromkeys(("name", "sampler", "model", "licence", "made_from"), str),
    "is_neutral_measured": bool,
    "reference_scale": float,
}
_ROWS: dict[str, type[np.generic]] = {"keys": np.float16, "values": np.float16, "bias": np.float32}
_ARRAYS: dict[str, tuple[type[np.generic], tuple[int | None, ...]]] = {  # None: any length above 0
    "tokens": (np.float32, (TOKENS, None)),
    "empty": (np.float32, (TOKENS, None)),
    "noise": (np.float32, (4, None, None)),
    "neutral": (np.float32, (VECTOR_SIZE,)),
    "reference": (np.uint8, (None, None, 3)),
    "points": (np.float32, (POINTS, 2)),
}


def save(character: PhotorealCharacter, path: Path) -> None:
    """Writes a character atomically; CharacterError if its parts do not fit together."""
    check(character, character.name)
    arrays = _arrays(character)
    words = {word: getattr(character, word) for word in _WORDS} | {"parts": [asdict(part) for part in character.parts]}
    words["format"] = FORMAT
    write_tensor_file(path, TensorFile({**words, "digest": _digest(TensorFile(words, arrays))}, arrays))


def read(path: Path) -> PhotorealCharacter:
    """Reads a character; CharacterError if the file is damaged."""
    return load(read_tensor_file(path), path)


def load(sealed: TensorFile, path: Path) -> PhotorealCharacter:
    """The character in an opened file; CharacterError if the file, at `path`, is damaged."""
    words = dict(sealed.words)
    if words.get("format") != FORMAT:
        raise CharacterError(f'{path} is in the format "{words.get("format")}", this version reads "{FORMAT}"')
    if words.pop("digest", None) != _digest(TensorFile(words, sealed.arrays)):
        raise damaged_file_error(path, "its contents have changed")
    for word, kind in _WORDS.items():
        if type(words.get(word)) is not kind:
            raise damaged_file_error(path, f'its "{word}" must be a {kind.__name__}, got {words.get(word)!r}')
    if missing := [name for name in _ARRAYS if name not in sealed.arrays]:
        raise damaged_file_error(path, f'it holds no "{missing[0]}"')
    found = {name: words[name] for name in _WORDS} | {name: sealed.arrays[name] for name in _ARRAYS}
    bank = BankRows(**{name: tuple(_numbered(sealed.arrays, name)) for name in _ROWS})  # type: ignore[arg-type]
    parts = tuple(_parts(words.get("parts"), path))
    character = PhotorealCharacter(**found, bank=bank, parts=parts)  # type: ignore[arg-type]  # `check` looks at each
    check(character, str(path))
    return character


def check(character: PhotorealCharacter, where: str) -> None:
    """CharacterError, which begins with `where`, unless the parts of this character fit together."""
    if problem := next(_problems(character), None):
        raise CharacterError(f"{where} cannot be drawn as a photoreal character: {problem}")


def _problems(character: PhotorealCharacter) -> Iterator[str]:
    for name, (kind, shape) in _ARRAYS.items():
        yield from _misfit(name, getattr(character, name), kind, shape)
    side = character.noise.shape[-1]
    yield from _misfit("noise", character.noise, np.float32, (4, side, side))
    yield from _misfit("reference", character.reference, np.uint8, (8 * side, 8 * side, 3))
    if not character.neutral.any():
        yield "its neutral is all zeros, which mean no expression to the adapter"
    if character.sampler not in FEW_STEPS:
        yield f'its sampler is "{character.sampler}", expected {", ".join(FEW_STEPS)}'
    if not 0.0 <= character.reference_scale <= 1.0:
        yield f"its reference scale must be from 0 to 1, got {character.reference_scale}"
    if bool(character.bank) != (character.reference_scale > 0.0):
        yield f"its reference scale is {character.reference_scale}, and it has {'a' if character.bank else 'no'} bank"
    yield from _bank_problems(character.bank)


def _bank_problems(bank: BankRows) -> Iterator[str]:
    counts = (len(bank.keys), len(bank.values), len(bank.bias) or len(bank.keys))
    if len(set(counts)) != 1:
        yield f"its bank has {counts[0]} blocks of keys, {counts[1]} of values and {counts[2]} of biases"
        return
    for number, (keys, values) in enumerate(zip(bank.keys, bank.values, strict=True)):
        yield from _misfit(f"keys_{number:02d}", keys, np.float16, (None, None))
        yield from _misfit(f"values_{number:02d}", values, np.float16, keys.shape)
    for number, (keys, bias) in enumerate(zip(bank.keys, bank.bias, strict=False)):
        lifted = np.where(np.isneginf(bias), np.float32(0.0), bias)  # minus infinity takes a row out
        yield from _misfit(f"bias_{number:02d}", lifted.astype(bias.dtype), np.float32, keys.shape[:1])


def _misfit(
    name: str, array: NDArray[np.generic], kind: type[np.generic], expected: tuple[int | None, ...]
) -> Iterator[str]:
    """The problem of one array, if any."""
    is_fit = array.ndim == len(expected) and all(
        n == (w or n) and n > 0 for n, w in zip(array.shape, expected, strict=True)
    )
    if array.dtype != kind or not is_fit:
        shape = ["any" if one is None else one for one in expected]
        yield f'its "{name}" must be {kind.__name__} {shape}, got {array.dtype} {list(array.shape)}'
    elif array.dtype.kind == "f" and not np.isfinite(array.astype(np.float32)).all():
        yield f'its "{name}" holds numbers that are not finite'


def _arrays(character: PhotorealCharacter) -> Arrays:
    rows = {f"{name}_{number:02d}": row for name in _ROWS for number, row in enumerate(getattr(character.bank, name))}
    return {name: np.ascontiguousarray(getattr(character, name)) for name in _ARRAYS} | rows


def _numbered(arrays: Arrays, name: str) -> Iterator[NDArray[np.generic]]:
    """The arrays `name`_00, `name`_01 and so on."""
    number = 0
    while (key := f"{name}_{number:02d}") in arrays:
        yield arrays[key]
        number += 1


def _parts(listed: object, path: Path) -> Iterator[SourceFile]:
    kinds = {"name": str, "sha256": str, "licence": str, "is_commercial": bool}
    for one in listed if isinstance(listed, list) else [listed]:
        if not isinstance(one, dict) or {word: type(value) for word, value in one.items()} != kinds:
            raise damaged_file_error(path, f"a part must have {', '.join(kinds)}, got {one!r}")
        yield SourceFile(**one)


def _digest(sealed: TensorFile) -> str:
    """The sha256 of all words and numbers, so that damage to either is noticed."""
    found = hashlib.sha256(json.dumps(sealed.words, sort_keys=True).encode())
    for name in sorted(sealed.arrays):
        array = sealed.arrays[name]
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
