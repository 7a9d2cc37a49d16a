"""Characters as files: who is shown, in one safetensors file with its licence and where it came from."""

from __future__ import annotations

import difflib
import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .data_folder import data_folder
from .nouns import AnyCharacter, Character
from .photoreal import character_file
from .sealed import Arrays, CharacterError, Sealed, damaged, seal, unsealed

__all__ = ["CharacterError", "character_names", "load_any", "load_character", "own_folder", "own_names"]

FOLDER = Path(__file__).parent / "weights" / "characters"
SUFFIX = ".omote"
DEFAULT_CHARACTER = "hana"
FOLDER_VARIABLE = "OMOTE_CHARACTERS"
_FORMAT = "omote character 2"
_ARRAYS = {"shape": 1, "identity": 1, "texture_steps": 3, "texture_scale": 1, "bank": 2}  # name: dimensions
_WORDS = ("name", "model", "licence", "made_from")


def character_names() -> tuple[str, ...]:
    """The characters that are shipped."""
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}")))


def own_folder() -> Path:
    """Where characters that were made here are kept: $OMOTE_CHARACTERS, else in the user's data folder."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    return data_folder() / "characters"


def own_names() -> tuple[str, ...]:
    """The characters that were made here."""
    return tuple(sorted(path.stem for path in own_folder().glob(f"*{SUFFIX}")))


def load_character(name_or_path: str) -> Character:
    """The same as `load_any` where it is one of the open kind; CharacterError for a photoreal one too."""
    character = load_any(name_or_path)
    if not isinstance(character, Character):
        raise CharacterError(
            f'"{name_or_path}" is a photoreal character, and this works with the open kind only: choose one that '
            "`omote characters` does not call photoreal"
        )
    return character


def load_any(name_or_path: str) -> AnyCharacter:
    """A shipped character or one made here by name, or any by its file's path; CharacterError says what is wrong."""
    path = _path_of(name_or_path)
    sealed = unsealed(path)
    if sealed.words.get("format") == character_file.FORMAT:
        return character_file.photoreal(sealed, path)
    return _open_kind(sealed, path)


def _path_of(name_or_path: str) -> Path:
    """Where a character's file is; CharacterError where there is none of this name."""
    for names, folder in ((character_names(), FOLDER), (own_names(), own_folder())):
        if name_or_path in names:
            return folder / f"{name_or_path}{SUFFIX}"
    path = Path(name_or_path)
    if path.is_file():
        return path
    names = (*character_names(), *own_names())
    near = difflib.get_close_matches(name_or_path, names, 1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    raise CharacterError(f'no character "{name_or_path}"{hint} There are: {", ".join(names)}; or the path of a file')


def save_character(character: Character, path: Path) -> None:
    """Writes a character, all of it or nothing; its texture in 8 bits a number with one scale a channel.

    The texture's error is below a 250th of a channel's greatest.
    """
    scale = np.abs(character.texture).max((1, 2)).astype(np.float32) / 127.0 + 1e-8
    arrays: dict[str, NDArray[np.generic]] = {
        "shape": character.shape.astype(np.float32),
        "identity": character.identity.astype(np.float32),
        "texture_steps": np.round(character.texture / scale[:, None, None]).astype(np.int8),
        "texture_scale": scale,
        "bank": character.bank.astype(np.float16),
    }
    words = {word: getattr(character, word) for word in _WORDS} | {"format": _FORMAT, "digest": _digest(arrays)}
    seal(path, Sealed(words, arrays))


def _digest(arrays: Arrays) -> str:
    """The sha256 of all numbers, so that a flipped bit does not become a face."""
    found = hashlib.sha256()
    for name in _ARRAYS:
        found.update(np.ascontiguousarray(arrays[name]).tobytes())
    return found.hexdigest()


def _open_kind(sealed: Sealed, path: Path) -> Character:
    words, arrays = {word: str(value) for word, value in sealed.words.items()}, sealed.arrays
    if words.get("format") != _FORMAT:
        raise CharacterError(f'{path} is in the format "{words.get("format")}", this Omote reads "{_FORMAT}"')
    if missing := [word for word in _WORDS if word not in words]:
        raise damaged(path, f'it does not say its "{missing[0]}"')
    for name, dimensions in _ARRAYS.items():
        if name not in arrays or arrays[name].ndim != dimensions:
            raise damaged(path, f'no "{name}" of {dimensions} dimensions in it')
        if not np.isfinite(arrays[name].astype(np.float32)).all():
            raise damaged(path, f'"{name}" holds numbers that are not finite')
    if words.get("digest") != _digest(arrays):
        raise damaged(path, "its numbers are not those that were written")
    if len(arrays["texture_scale"]) != len(arrays["texture_steps"]):
        raise damaged(path, f"{len(arrays['texture_scale'])} scales for its texture's channels")
    texture = arrays["texture_steps"].astype(np.float32) * arrays["texture_scale"][:, None, None]
    return Character(
        name=words["name"],
        shape=arrays["shape"].astype(np.float32),
        identity=arrays["identity"].astype(np.float32),
        texture=texture,
        bank=arrays["bank"].astype(np.float32),
        model=words["model"],
        licence=words["licence"],
        made_from=words["made_from"],
    )
