"""Characters as files: who is shown, in one safetensors file with its licence and where it came from."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .nouns import Character

FOLDER = Path(__file__).parent / "weights" / "characters"
SUFFIX = ".omote"
DEFAULT_CHARACTER = "hana"
_FORMAT = "omote character 1"
_ARRAYS = {"shape": 1, "identity": 1, "texture_steps": 3, "texture_scale": 1, "bank": 2}  # name: dimensions
_WORDS = ("name", "model", "licence", "made_from")


class CharacterError(ValueError):
    """No such character, or a file that is none; the message says which and the cure."""


def character_names() -> tuple[str, ...]:
    """The characters that are shipped."""
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}")))


def load_character(name_or_path: str) -> Character:
    """A shipped character by name, or any by its file's path; CharacterError says what is wrong."""
    shipped = FOLDER / f"{name_or_path}{SUFFIX}"
    if name_or_path in character_names():
        return _read(shipped)
    path = Path(name_or_path)
    if path.is_file():
        return _read(path)
    names = character_names()
    near = difflib.get_close_matches(name_or_path, names, 1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    raise CharacterError(f'no character "{name_or_path}"{hint} There are: {", ".join(names)}; or the path of a file')


def save_character(character: Character, path: Path) -> None:
    """Writes a character; its texture in 8 bits a number with one scale a channel (error below a 250th)."""
    scale = np.abs(character.texture).max((1, 2)).astype(np.float32) / 127.0 + 1e-8
    arrays: dict[str, NDArray[np.generic]] = {
        "shape": character.shape.astype(np.float32),
        "identity": character.identity.astype(np.float32),
        "texture_steps": np.round(character.texture / scale[:, None, None]).astype(np.int8),
        "texture_scale": scale,
        "bank": character.bank.astype(np.float16),
    }
    words = {word: getattr(character, word) for word in _WORDS} | {"format": _FORMAT}
    save_file(arrays, path, {"omote": json.dumps(words, sort_keys=True)})


def _read(path: Path) -> Character:
    try:
        with safe_open(path, framework="numpy") as file:
            words = _words((file.metadata() or {}).get("omote", "{}"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, RecursionError) as error:
        raise CharacterError(f"{path} is no character file or damaged: {error}") from error
    if words.get("format") != _FORMAT:
        raise CharacterError(f'{path} is in the format "{words.get("format")}", this Omote reads "{_FORMAT}"')
    if missing := [word for word in _WORDS if word not in words]:
        raise CharacterError(f'{path} is damaged: it does not say its "{missing[0]}"')
    for name, dimensions in _ARRAYS.items():
        if name not in arrays or arrays[name].ndim != dimensions:
            raise CharacterError(f'{path} is damaged: no "{name}" of {dimensions} dimensions in it')
        if not np.isfinite(arrays[name].astype(np.float32)).all():
            raise CharacterError(f'{path} is damaged: "{name}" holds numbers that are not finite')
    if len(arrays["texture_scale"]) != len(arrays["texture_steps"]):
        raise CharacterError(f"{path} is damaged: {len(arrays['texture_scale'])} scales for its texture's channels")
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


def _words(text: str) -> dict[str, str]:
    said = json.loads(text)
    if not isinstance(said, dict):
        raise ValueError(f"its words must be a map, got {type(said).__name__}")
    return {word: str(value) for word, value in said.items()}
